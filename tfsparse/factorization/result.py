"""What a factorisation did to each layer."""

import dataclasses
from typing import Any

from tfsparse.formatting import as_text, count


@dataclasses.dataclass(frozen=True)
class FactorizedLayer:
    """One layer in the scope of a factorisation.

    Attributes:
        name: Its path in the model.
        ranks: Tuple of ints: two of `"tucker2"`, of the input and of the output channels; two of a
            tensor train; otherwise one; empty if none were chosen.
        macs: Int, its MACs for one example, or those for one position of its output if the height
            or width of the model is open; None if the layer cannot be factorised.
        macs_after: Int, the MACs of the layers in its place; of a layer that is left, those it
            would have; or None.
        error: Float, the relative error of its kernel, or of its responses for `"asymmetric"`; None
            if it is left.
        reason: Why it is left as it is, or None.
    """

    name: str
    ranks: tuple[int, ...] = ()
    macs: int | None = None
    macs_after: int | None = None
    error: float | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Factorization:
    """The result of `tfsparse.factorize`. It prints as a table.

    Attributes:
        model: The new Keras model.
        method: Name of the method.
        layers: Tuple of `FactorizedLayer`, those in scope in the model's order.
    """

    model: Any
    method: str
    layers: tuple[FactorizedLayer, ...]

    @property
    def factorized(self) -> tuple[FactorizedLayer, ...]:
        """The layers that others took the place of."""
        return tuple(layer for layer in self.layers if layer.reason is None)

    def __str__(self):
        return as_text(self, width=120)

    def __rich__(self):
        """The table for rich's consoles."""
        from rich.table import Table

        table = Table("layer", box=None, pad_edge=False)
        for column in ("ranks", "MACs", "after", "error"):
            table.add_column(column, justify="right")
        table.add_column("left because")
        for layer in self.layers:
            table.add_row(
                layer.name,
                ", ".join(map(str, layer.ranks)),
                *("" if x is None else count(x) for x in (layer.macs, layer.macs_after)),
                "" if layer.error is None else f"{layer.error:.3f}",
                layer.reason or "",
            )
        return table
