"""PAD operators split in two, for the fault "sparse_mode" of `FAULTS`.

The sparse mode starts at a convolution with a padding of 1 on all sides, which a PAD in front of it
brings. XNNPACK takes in the second of two PAD only, and so starts nowhere. The numbers stay the
same, for a copy of the image and some 500 bytes.
"""

import logging

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.workarounds import FAULTS
from tfsparse.flatbuffer import ints, schema
from tfsparse.formatting import number_of
from tfsparse.inspection.xnnpack_faults import broken_entries

IN_TWO = b"_in_two"
FIRST, SECOND = b"_first", b"_second"


def split_paddings(model):
    """Splits the PAD operators where XNNPACK would start to compute wrongly, in place.

    Args:
        model: A `ModelT` with weights that are stored sparse.

    Returns:
        The number of PAD operators that were split.
    """
    count = 0
    for i, subgraph in enumerate(model.subgraphs):
        for convolution in [subgraph.operators[k] for k in broken_entries(model, i)]:
            _split(model, subgraph, convolution)
            count += 1
    if count:
        logging.getLogger(__name__).warning(
            "LiteRT %s would compute wrong outputs of this network in its sparse mode on ARM: "
            "%s split in two, which keeps it from that mode.",
            FAULTS["sparse_mode"].versions["litert"],
            number_of(count, "PAD operator"),
        )
    return count


def join_paddings(model):
    """Undoes `split_paddings`, in place."""
    flatbuffer.undo_operators(model, "PAD", _join)


def _split(model, subgraph, convolution):
    padded, *others = ints(convolution.inputs)
    first = next(op for op in subgraph.operators if ints(op.outputs) == (padded,))
    image, widths = ints(first.inputs)
    total = flatbuffer.constant(model, subgraph.tensors[widths])
    above = total * np.array([1, 0], total.dtype)
    below = total - above
    partly = subgraph.tensors[padded]
    # The whole comes last: XNNPACK, which goes by this order, would else take in both PAD.
    firsts, seconds = (
        _add_tensor(subgraph, widths, suffix, buffer=_add_buffer(model, values))
        for suffix, values in ((FIRST, above), (SECOND, below))
    )
    whole = _add_tensor(subgraph, padded, IN_TWO)
    partly.shape = [a - b for a, b in zip(ints(partly.shape), below[:, 1], strict=True)]
    partly.shapeSignature = [
        a - b if a > 0 else a
        for a, b in zip(ints(partly.shapeSignature), below[:, 1], strict=False)
    ] or None
    first.inputs = [image, firsts]
    second = schema.OperatorT(**{**vars(first), "inputs": [padded, seconds], "outputs": [whole]})
    subgraph.operators.insert(flatbuffer.position(subgraph, first) + 1, second)
    convolution.inputs = [whole, *others]


def _join(model, subgraph, first):
    """Makes one PAD of two that `_split` made; the tensors left over, none for other operators."""
    found = _second(model, subgraph, first)
    if found is None:
        return set()
    second, widths = found
    (image, firsts), (padded,) = ints(first.inputs), ints(first.outputs)
    (_, seconds), (whole,) = ints(second.inputs), ints(second.outputs)
    subgraph.tensors[padded].shape = subgraph.tensors[whole].shape
    subgraph.tensors[padded].shapeSignature = subgraph.tensors[whole].shapeSignature
    first.inputs = [image, widths]
    subgraph.operators = [op for op in subgraph.operators if op is not second]
    for operator in subgraph.operators:
        if whole in ints(operator.inputs):
            operator.inputs = [padded if i == whole else i for i in ints(operator.inputs)]
    return {firsts, seconds, whole}


def _second(model, subgraph, first):
    """The other PAD of two that `_split` made, and the index of the widths that they had before."""
    outputs = ints(first.outputs)
    readers = [op for op in subgraph.operators if outputs and outputs[0] in ints(op.inputs)]
    pair = [op for op in (first, *readers) if flatbuffer.operator_name(model, op) == "PAD"]
    if len(readers) != 1 or len(pair) != 2:
        return None
    if any(len(ints(op.inputs)) != 2 or len(ints(op.outputs)) != 1 for op in pair):
        return None
    widths = [subgraph.tensors[ints(op.inputs)[1]] for op in pair]
    names = [tensor.name or b"" for tensor in widths]
    original = names[0].removesuffix(FIRST)
    if names != [original + FIRST, original + SECOND]:
        return None
    total = sum(flatbuffer.constant(model, tensor) for tensor in widths)
    for index, tensor in enumerate(subgraph.tensors):
        if (tensor.name or b"") == original and np.array_equal(
            flatbuffer.constant(model, tensor), total
        ):
            return readers[0], index
    return None


def _add_tensor(subgraph, index, suffix, buffer=0):
    """Appends a tensor like another, and returns its index."""
    like = vars(subgraph.tensors[index])
    name = (like["name"] or b"") + suffix
    subgraph.tensors.append(schema.TensorT(**{**like, "name": name, "buffer": buffer}))
    return len(subgraph.tensors) - 1


def _add_buffer(model, values):
    model.buffers.append(flatbuffer.buffer(values))
    return len(model.buffers) - 1
