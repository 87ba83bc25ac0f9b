"""What each layer of a model costs at several sparsities: a latency table, kept as a file."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfsparse.annotations import PathLike
from tfsparse.files import write_atomically
from tfsparse.formatting import as_text, byte_size, count, duration, significant

TITLES = {
    "latency": "Latency",
    "instructions": "Instructions",
    "size": "Size",
    "archive": "Archive",
    "macs": "MACs",
}
UNITS = {
    "latency": "s",
    "instructions": "instructions",
    "size": "bytes",
    "archive": "bytes",
    "macs": "MACs",
}


@dataclasses.dataclass(frozen=True)
class LayerCosts:
    """The cost of one layer, or of one group of channels.

    Attributes:
        name: Path of the layer in its model; of a group that of the first layer that makes it.
        size: Int, weights in its kernel, or channels.
        costs: Tuple of floats, its cost at each sparsity of the table.
    """

    name: str
    size: int
    costs: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class CostTable:
    """The cost of each layer of a model at several sparsities. It prints as a table.

    `tfsparse.search.measure_costs` measures one. The cost of a model is the sum over its
    layers and of what does not change, `rest`. In a table of channels a layer is a group of
    channels that can only be cut together, and its sparsity the fraction that is cut.

    Attributes:
        quantity: `"latency"`, `"instructions"`, `"size"`, `"archive"` or `"macs"`; costs are in
            seconds, instructions, bytes of the file or of its archive, or MACs.
        weights: Type of the file's weights, `"float32"` or `"int8"`.
        block_size: Pair of ints, the output and input channels that are zero together.
        sparsities: Tuple of floats, in ascending order from 0.
        layers: Tuple of `LayerCosts`, in the model's order.
        rest: Float, the cost of all other operators.
        whole: Tuple of floats, the cost of the whole model as measured, with all layers at each of
            `sparsities`.
        setting: Dictionary that says where the costs are from: device, threads, versions.
        pruned: `"weights"` or `"channels"`.
        mixed: Float, the cost of the whole model as measured, with layers at the sparsities above 0
            in turn; None if it was not measured.
    """

    quantity: str
    weights: str
    block_size: tuple[int, int]
    sparsities: tuple[float, ...]
    layers: tuple[LayerCosts, ...]
    rest: float
    whole: tuple[float, ...]
    setting: dict
    pruned: str = "weights"
    mixed: float | None = None

    @property
    def unit(self) -> str:
        """The unit of costs: `"s"`, `"instructions"`, `"bytes"` or `"MACs"`."""
        return UNITS[self.quantity]

    @property
    def title(self) -> str:
        """The quantity as a title, such as `"Latency"`."""
        return TITLES[self.quantity]

    @property
    def dense(self) -> float:
        """The cost of the dense model as measured."""
        return self.whole[0]

    @property
    def least(self) -> float:
        """The predicted cost with every layer at its cheapest sparsity."""
        return self.rest + sum(min(layer.costs) for layer in self.layers)

    @property
    def error(self) -> float:
        """How far the sum over the layers is off the whole model at most, as a fraction."""
        sums = self.rest + np.sum([layer.costs for layer in self.layers], axis=0)
        errors = np.abs(sums / self.whole - 1)
        if self.mixed is None:
            return float(np.max(errors))
        names = (layer.name for layer in self.layers)
        turns = in_turn(self.sparsities, len(self.layers))
        of_mixed = self.cost(dict(zip(names, turns, strict=True))) / self.mixed - 1
        return float(max(*errors, abs(of_mixed)))

    def cost(self, sparsities: Mapping[str, float]) -> float:
        """Predicts the cost of the model.

        Args:
            sparsities: The sparsity of each layer by name, interpolated linearly between those of
                the table. A layer without one is dense.

        Returns:
            Float, in `unit`.
        """
        return self.rest + sum(
            float(np.interp(sparsities.get(layer.name, 0), self.sparsities, layer.costs))
            for layer in self.layers
        )

    def amount(self, cost: float) -> str:
        """Returns a cost for people, such as "1.24 ms" or "3.1 kB"."""
        if self.unit == "s":
            return duration(cost)
        if self.unit == "bytes":
            return byte_size(round(cost))
        return f"{count(round(cost))} {self.unit}"

    def to_json(self) -> str:
        """Returns the table as JSON, a string that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "CostTable":
        """Returns the table that `to_json` wrote.

        Raises:
            ValueError: The text is no cost table.
        """
        try:
            fields = json.loads(text)
            layers = tuple(
                LayerCosts(layer["name"], layer["size"], tuple(layer["costs"]))
                for layer in fields.pop("layers")
            )
            rows = {name: tuple(fields.pop(name)) for name in ("block_size", "sparsities", "whole")}
            table = cls(layers=layers, **rows, **fields)
            table.error  # noqa: B018  raises an error if numbers are missing
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                "Expected a cost table, as CostTable.save writes it. Received a text of "
                f"{len(text)} characters that is none: {error}"
            ) from error
        if table.quantity not in UNITS:
            raise ValueError(
                f"Expected a quantity of {', '.join(UNITS)}. Received: {table.quantity!r}"
            )
        return table

    def save(self, path: PathLike) -> None:
        """Writes `to_json` to a file."""
        write_atomically(path, f"{self.to_json()}\n".encode())

    @classmethod
    def load(cls, path: PathLike) -> "CostTable":
        """Returns the table that `save` wrote."""
        return cls.from_json(Path(path).read_text())

    def __str__(self):
        """The table, not wrapped."""
        return as_text(self, width=200)

    def __rich__(self):
        """The same for rich's consoles."""
        from rich.console import Group
        from rich.table import Table

        scale, unit = (1e6, "µs") if self.unit == "s" else (1, self.unit)
        table = Table("layer", box=None, pad_edge=False)
        table.add_column(self.pruned, justify="right")
        for sparsity in self.sparsities:
            table.add_column(f"{sparsity:.4g}", justify="right")
        for layer in self.layers:
            costs = (significant(scale * cost) for cost in layer.costs)
            table.add_row(layer.name, f"{layer.size:,}", *costs)
        same = [significant(scale * self.rest)] * len(self.sparsities)
        table.add_row("all else", "", *same)
        table.add_row("measured whole", "", *(significant(scale * cost) for cost in self.whole))
        title = f"{self.quantity} in {unit} by sparsity, {self.weights}, on {self.setting}"
        return Group(title, table, f"The sum is {100 * self.error:.1f} % off at most.")


def in_turn(sparsities, count):
    """The sparsities of so many layers that have those above 0 in turn, a list.

    Args:
        sparsities: Those of a table, in ascending order from 0.
        count: Int.
    """
    return [sparsities[1:][number % (len(sparsities) - 1)] for number in range(count)]
