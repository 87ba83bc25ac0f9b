"""The operators of a TFLite file as XNNPACK's nodes."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.inspection import operators
from tfsparse.inspection.xnnpack_roles import Node

_PADDED = ("CONV_2D", "DEPTHWISE_CONV_2D")


def nodes_of(model, subgraph_index, tensors, weights):
    """Returns the nodes of a subgraph in XNNPACK.

    Args:
        model: A `ModelT`.
        subgraph_index: Which of its subgraphs.
        tensors: The `Tensor` of each tensor of the subgraph.
        weights: For each operator with constant weights their `Tensor`.

    Returns:
        A dictionary from the indices of operators to `Node`s. Operators that unpack constants, and
        a PAD that is fused into a convolution, are no nodes.
    """
    subgraph = model.subgraphs[subgraph_index]
    unpacked = {tensor.index for tensor in tensors if tensor.role == "constant"}
    nodes = {}
    for i, operator in enumerate(subgraph.operators or ()):
        kind = flatbuffer.operator_name(model, operator)
        inputs = [index for index in flatbuffer.ints(operator.inputs) if index >= 0]
        if kind in operators.UNPACKING and inputs and inputs[0] in unpacked:
            unpacked.update(flatbuffer.ints(operator.outputs))
        elif inputs:
            nodes[i] = _node(i, kind, operator, inputs, tensors, unpacked, weights.get(i))
    outputs = set(flatbuffer.ints(subgraph.outputs))
    for i, node in list(nodes.items()):
        if node.kind == "PAD":
            _take_in(model, subgraph, i, nodes, outputs)
    return nodes


def _node(index, kind, operator, inputs, tensors, constants, weights):
    options = operator.builtinOptions
    computed = [index for index in inputs if index not in constants]
    outputs = list(flatbuffer.ints(operator.outputs))
    slot = operators.WEIGHTS.get(kind)
    typed = [*computed, *outputs] + ([inputs[slot]] if slot is not None and weights else [])
    same = getattr(options, "padding", None) == flatbuffer.schema.Padding.SAME
    return Node(
        index=index,
        kind=kind,
        inputs=computed,
        outputs=outputs,
        weights=weights.shape if weights else None,
        weight_zeros=weights.zeros.zeros if weights and weights.zeros else 0,
        dtypes=tuple(tensors[index].dtype for index in typed),
        input_shapes=tuple(tensors[index].shape for index in inputs),
        reads_constant=len(computed) < len(inputs),
        stride=(getattr(options, "strideH", 1), getattr(options, "strideW", 1)),
        dilation=(
            getattr(options, "dilationHFactor", 1),
            getattr(options, "dilationWFactor", 1),
        ),
        padding="same" if same else "valid",
        keeps_dimensions=bool(getattr(options, "keepNumDims", False)),
    )


def _take_in(model, subgraph, index, nodes, outputs):
    """Makes a PAD of an image with zeros the padding of the one convolution that reads it."""
    pad = nodes[index]
    readers = [node for node in nodes.values() if set(node.inputs) & set(pad.outputs)]
    if len(readers) != 1 or outputs & set(pad.outputs) or not pad.inputs:
        return
    (reader,) = readers
    widths = flatbuffer.constant(
        model, subgraph.tensors[flatbuffer.ints(subgraph.operators[index].inputs)[1]]
    )
    if reader.kind not in _PADDED or reader.padding != "valid":
        return
    if widths is None or widths.shape != (4, 2) or np.any(widths[[0, 3]]):
        return
    reader.padding = tuple(int(width) for width in widths[1:3].reshape(-1))
    reader.inputs = [pad.inputs[0] if i in pad.outputs else i for i in reader.inputs]
    reader.input_shapes = (pad.input_shapes[0], *reader.input_shapes[1:])
    del nodes[index]
