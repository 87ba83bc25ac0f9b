"""What the delegate did with a model, and why it left the rest."""

import dataclasses
import itertools
import json
import os
from pathlib import Path

from tfsparse.runtime import Interpreter, import_runtime, native
from tfsparse.text import as_text

_report_keys = itertools.count()


def explain(path, num_threads=1, *, measure=False, runtime=None, runs=20, options=None):
    """What the delegate takes of a model, how it runs it, and why it leaves the rest.

    Args:
        path: A `.tflite` file.
        num_threads: Threads to plan for.
        measure: Also run the model on random input and time every layer. Sizes that the file leaves
            open are taken as 1 for the batch and 224 for height and width.
        runtime: As for `Interpreter`.
        runs: Timed runs, when measuring.
        options: A dictionary of options for `load_delegate`.

    Returns:
        An `Explanation`; `print` it, or read its `layers`.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`.
    """
    if runs < 1:
        raise ValueError(f"Expected runs to be at least 1. Received: {runs}")
    key = f"explain-{os.getpid()}-{next(_report_keys)}"
    options = {**(options or {}), "report": key, "profile": measure}
    # What is left to TFLite is of no interest unless it runs: the default delegate would copy it.
    defaults = {} if measure else {"experimental_op_resolver_type": _without_default(runtime)}
    interpreter = Interpreter(path, num_threads, runtime=runtime, options=options, **defaults)
    if measure:
        _run_on_noise(interpreter, runs)
    else:
        interpreter.allocate_tensors()
    report = json.loads(native().report(key))
    by_node = {}
    for partition in report["partitions"]:
        for step in partition["steps"]:
            by_node.setdefault((partition["subgraph"], step["node"]), []).append(step)
    layers = tuple(
        _layer(node, by_node.get((node["subgraph"], node["id"]), []), measure)
        for node in report["nodes"]
    )
    default_seconds = sum(partition["default_seconds"] for partition in report["partitions"])
    return Explanation(
        path=str(path),
        isa=report["isa"],
        lacks_fp16=report["lacks_fp16"],
        partitions=len(report["partitions"]),
        default_seconds=default_seconds,
        layers=layers,
    )


@dataclasses.dataclass(frozen=True)
class Layer:
    """One operator of a model.

    Attributes:
        subgraph: The subgraph that it is in, in the order in which the runtime shows them.
        index: The operator's index in that subgraph.
        operator: Its TFLite name, such as `CONV_2D`.
        name: The name of its output tensor.
        taken: Whether the delegate runs it.
        reason: Why not, where not.
        kernel: What runs it; empty where it became part of another layer or of nothing.
        weights: Shape of its weights in TFLite's order, or `None` where it has none.
        sparsity: Fraction of zeros in the weights, or `None`.
        encoded: Whether the file stores the weights sparsely.
        macs: Multiply-adds of one run, zeros left out, or `None` where the delegate does not know.
        seconds: Time of its fastest run, or `None` where it was not measured.
    """

    subgraph: int
    index: int
    operator: str
    name: str
    taken: bool
    reason: str
    kernel: str
    weights: tuple | None
    sparsity: float | None
    encoded: bool
    macs: float | None
    seconds: float | None


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What `explain` found; `str()` is a table.

    Attributes:
        path: The file.
        isa: The instruction set whose kernels are used, and `fp16` where they compute in float16.
        lacks_fp16: Whether option `precision` asked for float16 in vain, as there are no such
            kernels for this CPU: float32 is computed.
        partitions: How many connected parts of the model the delegate runs.
        default_seconds: How long TFLite's default is predicted to take for these parts, which
            option `auto` compares with the delegate's time.
        layers: Every operator, in the file's order.
    """

    path: str
    isa: str
    lacks_fp16: bool
    partitions: int
    default_seconds: float
    layers: tuple[Layer, ...]

    def __str__(self):
        """The table, as wide as it needs."""
        return as_text(self, width=160)

    def __rich__(self):
        """The same for rich's consoles."""
        from rich.console import Group
        from rich.table import Table

        measured = any(layer.seconds is not None for layer in self.layers)
        table = Table("#", "operator", "weights", "zeros", "run by", box=None, pad_edge=False)
        if measured:
            table.add_column("µs", justify="right")
            table.add_column("GFLOP/s", justify="right")
        for layer in self.layers:
            table.add_row(*_row(layer, measured))
        return Group(table, "", self.summary())

    def summary(self):
        """One sentence: how much was taken, and how sparse it is."""
        taken = [layer for layer in self.layers if layer.taken]
        sparse = sum(layer.kernel.startswith("sparse") for layer in taken)
        parts = "1 part" if self.partitions == 1 else f"{self.partitions} parts"
        isa = f"{self.isa}, which has no float16" if self.lacks_fp16 else self.isa
        return (
            f"{Path(self.path).name}: tfsparse ({isa}) runs {len(taken)} of "
            f"{len(self.layers)} operators in {parts}, {sparse} of them with sparse weights; "
            f"the rest stays with TFLite."
        )


def _row(layer, measured):
    weights = "x".join(map(str, layer.weights)) if layer.weights else ""
    zeros = "" if layer.sparsity is None else f"{100 * layer.sparsity:.0f} %"
    if layer.encoded:
        zeros += " stored sparse"
    if layer.taken:
        run_by = layer.kernel or "nothing: folded into a neighbour"
    else:
        run_by = f"TFLite: {layer.reason}"
    row = [str(layer.index), layer.operator, weights, zeros, run_by]
    if measured:
        timed = layer.seconds is not None
        row.append(f"{1e6 * layer.seconds:.0f}" if timed else "")
        fast = timed and layer.macs and layer.seconds > 0
        row.append(f"{2e-9 * layer.macs / layer.seconds:.0f}" if fast else "")
    return row


def _layer(node, steps, measured):
    from tfsparse.flatbuffer import builtin_name

    shape = node.get("weights")
    return Layer(
        subgraph=node["subgraph"],
        index=node["id"],
        operator=node["type"] or builtin_name(node["code"]),
        name=node["name"],
        taken=node["taken"],
        reason=node["reason"],
        kernel=" + ".join(step["kernel"] for step in steps),
        weights=tuple(shape) if shape else None,
        sparsity=node.get("sparsity"),
        encoded=node.get("encoded", False),
        macs=sum(step["macs"] for step in steps) if steps else None,
        seconds=sum(step["seconds"] for step in steps) if steps and measured else None,
    )


def _run_on_noise(interpreter, runs):
    import numpy as np

    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        signature = detail["shape_signature"]
        if any(size < 0 for size in signature):
            usual = [1, *[224] * (len(signature) - 1)]
            sizes = [u if s < 0 else s for s, u in zip(signature, usual, strict=True)]
            interpreter.resize_tensor_input(detail["index"], sizes)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        noise = random.standard_normal(detail["shape"]).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], noise)
    for _ in range(runs):
        interpreter.invoke()


def _without_default(runtime):
    module = import_runtime(runtime)
    types = getattr(module, "OpResolverType", None) or module.experimental.OpResolverType
    return types.BUILTIN_WITHOUT_DEFAULT_DELEGATES
