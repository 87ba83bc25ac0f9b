"""Stores the float32 weights of a TFLite model as float16."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.sparsify import BIAS_INPUTS, WEIGHTS_INPUT

LARGEST = np.finfo(np.float16).max


def halve(model):
    """Stores the float32 weights and biases of convolutions and dense layers as float16.

    A DEQUANTIZE before their first reader converts them to float32, as in files of TensorFlow's
    converter. Constants that other operators read, or with values beyond float16, do not change.

    Args:
        model: A `ModelT` without sparse constants, which is edited in place.

    Returns:
        The number of tensors that became float16.
    """
    if not flatbuffer.operators_may_change(model):
        return 0
    halved = 0
    for uses in flatbuffer.uses_of_own_buffers(model, _constants):
        subgraph, index, _ = uses[0]
        tensor = subgraph.tensors[index]
        values = flatbuffer.constant(model, tensor)
        if np.all(np.abs(values) <= LARGEST):
            model.buffers[tensor.buffer] = flatbuffer.buffer(values.astype(np.float16))
            for subgraph, index, reader in uses:
                position = flatbuffer.position(subgraph, reader)
                flatbuffer.replace_by_dequantize(model, subgraph, index, position)
            halved += len(uses)
    return halved


def _constants(model, subgraph):
    """Index and first reader of each float32 constant that is used only as weights or bias."""
    uses = flatbuffer.readers(subgraph)
    outputs = flatbuffer.ints(subgraph.outputs)

    def is_weighted(operator, slot):
        name, inputs = flatbuffer.operator_name(model, operator), flatbuffer.ints(operator.inputs)
        if slot not in (WEIGHTS_INPUT, BIAS_INPUTS.get(name, WEIGHTS_INPUT)):
            return False
        return name in BIAS_INPUTS and is_float(subgraph.tensors[inputs[WEIGHTS_INPUT]])

    def is_float(tensor):
        return flatbuffer.dtype_name(tensor) == "float32"

    return [
        (index, uses[index][0][0])
        for index, tensor in enumerate(subgraph.tensors or ())
        if is_float(tensor)
        and flatbuffer.is_constant(model, tensor)
        and index not in outputs
        and uses[index]
        and all(is_weighted(*use) for use in uses[index])
    ]
