"""The result of `tfsparse.inspect`, as numbers, as text and as JSON."""

import dataclasses
from pathlib import Path

from tfsparse.formatting import as_text, byte_size, count, number_of, to_json
from tfsparse.inspection.operators import RUNTIMES, Operator
from tfsparse.inspection.tensors import Tensor
from tfsparse.runtime import input_shapes

# Columns of the table: heading, whether it is of numbers, whether narrow terminals have it too.
_COLUMNS = (
    ("#", False, True),
    ("operator", False, True),
    ("weights", False, True),
    ("type", False, False),
    ("encoding", False, False),
    ("zeros", True, True),
    ("structure", False, False),
    ("values", False, False),
    ("size", True, True),
    ("gzip", True, False),
    ("MACs", True, False),
    ("nonzero", True, False),
    *((name.replace("XNNPACK on ", ""), False, True) for name in RUNTIMES.values()),
)
_WIDE = 140


@dataclasses.dataclass(frozen=True)
class Totals:
    """Sums over a file.

    Attributes:
        file_bytes, gzip_bytes: Bytes of the file, and of the file compressed by gzip.
        value_bytes, index_bytes: Bytes of the values of constants, and of the indices of sparse
            ones.
        dense_bytes: Bytes of the constants if all were dense.
        weights, zeros: Number of weights of all operators, and of zeros among them.
        macs, nonzero_macs: MACs of one inference, and those with nonzero weights, without the
            operators in `Inspection.unsized`.
    """

    file_bytes: int
    gzip_bytes: int
    value_bytes: int
    index_bytes: int
    dense_bytes: int
    weights: int
    zeros: int
    macs: int
    nonzero_macs: int

    @classmethod
    def of(cls, tensors, operators, file_bytes, gzip_bytes):
        """Sums over `Tensor`s and `Operator`s; weights that two operators share count once."""
        weights = {o.weights.buffer: o.weights.zeros for o in operators if o.weights}
        known = [zeros for zeros in weights.values() if zeros]
        return cls(
            file_bytes=file_bytes,
            gzip_bytes=gzip_bytes,
            value_bytes=sum(tensor.value_bytes for tensor in tensors),
            index_bytes=sum(tensor.index_bytes for tensor in tensors),
            dense_bytes=sum(tensor.dense_bytes for tensor in tensors if tensor.value_bytes),
            weights=sum(zeros.size for zeros in known),
            zeros=sum(zeros.zeros for zeros in known),
            macs=sum(operator.macs or 0 for operator in operators),
            nonzero_macs=sum(operator.nonzero_macs or 0 for operator in operators),
        )

    @property
    def sparsity(self) -> float:
        """Fraction of the weights that are zero."""
        return self.zeros / self.weights if self.weights else 0.0


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The tensors and operators of a file. It prints as a table.

    Attributes:
        path: The file.
        tensors: Every `Tensor`, in the file's order.
        operators: Every `Operator`, in the file's order.
        totals: The `Totals`.
        isa: The instruction set that tfsparse's delegate uses here, or `None`.
        delegate: A summary of what the delegate runs, or the reason why it is unknown.
        assumed_shapes: Dictionary from names of inputs to shapes that neither the file nor the
            caller gave.
    """

    path: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    totals: Totals
    isa: str | None
    delegate: str
    assumed_shapes: dict

    @property
    def weighted(self) -> list[Operator]:
        """The operators that have constant weights."""
        return [operator for operator in self.operators if operator.weights]

    @property
    def unsized(self) -> list[Operator]:
        """The operators that multiply, with unknown MACs."""
        return [operator for operator in self.operators if operator.is_unsized]

    @property
    def missing(self) -> str:
        """The operators in `unsized` as text; the sum of MACs does not include them."""
        return _first_of([f"{operator.number} {operator.kind}" for operator in self.unsized])

    @property
    def products(self) -> list[Operator]:
        """The operators that multiply by matrices, constant ones or others."""
        return [o for o in self.operators if o.weights or o.macs is not None or o.is_unsized]

    def sparse(self, runtime: str) -> int | None:
        """Number of operators that a runtime, one of `RUNTIMES`, runs sparse; `None` if unknown."""
        found = [operator.support[runtime].sparse for operator in self.weighted]
        return None if found and set(found) == {None} else sum(bool(sparse) for sparse in found)

    def reasons(self, runtime: str) -> list[tuple[str, list[Operator]]]:
        """Why a runtime runs operators dense: a list of (reason, `Operator`s), the commonest first.

        It contains only operators with more than half of the weights zero; dense kernels are right
        for the others.
        """
        found = {}
        for operator in self.operators:
            support = operator.support.get(runtime)
            zeros = operator.weights and operator.weights.zeros
            if support and support.sparse is False and zeros and zeros.sparsity > 0.5:
                found.setdefault(support.reason, []).append(operator)
        return sorted(found.items(), key=lambda item: -len(item[1]))

    def to_dict(self) -> dict:
        """Everything as numbers, strings, lists and dictionaries."""
        return {
            "path": self.path,
            "totals": dataclasses.asdict(self.totals) | {"sparsity": self.totals.sparsity},
            "isa": self.isa,
            "delegate": self.delegate,
            "assumed_shapes": self.assumed_shapes,
            "tensors": [tensor.to_dict() for tensor in self.tensors],
            "operators": [operator.to_dict() for operator in self.operators],
        }

    def to_json(self) -> str:
        """Everything as JSON."""
        return to_json(self.to_dict())

    def __str__(self):
        """The table, as wide as it needs."""
        return as_text(self, width=200)

    def __rich_console__(self, console, options):
        """The same for rich's consoles, with fewer columns on narrow ones."""
        yield from self._summary()
        yield ""
        yield self._table(options.max_width >= _WIDE)
        yield ""
        yield from self._runtimes()

    def _summary(self):
        totals = self.totals
        encoded = sum(tensor.is_encoded for tensor in self.tensors)
        yield (
            f"{Path(self.path).name}: {byte_size(totals.file_bytes)}, "
            f"{byte_size(totals.gzip_bytes)} with gzip"
        )
        yield (
            f"{number_of(totals.weights, 'weight')}, {totals.sparsity:.1%} zeros; "
            f"{number_of(encoded, 'tensor')} stored sparse, {byte_size(totals.dense_bytes)} if all "
            "were dense"
        )
        missing = f"; missing are those of {self.missing}, not known" if self.unsized else ""
        yield (
            f"{count(totals.macs)} MACs, {count(totals.nonzero_macs)} of them not with a zero"
            f"{missing}"
        )
        if self.assumed_shapes:
            yield input_shapes.hint(self.assumed_shapes)

    def _table(self, wide):
        from rich.table import Table

        chosen = [i for i, column in enumerate(_COLUMNS) if wide or column[2]]
        table = Table(box=None, pad_edge=False)
        for heading, numeric, _ in (_COLUMNS[i] for i in chosen):
            table.add_column(heading, justify="right" if numeric else "left")
        for operator in self.products:
            cells = _row(operator)
            table.add_row(*(cells[i] for i in chosen))
        return table

    def _runtimes(self):
        yield f"{self.delegate}"
        for runtime, name in RUNTIMES.items():
            weighted = number_of(len(self.weighted), "operator")
            sparse = self.sparse(runtime)
            if sparse is None:
                yield f"{name}: not known whether it runs {weighted} with weights sparse"
            else:
                yield f"{name}: runs {sparse} of {weighted} with weights sparse"
            for reason, operators in self.reasons(runtime):
                named = _first_of([operator.number for operator in operators])
                yield f"  {len(operators)} dense despite zeros ({named}): {reason}"


def _first_of(names, most=8):
    return ", ".join(names[:most] + (["..."] if len(names) > most else []))


def _row(operator):
    weights = operator.weights
    row = [operator.number, operator.kind]
    if weights:
        zeros = weights.zeros
        row += ["x".join(map(str, weights.shape)), weights.dtype, weights.encoding]
        row += [f"{zeros.sparsity:.1%}", zeros.structure] if zeros else ["", ""]
        row.append(weights.values)
        row += [byte_size(weights.bytes), byte_size(weights.gzip_bytes)]
    else:
        row += [""] * 8
    for macs in (operator.macs, operator.nonzero_macs):
        row.append("?" if operator.is_unsized else count(macs))
    for runtime in RUNTIMES:
        support = operator.support.get(runtime)
        row.append(
            "" if not support else {True: "sparse", False: "dense", None: "?"}[support.sparse]
        )
    return row
