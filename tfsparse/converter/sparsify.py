"""Stores the weights of a TFLite model sparse, if this makes the file smaller."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.layouts import encode_as
from tfsparse.converter.workarounds import densified_types, int8_dense

# Operators whose weights may come from a DENSIFY in TFLite, and the indices of their bias inputs.
BIAS_INPUTS = {
    "CONV_2D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
}
WEIGHTS_INPUT = 1
FLOATS = ("float32", "float16")
# Bytes that an encoded tensor adds to a file besides its values, segments, indices and name: a
# tensor, an operator and the sparsity tables. Measured: 318 at most, over 2000 random tensors.
OVERHEAD = 320


def sparsify(model, encoding="auto"):
    """Stores those weight tensors of a model sparse that get smaller.

    Weights are the float32, float16 and int8 constants at the weights input of convolutions and
    fully connected layers, directly or through a DEQUANTIZE. A DENSIFY operator is inserted before
    their first consumer. Fully connected layers of int8 become convolutions.

    Args:
        model: A `ModelT` as `tfsparse.flatbuffer` reads it, which is edited in place.
        encoding: As for `tfsparse.converter.layouts.encode_as`.

    Returns:
        The number of tensors that were encoded.
    """
    if not flatbuffer.operators_may_change(model):
        return 0
    found = flatbuffer.uses_of_own_buffers(model, _weights)
    return sum(_encode(model, uses, encoding) for uses in found if _have_one_type(uses))


def _have_one_type(uses):
    tensors = [subgraph.tensors[index] for subgraph, index, _ in uses]
    return len({(tensor.type, tuple(tensor.shape)) for tensor in tensors}) == 1


def _encode(model, uses, encoding):
    """Encodes the tensors of one buffer if that saves bytes, and returns how many it encoded."""
    tensors = [subgraph.tensors[index] for subgraph, index, _ in uses]
    dense = flatbuffer.constant(model, tensors[0])
    layers = [
        (subgraph, operator)
        for subgraph, _, readers in uses
        for operator in readers
        if dense.dtype == np.int8 and int8_dense.is_convertible(model, subgraph, operator)
    ]
    if layers:
        dense = dense.reshape(int8_dense.kernel_shape(dense.shape))
    sparse = encode_as(dense, encoding)
    names = sum(len(tensor.name or b"") for tensor in tensors)
    tables = sparse.nbytes - sparse.values.nbytes + OVERHEAD
    added = len(uses) * tables + names + sum(int8_dense.overhead(*layer) for layer in layers)
    if sparse.values.nbytes + added >= dense.nbytes:
        return 0
    for subgraph, index, readers in uses:
        subgraph.tensors[index].shape = list(dense.shape)
        position = flatbuffer.position(subgraph, readers[0])
        flatbuffer.replace_by_densify(model, subgraph, index, sparse, position)
    for subgraph, operator in layers:
        int8_dense.to_convolution(model, subgraph, operator)
    return len(uses)


def _weights(model, subgraph):
    """Index and readers of each dense constant that is used only as weights."""
    uses = flatbuffer.readers(subgraph)
    outputs = set(flatbuffer.ints(subgraph.outputs))

    def is_weights(operator, slot, dtype):
        name = flatbuffer.operator_name(model, operator)
        results = flatbuffer.ints(operator.outputs)
        if len(results) != 1 or results[0] < 0:
            return False
        if name == "DEQUANTIZE":
            return (
                dtype == "float16"
                and only_weights(results[0], "float32")
                and all(takes_float16(op) for op, _ in uses[results[0]])
            )
        if dtype == "int8":
            return slot == WEIGHTS_INPUT and densified_types.takes_int8(model, subgraph, operator)
        return slot == WEIGHTS_INPUT and name in BIAS_INPUTS and dtype in FLOATS

    def only_weights(index, dtype):
        return index not in outputs and all(is_weights(*use, dtype) for use in uses[index])

    def takes_float16(operator):
        slot = BIAS_INPUTS[flatbuffer.operator_name(model, operator)]
        return densified_types.takes_float16(model, subgraph, operator, slot)

    return [
        (index, [operator for operator, _ in uses[index]])
        for index, tensor in enumerate(subgraph.tensors or ())
        if uses[index]
        and tensor.sparsity is None
        and len(flatbuffer.ints(tensor.shape)) > 1
        and flatbuffer.is_constant(model, tensor)
        and only_weights(index, flatbuffer.dtype_name(tensor))
    ]
