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
from tfsparse.search.cost_table import CostTable, LayerCosts
from tfsparse.search.measured import Measured, written

SPARSITIES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Of a table of times: every layer must have one, also where the default would run it.
EVERYTHING = {"auto": False}
RUNS, SECONDS = 60, 4.0


def measure_costs(
    model: "Model | Measured",
    quantity: str = "latency",
    *,
    sparsities: Iterable[float] = SPARSITIES,
    scope: Scope = "all",
    block_size: BlockSize = 1,
    weights: str = "float32",
    representative_dataset: Examples | None = None,
    num_threads: int = 1,
    count: Callable[[Sequence[str]], Sequence[float]] | None = None,
    setting: dict | None = None,
) -> CostTable:
    """Measures what each layer of a model costs at several sparsities.

    Latency is that of each operator after fusion, as the delegate runs it: one file for each
    sparsity, in which all layers have it, run in turn; the fastest run of each operator counts.
    Another device, on which operators cannot be timed one by one, is asked by `count` for the cost
    of whole files: in each of these one layer has zeros, and all others are dense.

    Args:
        model: Built Keras model, or a `Measured` one.
        quantity: `"latency"`, `"size"`, `"archive"` (what `tfsparse.pack` writes) or `"macs"`; with
            `count` `"latency"` or `"instructions"`.
        sparsities: Floats in [0, 1); 0 is always one of them.
        scope: Which layers, as for `GradualPruning`.
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
    sparsities = _checked(sparsities)
    names = "latency", "size", "archive", "macs"
    if quantity not in (*names, *(("instructions",) if count else ())):
        raise ValueError(
            f"Expected quantity to be one of {', '.join(names)}. Received: {quantity!r}"
        )
    if not isinstance(model, Measured):
        model = Measured(model, scope, weights, representative_dataset)
    block_size = checked_block_size(block_size)
    if count is not None:
        costs, whole = _counted(model, sparsities, block_size, count)
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
    )


def speedup(first, second, num_threads=1, of_default=False, seconds=SECONDS):
    """Times two files, given as bytes, in turn.

    Args:
        first, second: Their contents.
        num_threads: Threads of the interpreters.
        of_default: Whether TFLite's default runs the first, and the delegate only the second.
        seconds: Time to spend.

    Returns:
        The time of the fastest inference of the first over that of the second. On a busy machine
        ratios of medians are too far off to choose sparsities by.
    """
    with written([first, second]) as paths:
        pair = _interpreters(paths, num_threads, [not of_default, True])
        one, other = timing.fastest(pair, seconds)
        return one / other


def _interpreters(paths, num_threads, delegate):
    """Interpreters of files with the same inputs; the delegate runs all it can of some."""
    options = {"num_threads": num_threads, "runtime": installed_runtime(None)}
    interpreters = [
        timing.open_one(path, runs, options=EVERYTHING, **options)
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
            paths, num_threads=num_threads, measure=True, runs=RUNS, options=EVERYTHING
        )
        interpreters = _interpreters(paths, num_threads, [True] * len(paths))
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
        pruned = model.pruned([sparsity] * len(model.layers), block_size)
        costs.append([coded_bytes(pruned, layer) for layer in model.layers])
    whole = [num_bytes(one, "archive") for one in _uniform(model, sparsities, block_size)]
    return np.transpose(costs), whole


def _macs(model, sparsities):
    """The same for MACs with nonzero weights."""
    macs = model.macs
    of_layers = [sum(macs[name] for name in layer.outputs) for layer in model.layers]
    kept = 1 - np.array(sparsities)
    costs = np.outer(of_layers, kept)
    return costs, sum(macs.values()) - sum(of_layers) + costs.sum(axis=0)


def _counted(model, sparsities, block_size, count):
    """The same for what a function counts for whole files, in each of which one layer is sparse."""
    numbers = range(len(model.layers))
    alone = [_only(model, number, sparsity) for number in numbers for sparsity in sparsities[1:]]
    contents = _uniform(model, sparsities, block_size)
    contents += [model.variant(one, block_size) for one in alone]
    with written(contents) as paths:
        found = np.array([float(cost) for cost in count(paths)])
    whole, alone = np.split(found, [len(sparsities)])
    saved = whole[0] - alone.reshape(len(model.layers), -1)
    # What a dense layer costs is not known, and does not matter: it is a part of the same sum,
    # whether it counts as the layer's or as the rest. So that no cost is below zero, it is the
    # largest saving.
    dense = np.maximum(saved.max(axis=1, keepdims=True), 0)
    return np.hstack([dense, dense - saved]), whole


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
