"""What the values of a weight tensor have in common: few values, or powers of two."""

import numpy as np

# Nonzeros for each different value, at least: what does not repeat follows no rule.
_LEAST_REPEATS = 2
# Weights looked at at once; of most tensors, the first ones tell that they follow no rule.
_CHUNK = 1 << 18
_MOST_CLUSTERS = 256
_MOST_POWERS = 64


def name_values(weights):
    """Names what the values of a tensor have in common, in a word or two.

    Each output channel may have a factor of its own, as BatchNormalization leaves it in a file and
    as int8 has scales. So all but clusters are looked for in each channel.

    Args:
        weights: Array of floats or int8 of rank 2 or more with the output channels first.

    Returns:
        "ternary": each channel has zeros and one positive and one negative value at most; "binary":
        the same without zeros; "powers of two": each channel has one value times signed powers of
        two; "16 clusters": the tensor has at most 256 different floats; or an empty string. There
        are twice as many nonzeros as values, at least, and both signs but in clusters.
    """
    is_float = np.issubdtype(weights.dtype, np.floating)
    if not weights.size or not (is_float or weights.dtype == np.int8):
        return ""
    rows = weights.reshape(len(weights), -1)
    found = _Search(rows.dtype, is_float)
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, len(rows), step):
        found.add(rows[start : start + step])
        if not found.is_open:
            return ""
    return found.name


def may_repeat(values):
    """Returns whether `name_values` may have a name for a tensor, by some of its values.

    Args:
        values: Array of one dimension: the stored values of a tensor, in any order.
    """
    sample = values[:_CHUNK]
    sample = sample[sample != 0]
    return len(sample) >= _LEAST_REPEATS * len(np.unique(sample))


class _Search:
    """Hypotheses about channels (outputs, weights of each), seen in pieces."""

    def __init__(self, dtype, has_clusters):
        self._dtype = dtype
        self._nonzeros = self._zeros = 0
        self._signs = set()
        # How many values there are, by hypothesis; None where it does not hold.
        self._few, self._powers = 0, 0
        self._clusters = np.zeros(0, dtype) if has_clusters else None

    def add(self, rows):
        """Takes the next channels into account."""
        sides = [np.where(rows > 0, rows, 0), np.where(rows < 0, rows, 0)]
        # -128 has no positive counterpart in int8.
        sizes = [np.abs(side.astype(np.promote_types(side.dtype, np.int16))) for side in sides]
        nonzeros = int(np.count_nonzero(rows))
        self._nonzeros += nonzeros
        self._zeros += rows.size - nonzeros
        self._signs.update(sign for sign, size in zip((1, -1), sizes, strict=True) if size.any())
        if self._few is not None:
            counts = list(map(_count_if_one, sizes))
            self._few = None if None in counts else self._few + sum(counts)
        if self._powers is not None:
            count = _count_powers(sizes[0] + sizes[1], self._dtype)
            self._powers = None if count is None else self._powers + count
        if self._clusters is not None:
            self._clusters = np.union1d(self._clusters, rows)
            if len(self._clusters) > _MOST_CLUSTERS:
                self._clusters = None

    @property
    def is_open(self):
        """Whether a hypothesis holds so far."""
        return not (self._few is None and self._powers is None and self._clusters is None)

    @property
    def name(self):
        """The first hypothesis that holds; empty if none does."""
        both = len(self._signs) == 2
        if self._repeats(self._few) and both:
            return "ternary" if self._zeros else "binary"
        if self._repeats(self._powers) and both:
            return "powers of two"
        clusters = self._clusters
        if clusters is not None and self._repeats(np.count_nonzero(clusters)):
            return f"{len(clusters)} clusters"
        return ""

    def _repeats(self, values):
        return bool(values) and self._nonzeros >= _LEAST_REPEATS * values


def _count_if_one(sizes):
    """Returns how many channels have a nonzero, or None if one has different ones."""
    largest = sizes.max(axis=1, keepdims=True)
    return int(np.count_nonzero(largest)) if np.all((sizes == 0) | (sizes == largest)) else None


def _count_powers(sizes, dtype):
    """Returns how many powers of two all channels have, or None if there are other values."""
    exact = sizes.astype(np.float64)
    largest = exact.max(axis=1, keepdims=True)
    kept = exact > 0
    power = np.round(np.log2(np.divide(largest, exact, out=np.ones_like(exact), where=kept)))
    wanted = largest / 2**power
    # Values of int8 are rounded; those of floats, as far as their exponents reach, are not.
    allowed = 0.5 if dtype == np.int8 else np.spacing(wanted.astype(dtype)).astype(np.float64)
    if np.any(kept & ((np.abs(exact - wanted) > allowed) | (power >= _MOST_POWERS))):
        return None
    bits = np.where(kept, np.uint64(1) << power.astype(np.uint64), np.uint64(0))
    seen = np.bitwise_or.reduce(bits, axis=1)
    return sum(bin(number).count("1") for number in seen.tolist())
