"""Measures cost tables: times by the delegate, or whatever a function counts for a file."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

import tfsparse
from tfsparse.annotations import BlockSize, Examples, Model, Scope
from tfsparse.progress import track
from tfsparse.prune.blocks import checked_block_size
from tfsparse.runtime import benchmark, timing
from tfsparse.runtime.explain import explain_in_turn
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.runtime.runtimes import installed_runtime
from tfsparse.search.byte_counts import coded_bytes, num_bytes
from tfsparse.search.channel_cuts import MeasuredChannels
from tfsparse.search.cost_table import CostTable, LayerCosts, in_turn
from tfsparse.search.measured import Measured, written

SPARSITIES = {
    "weights": (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    "channels": tuple(eighths / 8 for eighths in range(8)),
}
RUNS, SECONDS = 60, 4.0
AT_ONCE = 8  # files that are timed in turn: all of a large model would not fit into memory


def measure_costs(
    model: "Model | Measured | MeasuredChannels",
    quantity: str = "latency",
    *,
    pruned: str = "weights",
    sparsities: Iterable[float] | None = None,
    scope: Scope = "all",
    block_size: BlockSize = 1,
    weights: str = "float32",
    representative_dataset: Examples | None = None,
    num_threads: int = 1,
    count: Callable[[Sequence[str]], Sequence[float]] | None = None,
    setting: dict | None = None,
) -> CostTable:
    """Measures what each layer of a model, or each group of channels, costs at several sparsities.

    Latency is that of each operator after fusion, as the delegate runs it: one file for each
    sparsity, in which all layers have it, run in turn; the fastest run of each operator counts.
    Another device, on which operators cannot be timed one by one, is asked by `count` for the cost
    of whole files: in each of these one layer has zeros, and all others are dense.

    Channels that are cut make all layers faster that they pass through. So whole files are measured
    of them too: in each one group has fewer channels, as `tfsparse.shrink` makes a smaller model.
    What these save one by one is more than what they save together, and is scaled to that.

    Args:
        model: Built Keras model, or a `Measured` or `MeasuredChannels` one.
        quantity: `"latency"`, `"size"`, `"archive"` (what `tfsparse.pack` writes) or `"macs"`; with
            `count` `"latency"` or `"instructions"`.
        pruned: `"weights"` of layers, or `"channels"`.
        sparsities: Floats in [0, 1); 0 is always one of them. Of channels they are the fractions
            that are cut, by default the multiples of 1/8.
        scope: Which layers, as for `GradualPruning`; or which groups, as for `ChannelPruning`.
        block_size: As for `GradualPruning`.
        weights: `"float32"` or `"int8"`.
        representative_dataset: As for `tfsparse.convert`, for int8.
        num_threads: Threads of the interpreter.
        count: A function that takes paths of `.tflite` files, and returns the cost of one inference
            of each, in seconds or in instructions.
        setting: Dictionary that says where the costs are from; by default this machine.

    Returns:
        A `CostTable`.

    Raises:
        ValueError: An argument is out of its range, or no layer in scope is found in the file.
    """
    kind = _kind(pruned)
    if not isinstance(model, Measured | MeasuredChannels):
        model = kind(model, scope, weights, representative_dataset)
    sparsities = _checked(SPARSITIES[model.pruned] if sparsities is None else sparsities)
    names = "latency", "size", "archive", "macs"
    if quantity not in (*names, *(("instructions",) if count else ())):
        raise ValueError(
            f"Expected quantity to be one of {', '.join(names)}. Received: {quantity!r}"
        )
    block_size = checked_block_size(block_size)
    mixed = None
    if count is not None or model.pruned == "channels":
        cost_of = _cost_of(model, quantity, block_size, num_threads, count)
        costs, whole, mixed = _alone(model, sparsities, cost_of)
    elif quantity == "latency":
        costs, whole = _seconds(model, sparsities, block_size, num_threads)
    elif quantity == "size":
        costs, whole = _bytes(model, sparsities, block_size)
    elif quantity == "archive":
        costs, whole = _archived(model, sparsities, block_size)
    else:
        costs, whole = _macs(model, sparsities)
    rest = np.median(np.subtract(whole, np.sum(costs, axis=0)))
    machine = benchmark.machine(num_threads=num_threads)
    here = {"cpu": machine.cpu, "num_threads": num_threads, "runtime": machine.version}
    return CostTable(
        quantity=quantity,
        weights=model.weights,
        block_size=block_size,
        sparsities=sparsities,
        layers=tuple(
            LayerCosts(layer.name, layer.size, tuple(map(float, row)))
            for layer, row in zip(model.layers, costs, strict=True)
        ),
        rest=float(rest),
        whole=tuple(map(float, whole)),
        setting={**(setting or here), "tfsparse": tfsparse.__version__},
        pruned=model.pruned,
        mixed=mixed,
    )


def _kind(pruned):
    kinds = {kind.pruned: kind for kind in (Measured, MeasuredChannels)}
    if pruned not in kinds:
        raise ValueError(f"Expected pruned to be one of {', '.join(kinds)}. Received: {pruned!r}")
    return kinds[pruned]


def speedup(
    first,
    second,
    num_threads=1,
    of_default=False,
    seconds=SECONDS,
    options=Measured.delegate_options,
):
    """Times two files, given as bytes, in turn.

    Args:
        first, second: Their contents.
        num_threads: Threads of the interpreters.
        of_default: Whether TFLite's default runs the first, and the delegate only the second.
        seconds: Time to spend.
        options: Of the delegate.

    Returns:
        The time of the fastest inference of the first over that of the second. On a busy machine
        ratios of medians are too far off to choose sparsities by.
    """
    with written([first, second]) as paths:
        pair = _interpreters(paths, num_threads, [not of_default, True], options)
        one, other = timing.fastest(pair, seconds)
        return one / other


def _interpreters(paths, num_threads, delegate, options):
    """Interpreters of files with the same inputs, some with the delegate."""
    common = {"num_threads": num_threads, "runtime": installed_runtime(None)}
    interpreters = [
        timing.open_one(path, runs, options=options, **common)
        for path, runs in zip(paths, delegate, strict=True)
    ]
    set_random_inputs(interpreters)
    return interpreters


def _seconds(model, sparsities, block_size, num_threads):
    """Seconds of each layer's operators, and of the whole, in files with all layers equally sparse.

    Returns:
        Float array (layers, sparsities), and a list of the whole at each sparsity. The same is
        returned by the functions below.
    """
    with written(_uniform(model, sparsities, block_size)) as paths:
        found = explain_in_turn(
            paths, num_threads=num_threads, measure=True, runs=RUNS, options=model.delegate_options
        )
        interpreters = _interpreters(
            paths, num_threads, [True] * len(paths), model.delegate_options
        )
        # As of the operators, the fastest: a busy machine makes medians longer than their sum.
        whole = [1e-3 * latency for latency in timing.fastest(interpreters, SECONDS)]
    times = [{one.name: one.seconds or 0.0 for one in file.layers} for file in found]
    costs = [
        [sum(of_file.get(name, 0.0) for name in layer.outputs) for of_file in times]
        for layer in model.layers
    ]
    return np.array(costs), whole


def _bytes(model, sparsities, block_size):
    """The same for bytes of the file. A dense kernel has its weights, whatever else is beside."""
    dense = len(model.dense)
    costs = []
    for number, layer in enumerate(track(model.layers, "Encoding layers")):
        alone = (_only(model, number, sparsity) for sparsity in sparsities[1:])
        sizes = np.array([dense, *(len(model.variant(one, block_size)) for one in alone)])
        costs.append(layer.size * model.itemsize + sizes - dense)
    return np.array(costs), [len(content) for content in _uniform(model, sparsities, block_size)]


def _archived(model, sparsities, block_size):
    """The same for bytes of the archive."""
    costs = []
    for sparsity in sparsities:
        file = model.parsed([sparsity] * len(model.layers), block_size)
        costs.append([coded_bytes(file, layer) for layer in model.layers])
    whole = [num_bytes(one, "archive") for one in _uniform(model, sparsities, block_size)]
    return np.transpose(costs), whole


def _macs(model, sparsities):
    """The same for MACs with nonzero weights."""
    macs = model.macs
    of_layers = [sum(macs[name] for name in layer.outputs) for layer in model.layers]
    kept = 1 - np.array(sparsities)
    costs = np.outer(of_layers, kept)
    return costs, sum(macs.values()) - sum(of_layers) + costs.sum(axis=0)


def _alone(model, sparsities, cost_of):
    """The same by the costs of whole files, in each of which one layer is sparse.

    Args:
        cost_of: Function of a list of the sparsities of all layers of a file, that returns the
            costs of these files.

    Returns:
        The same, and the cost with the sparsities in turn.
    """
    count = len(model.layers)
    alone = [_only(model, number, one) for number in range(count) for one in sparsities[1:]]
    uniform = [[one] * count for one in sparsities]
    whole, mixed, alone = np.split(
        np.array(cost_of([*uniform, in_turn(sparsities, count), *alone]), float),
        [len(uniform), len(uniform) + 1],
    )
    saved = whole[0] - alone.reshape(count, -1)
    if model.pruned == "channels":
        saved *= _shrinkage(saved.sum(axis=0), whole[0] - whole[1:])
    # What a dense layer costs is not known, and does not matter: it is a part of the same sum,
    # whether it counts as the layer's or as the rest. So that no cost is below zero, it is the
    # largest saving.
    dense = np.maximum(saved.max(axis=1, keepdims=True), 0)
    return np.hstack([dense, dense - saved]), whole, float(mixed[0])


def _shrinkage(sums, together):
    """What single savings are multiplied by, so that they sum to what all save together."""
    return np.divide(together, sums, out=np.ones_like(sums), where=(sums > 0) & (together > 0))


def _cost_of(model, quantity, block_size, num_threads, count):
    """The function of lists of sparsities that `_alone` needs."""
    if count is None and quantity == "macs":
        return lambda files: [model.num_macs(one) for one in files]

    def cost_of(files):
        contents = (model.variant(one, block_size) for one in track(files, "Making files"))
        if count is None and quantity != "latency":
            return [num_bytes(content, quantity) for content in contents]
        with written(contents) as paths:
            if count is not None:
                return list(count(paths))
            return _times(paths, num_threads, model.delegate_options)

    return cost_of


def _times(paths, num_threads, options):
    """The seconds of many files, a few of them and the first at a time."""
    first, *others = paths
    times = []
    for start in track(range(0, len(others), AT_ONCE), "Timing files"):
        together = [first, *others[start : start + AT_ONCE]]
        interpreters = _interpreters(together, num_threads, [True] * len(together), options)
        times.append(timing.fastest(interpreters, SECONDS))
    # The clock may change meanwhile: each is compared with the first at the same time.
    least = min(of_first for of_first, *_ in times)
    found = [least, *(one * least / part[0] for part in times for one in part[1:])]
    return [1e-3 * milliseconds for milliseconds in found]


def _uniform(model, sparsities, block_size):
    """The contents of files in which all layers are equally sparse."""
    return [model.variant([one] * len(model.layers), block_size) for one in sparsities]


def _only(model, number, sparsity):
    """The sparsities with one layer's, and all others 0."""
    return [sparsity if i == number else 0.0 for i in range(len(model.layers))]


def _checked(sparsities):
    found = sorted({0.0, *map(float, sparsities)})
    if len(found) < 2 or not 0 <= found[0] <= found[-1] < 1:
        raise ValueError(f"Expected sparsities in [0, 1), one of them above 0. Received: {found}")
    return tuple(found)
