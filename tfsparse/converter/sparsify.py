"""Decide which weights of a TFLite model are stored sparse, and store them so."""

import collections

from tfsparse.converter import flatbuffer
from tfsparse.converter.encode import encode

# Operators of which stock TFLite takes the weights from a DENSIFY as well as from a constant.
# Depthwise kernels are not among them: they are small, and every runtime wants them dense.
CONSUMERS = ("CONV_2D", "FULLY_CONNECTED")
WEIGHTS_INPUT, BIAS_INPUT = 1, 2
FLOATS = ("float32", "float16")
# Bytes that an encoded tensor adds to a file beside its values, segments, indices and name: a
# tensor, an operator and the sparsity tables. Measured: 318 at most, over 2000 random tensors.
OVERHEAD = 320


def sparsify(model):
    """Stores every weight tensor of a model sparse that gets smaller by it.

    Weights are the float32 and float16 constants at the weights input of convolutions and fully
    connected layers, directly or through a DEQUANTIZE. They are encoded as compressed sparse rows
    along the input channels, and a DENSIFY operator goes in front of their first consumer.

    Args:
        model: A `ModelT` as `tfsparse.converter.flatbuffer` reads it, which is edited in place.

    Returns:
        The number of tensors that were encoded.
    """
    shared = collections.Counter(t.buffer for graph in model.subgraphs for t in graph.tensors)
    encoded = 0
    for subgraph in model.subgraphs:
        for index, first in _weights(model, subgraph):
            tensor = subgraph.tensors[index]
            # The bytes of a buffer that two tensors share stay in the file if one is encoded.
            if shared[tensor.buffer] > 1 or tensor.sparsity is not None:
                continue
            dense = flatbuffer.constant(model, tensor)
            encoding = encode(dense)
            if encoding.nbytes + OVERHEAD + len(tensor.name or b"") < dense.nbytes:
                position = next(i for i, op in enumerate(subgraph.operators) if op is first)
                flatbuffer.replace_by_densify(model, subgraph, index, encoding, position)
                encoded += 1
    return encoded


def _weights(model, subgraph):
    """Index and first consumer of each constant that is nothing but the weights of `CONSUMERS`."""
    uses = collections.defaultdict(list)
    for operator in subgraph.operators:
        for slot, index in enumerate(operator.inputs):
            uses[index].append((operator, slot))
    outputs = set(subgraph.outputs)

    def is_weights(operator, slot):
        if flatbuffer.operator_name(model, operator) == "DEQUANTIZE":
            output = operator.outputs[0]
            return only_weights(output) and not any(has_constant_bias(op) for op, _ in uses[output])
        return slot == WEIGHTS_INPUT and flatbuffer.operator_name(model, operator) in CONSUMERS

    def only_weights(index):
        return index not in outputs and all(is_weights(*use) for use in uses[index])

    # Where the bias is a float32 constant, XNNPACK as of TensorFlow 2.21 gives wrong outputs for
    # float16 weights from a DENSIFY. The converter's own biases are float16 too, and are right.
    def has_constant_bias(operator):
        bias = operator.inputs[BIAS_INPUT] if len(operator.inputs) > BIAS_INPUT else -1
        return bias >= 0 and flatbuffer.constant(model, subgraph.tensors[bias]) is not None

    return [
        (index, uses[index][0][0])
        for index, tensor in enumerate(subgraph.tensors)
        if uses[index]
        and flatbuffer.dtype_name(tensor) in FLOATS
        and flatbuffer.constant(model, tensor) is not None
        and only_weights(index)
    ]
