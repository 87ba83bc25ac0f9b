"""What `explain` found: how each operator of a model runs, as a table."""

import dataclasses
from pathlib import Path

from tfsparse.formatting import as_text, number_of, operator_number, significant
from tfsparse.runtime import input_shapes


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
