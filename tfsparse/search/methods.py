"""The methods that a trial can train with, and the targets that each serves."""

import dataclasses
import glob
from collections.abc import Callable

from tfsparse.prune.schedules import PolynomialDecay
from tfsparse.prune.weights.gradual import GradualPruning
from tfsparse.prune.weights.rigl import RigL
from tfsparse.quantize.weight_sharing import WeightSharing
from tfsparse.search.channel_cuts import cut

# What a method prunes: the model, the model with factors in place of its large layers, the model
# with shared values, and channels of the model.
PLAIN, FACTORIZED, SHARED, CHANNELS = "plain", "factorized", "shared", "channels"
SHARED_BITS = 5
# Prunes no weight. With it each layer has a mask, so that one compiled train step fits all trials.
NEXT_TO_NONE = 1e-12


def _gradual(model, sparsities, settings, block_size):
    highest = max(sparsities.values())
    if not highest:
        return model, []
    schedule = PolynomialDecay(highest, end=settings.end)
    scope = {
        glob.escape(name): max(sparsity, NEXT_TO_NONE) for name, sparsity in sparsities.items()
    }
    return model, [GradualPruning(schedule=schedule, scope=scope, block_size=block_size)]


def _rigl(model, sparsities, settings, block_size):
    pruned = _pruned(sparsities)
    if not pruned:
        return model, []
    # RigL takes up the zeros that there are; without any it would prune at random.
    GradualPruning(scope=pruned, block_size=block_size).apply(model)
    return model, [RigL(scope=pruned, end=settings.end, block_size=block_size)]


def _sharing(model, sparsities, settings, block_size):
    bits = {glob.escape(name): SHARED_BITS for name in sparsities}
    sharing = WeightSharing(bits, begin=settings.rounding)
    model, pruning = _gradual(model, sparsities, settings, block_size)
    return model, [*pruning, sharing]


def _channels(model, sparsities, settings, block_size):
    return cut(model, sparsities), []


def _pruned(sparsities):
    """The layers that do not stay dense, as a scope."""
    return {glob.escape(name): sparsity for name, sparsity in sparsities.items() if sparsity}


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to make a model smaller or faster.

    Attributes:
        begin: Function of a model, a dictionary from names of layers to sparsities, `Settings` and
            a pair of ints, the size of blocks. It returns the model to train, the same one or a
            smaller one, and the callbacks of the training.
        variant: What it prunes: `PLAIN`, `FACTORIZED`, `SHARED` or `CHANNELS`.
        quantities: Tuple of the quantities that it saves.
        weights: Tuple of the types of weights that it is for.
    """

    begin: Callable
    variant: str = PLAIN
    quantities: tuple[str, ...] = ("latency", "size", "archive", "macs")
    weights: tuple[str, ...] = ("float32", "int8")


METHODS = {
    "gradual": Method(_gradual),
    "rigl": Method(_rigl),
    "channels": Method(_channels, CHANNELS),
    "factorize": Method(_gradual, FACTORIZED, quantities=("latency", "macs")),
    # In int8 each channel has a scale of its own, and a layer more values than are shared.
    "sharing": Method(_sharing, SHARED, quantities=("archive",), weights=("float32",)),
}


def checked_methods(methods, quantity, weights):
    """Returns the names of methods as a tuple, each once.

    Args:
        methods: A name, or an iterable of names.
        quantity: That of the target.
        weights: Type of the file's weights.

    Raises:
        ValueError: There is no such method, or it does not serve the target or the weights.
    """
    names = tuple(dict.fromkeys([methods] if isinstance(methods, str) else methods))
    if not names or not set(names) <= set(METHODS):
        raise ValueError(
            f"Expected methods to be one or more of {', '.join(METHODS)}. Received: {methods!r}"
        )
    for name in names:
        method = METHODS[name]
        for kind, value, served in (
            ("target of", quantity, method.quantities),
            ("weights", weights, method.weights),
        ):
            if value not in served:
                raise ValueError(
                    f"Expected a method that serves a search with {kind} {value}. Received: "
                    f"{name!r}, which serves {' and '.join(served)}. Leave it out of methods, or "
                    f"change the {kind.split()[0]}."
                )
    return names
