"""Explains which operators the delegate takes, and why it leaves the others."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsparse.annotations import PathLike, Shapes
from tfsparse.formatting import as_text, number_of, operator_number, significant
from tfsparse.runtime import input_shapes
from tfsparse.runtime.interpreter import open_reporting
from tfsparse.runtime.random_inputs import set_random_inputs


def explain(
    path: PathLike,
    *,
    num_threads: int = 1,
    shapes: Shapes | None = None,
    measure: bool = False,
    runtime: str | None = None,
    runs: int = 20,
    options: Mapping[str, Any] | None = None,
) -> "Explanation":
    """Explains how the delegate runs each operator of a model, or why it leaves it to TFLite.

    The file is opened as by `Interpreter`.

    Args:
        path: A `.tflite` file.
        num_threads: Threads to plan for.
        shapes: Shapes of inputs with open dimensions: a dictionary from names of inputs to
            shapes, or the shape of the only input. By default 1 for the batch and 224 for height
            and width.
        measure: Also run the model on random input and time every layer.
        runtime: As for `Interpreter`.
        runs: Timed runs with `measure`; the result is the fastest of each layer.
        options: A dictionary of options for `load_delegate`.

    Returns:
        An `Explanation`; `print` it, or read its `layers`.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`, or a shape does not fit.
        RuntimeError: TFLite cannot run the model.
    """
    (explanation,) = explain_in_turn(
        [path],
        num_threads=num_threads,
        shapes=shapes,
        measure=measure,
        runtime=runtime,
        runs=runs,
        options=options,
    )
    return explanation


def explain_in_turn(
    paths, *, num_threads=1, shapes=None, measure=False, runtime=None, runs=20, options=None
):
    """Explains several files with the same inputs, measured in turn; arguments as for `explain`.

    Returns:
        A list of an `Explanation` for each of `paths`.
    """
    if runs < 1:
        raise ValueError(f"Expected runs to be at least 1. Received: {runs}")
    opened = [_Opened(path, num_threads, shapes, measure, runtime, options) for path in paths]
    if measure:
        set_random_inputs([one.interpreter for one in opened])
        for i in range(runs):
            # The order alternates, so that a drift of the clock rate favours none.
            for one in opened if i % 2 else opened[::-1]:
                # In the first run of a turn the caches hold the data of another file.
                one.run(1 if len(opened) == 1 else 2)
    return [one.explanation() for one in opened]


class _Opened:
    """A file in an interpreter whose delegate reports its decisions."""

    def __init__(self, path, num_threads, shapes, measure, runtime, options):
        self.path = path
        self.measure = measure
        self.interpreter, self.delegate = open_reporting(
            path,
            num_threads=num_threads,
            runtime=runtime,
            options=input_shapes.with_shapes(options, shapes),
            time_steps=measure,
        )
        input_shapes.allocate(self.interpreter, shapes)
        self.assumed = input_shapes.assumed(self.interpreter, shapes)

    def run(self, times):
        with input_shapes.hinting(self.assumed):
            for _ in range(times):
                self.interpreter.invoke()

    def explanation(self):
        report = self.delegate.report()
        steps, unplanned = {}, set()
        for partition in report["partitions"]:
            for step in partition.get("steps", ()):
                steps.setdefault((partition["subgraph"], step["node"]), []).append(step)
            if not partition["planned"]:
                unplanned.update((partition["subgraph"], node) for node in partition["nodes"])
        keys = [(node["subgraph"], node["id"]) for node in report["nodes"]]
        return Explanation(
            path=str(self.path),
            isa=report["isa"],
            lacks_fp16=report["lacks_fp16"],
            tuned=report["tuned"],
            parts=tuple(_part(partition, self.measure) for partition in report["partitions"]),
            assumed_shapes=self.assumed,
            layers=tuple(
                _layer(node, steps.get(key, []), key not in unplanned, self.measure)
                for key, node in zip(keys, report["nodes"], strict=True)
            ),
        )


@dataclasses.dataclass(frozen=True)
class Layer:
    """One operator of a model.

    Attributes:
        subgraph: Index of its subgraph; 0 is the main one, others are bodies of IF or WHILE.
        index: The operator's index in that subgraph.
        operator: Its TFLite name, such as `CONV_2D`.
        name: The name of its output tensor.
        taken: Whether the delegate runs it.
        reason: Why the delegate does not run it, or empty.
        planned: Whether its plan is known. If operators before it compute its shape, the delegate
            plans when the model runs, as with `measure=True`.
        kernel: The kernel that runs it; empty if it was fused or removed, or is not planned.
        weights: Shape of its weights in TFLite's order, or `None` without weights.
        sparsity: Fraction of zeros in the weights, or `None`.
        encoded: Whether the file stores the weights sparse.
        macs: MACs of one run with nonzero weights, or `None` if unknown.
        seconds: Time of its fastest run in seconds, or `None` if it was not measured.
    """

    subgraph: int
    index: int
    operator: str
    name: str
    taken: bool
    reason: str
    planned: bool
    kernel: str
    weights: tuple | None
    sparsity: float | None
    encoded: bool
    macs: float | None
    seconds: float | None


@dataclasses.dataclass(frozen=True)
class Part:
    """A connected part of a model that the delegate runs at once.

    Where a part begins and ends, its tensors change between TFLite's layout and the delegate's:
    that is what cutting a model into several parts costs.

    Attributes:
        subgraph: Index of its subgraph.
        operators: Indices of its operators in that subgraph, in the order in which they run.
        default_seconds: Predicted time of TFLite's default for the part in seconds, which the
            option `auto` compares with the delegate's time; 0 if the part is not planned.
        seconds: Sum of the fastest runs of its steps in seconds, or `None` if not measured.
        layout_seconds: What changes of layout take of these.
    """

    subgraph: int
    operators: tuple[int, ...]
    default_seconds: float
    seconds: float | None
    layout_seconds: float | None


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The result of `explain`; `str()` is a table.

    Attributes:
        path: The file.
        isa: The instruction set of the kernels, with `fp16` if they compute in float16.
        lacks_fp16: Whether the option `precision` was `"fp16"` but this CPU has no float16
            arithmetic, so that kernels compute in float32.
        tuned: Whether the decision comes from a measurement of `tune`.
        parts: Every `Part` that the delegate runs.
        assumed_shapes: Dictionary from names of inputs to shapes that neither the file nor the
            caller gave.
        layers: Every operator, in the file's order.
    """

    path: str
    isa: str
    lacks_fp16: bool
    tuned: bool
    parts: tuple[Part, ...]
    assumed_shapes: dict
    layers: tuple[Layer, ...]

    def __str__(self):
        """The table, not wrapped."""
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
        notes = {reason: f"({i})" for i, reason in enumerate(self.reasons(), 1)}
        for layer in self.layers:
            table.add_row(*_row(layer, notes, measured))
        reasons = [
            f"{notes[reason]} {number_of(len(layers), 'operator')}: {reason}"
            for reason, layers in self.reasons().items()
        ]
        hints = [hint for hint in (input_shapes.hint(self.assumed_shapes),) if hint]
        return Group(table, "", *reasons, *([""] if reasons else []), self.summary(), *hints)

    def reasons(self) -> dict[str, list[Layer]]:
        """Why operators are left to TFLite: a dictionary from reasons to `Layer`s."""
        found = {}
        for layer in self.layers:
            if not layer.taken:
                found.setdefault(layer.reason, []).append(layer)
        return found

    def summary(self) -> str:
        """A summary in one or two sentences: the operators taken, and those that run sparse."""
        taken = [layer for layer in self.layers if layer.taken]
        sparse = sum(layer.kernel.startswith("sparse") for layer in taken)
        unplanned = sum(not layer.planned for layer in taken)
        isa = f"{self.isa}, which has no float16" if self.lacks_fp16 else self.isa
        text = (
            f"{Path(self.path).name}: tfsparse ({isa}) runs {len(taken)} of "
            f"{number_of(len(self.layers), 'operator')}"
        )
        if taken:
            parts = number_of(len(self.parts), "part")
            text += f" in {parts}, {sparse} of them with sparse weights"
        if len(taken) < len(self.layers):
            text += "; the rest stays with TFLite"
        if self.tuned:
            text += ", as was measured"
        if unplanned:
            text += (
                f". Planned when the model runs, which computes their sizes: {unplanned}; see "
                "`tfsparse explain --measure`"
            )
        return f"{text}.{self._cuts()}"

    def _cuts(self):
        """A sentence on what cutting the model into several parts costs, if that was measured."""
        measured = [part for part in self.parts if part.seconds is not None]
        if len(measured) < 2:
            return ""
        layouts = 1e6 * sum(part.layout_seconds for part in measured)
        total = 1e6 * sum(part.seconds for part in measured)
        return (
            f" Changes of layout where parts begin and end take {significant(layouts)} of "
            f"{significant(total)} µs."
        )


def _row(layer, notes, measured):
    weights = "x".join(map(str, layer.weights)) if layer.weights else ""
    zeros = "" if layer.sparsity is None else f"{100 * layer.sparsity:.0f} %"
    if layer.encoded:
        zeros += " stored sparse"
    number = operator_number(layer.subgraph, layer.index)
    row = [number, layer.operator, weights, zeros, _run_by(layer, notes)]
    if measured:
        timed = layer.seconds is not None
        row.append(significant(1e6 * layer.seconds) if timed else "")
        fast = timed and layer.macs and layer.seconds > 0
        row.append(significant(2e-9 * layer.macs / layer.seconds, 2) if fast else "")
    return row


def _run_by(layer, notes):
    if not layer.taken:
        return f"TFLite {notes[layer.reason]}"
    if not layer.planned:
        return "tfsparse, planned when the model runs"
    return layer.kernel or "nothing: folded into a neighbour"


def _part(partition, measured):
    timed = [step for step in partition.get("steps", ()) if measured and "seconds" in step]
    layouts = [step["seconds"] for step in timed if step["node"] < 0]
    return Part(
        subgraph=partition["subgraph"],
        operators=tuple(partition["nodes"]),
        default_seconds=partition.get("default_seconds", 0),
        seconds=sum(step["seconds"] for step in timed) if timed else None,
        layout_seconds=sum(layouts) if timed else None,
    )


def _layer(node, steps, planned, measured):
    from tfsparse.flatbuffer import builtin_name

    shape = node.get("weights")
    # No step has a time in a branch or a loop that did not run.
    seconds = [step["seconds"] for step in steps if measured and "seconds" in step]
    return Layer(
        subgraph=node["subgraph"],
        index=node["id"],
        operator=node["type"] or builtin_name(node["code"]),
        name=node["name"],
        taken=node["taken"],
        reason=node["reason"],
        planned=planned,
        kernel=" + ".join(step["kernel"] for step in steps),
        weights=tuple(shape) if shape else None,
        sparsity=node.get("sparsity"),
        encoded=node.get("encoded", False),
        macs=sum(step["macs"] for step in steps) if steps else None,
        seconds=sum(seconds) if seconds else None,
    )
