"""The zeros of a weight tensor: their number and structure."""

import dataclasses

import numpy as np

# Elements looked at at once: a tensor may be as large as the memory that is left.
CHUNK = 1 << 22
# Of channels, so that no block lies in two chunks. Each is twice the one before.
_BLOCK_SIZES = (2, 4, 8, 16)
# Zeros in blocks that are kept, as a fraction of the nonzeros and of all zeros: a small weight of a
# kept block is 0 in int8. Without blocks one of both fractions is above it, whatever the sparsity.
_STRAY = 0.1
# Patterns of kernels are a library of few; a random mask of 3x3 has hundreds.
MAX_PATTERNS = 32


@dataclasses.dataclass(frozen=True)
class Zeros:
    """What was found in a tensor.

    Attributes:
        size: Number of weights.
        zeros: How many of them are zero.
        block: Sizes of the largest blocks of (output, input) channels that are zero or not as a
            whole, but for few zeros in blocks that are not; `(1, 1)` where there are none.
        zero_outputs, zero_inputs: Output and input channels of which every weight is zero.
        only_channels: Whether all zeros are in these channels.
        patterns: How many different patterns the kernels have that are not all zero, where these
            are few and keep equally many weights; else `None`.
        kept: How many weights of a kernel a pattern keeps, or `None`.
        positions: How many weights a kernel has for each pair of channels.
        group: `(n, m)` where of every m neighbouring input channels n are kept, else `None`.
    """

    size: int
    zeros: int
    block: tuple[int, int] = (1, 1)
    zero_outputs: int = 0
    zero_inputs: int = 0
    only_channels: bool = False
    patterns: int | None = None
    kept: int | None = None
    positions: int = 1
    group: tuple[int, int] | None = None

    @property
    def sparsity(self):
        """Fraction of zeros."""
        return self.zeros / self.size if self.size else 0.0

    @property
    def structure(self):
        """The regularity in a word or two; empty for a tensor without zeros, or of zeros only."""
        if self.zeros in (0, self.size):
            return ""
        if self.only_channels:
            return "whole channels"
        if self.block != (1, 1):
            return f"{self.block[0]}x{self.block[1]} blocks"
        if self.group:
            return f"{self.group[0]} of {self.group[1]}"
        if self.patterns:
            return self._kernels
        return "unstructured"

    @property
    def _kernels(self):
        if self.kept == self.positions:
            return "whole kernels"
        patterns = "1 pattern" if self.patterns == 1 else f"{self.patterns} patterns"
        return f"{patterns} of {self.kept} in {self.positions}"


def count_zeros(values):
    """The number of zeros in an array, in pieces that bound the memory needed."""
    flat = values.reshape(-1)
    pieces = range(0, flat.size, CHUNK)
    return flat.size - sum(int(np.count_nonzero(flat[i : i + CHUNK])) for i in pieces)


def find_zeros(weights):
    """Looks for regularities.

    Args:
        weights: Array of rank 2 or more with the output channels first and the input channels last;
            it may be Boolean, true where a weight is kept.

    Returns:
        A `Zeros`.
    """
    outputs = weights.shape[0]
    inputs = weights.shape[-1]
    zeros = count_zeros(weights)
    if zeros in (0, weights.size):
        return Zeros(weights.size, zeros)
    allowed = _STRAY * min(zeros, weights.size - zeros)
    search = _Search(outputs, inputs, weights.size // (outputs * inputs), allowed)
    step = max(_BLOCK_SIZES[-1], CHUNK * outputs // weights.size // 16 * 16)
    for start in range(0, outputs, step):
        search.add((weights[start : start + step] != 0).reshape(-1, search.positions, inputs))
    return search.result(zeros)


class _Search:
    """Hypotheses about a mask of (outputs, positions of the kernel, inputs), seen in pieces.

    Args:
        outputs, inputs, positions: The mask's sizes.
        allowed: How many zeros there may be in blocks that are kept.
    """

    def __init__(self, outputs, inputs, positions, allowed):
        self.outputs, self.inputs, self.positions = outputs, inputs, positions
        self.allowed = allowed
        # For output and input channels: by the size of a block, the zeros in those that are kept.
        self.strays = [
            {size: 0 for size in _BLOCK_SIZES if size <= channels} for channels in (outputs, inputs)
        ]
        self.group_counts = set()
        # A pattern is a number of as many bits as the kernel has positions.
        self.patterns = set() if 1 < positions < 63 else None
        self.live_outputs = 0
        self.live_inputs = np.zeros(inputs, bool)

    def add(self, mask):
        """Takes the next outputs into account."""
        for axis, strays in zip((0, 2), self.strays, strict=True):
            self._count_strays(mask, axis, strays)
        if self.inputs % 4 == 0:
            counts = mask.reshape(*mask.shape[:2], -1, 4).sum(axis=3)
            self.group_counts.update(np.unique(counts).tolist())
        if self.patterns is not None:
            bits = np.einsum("opi,p->oi", mask, 1 << np.arange(self.positions), dtype=np.int64)
            self.patterns.update(np.unique(bits).tolist())
            if len(self.patterns) > MAX_PATTERNS + 1:
                self.patterns = None
        rows = mask.any(axis=(1, 2))
        self.live_outputs += int(rows.sum())
        self.live_inputs |= mask.any(axis=(0, 1))

    def _count_strays(self, mask, axis, strays):
        """Adds the zeros in kept blocks along an axis, and drops the sizes that have too many."""
        channels, kept, nonzeros = mask.shape[axis], mask, np.count_nonzero(mask)
        for size in list(strays):
            kept = np.logical_or.reduceat(kept, np.arange(0, kept.shape[axis], 2), axis)
            widths = np.diff(np.append(np.arange(0, channels, size), channels))
            of_channel = kept.sum(axis=tuple({0, 1, 2} - {axis}))
            strays[size] += int(widths @ of_channel) - nonzeros
            if strays[size] > self.allowed:
                # Larger blocks consist of these, and have more.
                for larger in [other for other in strays if other >= size]:
                    del strays[larger]
                break

    def result(self, zeros):
        """The hypotheses that hold."""
        live_inputs = int(self.live_inputs.sum())
        size = self.outputs * self.positions * self.inputs
        kept = {bin(pattern).count("1") for pattern in self.patterns or () if pattern}
        regular = len(kept) == 1
        group = self.group_counts if len(self.group_counts) == 1 else None
        return Zeros(
            size,
            zeros,
            block=tuple(max(strays, default=1) for strays in self.strays),
            zero_outputs=self.outputs - self.live_outputs,
            zero_inputs=self.inputs - live_inputs,
            only_channels=size - zeros == self.live_outputs * live_inputs * self.positions,
            patterns=len(self.patterns - {0}) if regular else None,
            kept=kept.pop() if regular else None,
            positions=self.positions,
            group=(group.pop(), 4) if group else None,
        )
