"""Store the float32 weights of a TFLite model as float16."""

import collections

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.sparsify import BIAS_INPUTS, WEIGHTS_INPUT
from tfsparse.flatbuffer import schema

LARGEST = np.finfo(np.float16).max


def halve(model):
    """Stores the float32 weights and biases of convolutions and dense layers as float16.

    A DEQUANTIZE in front of their first reader makes them float32 again, as TensorFlow's converter
    has it. Constants that others read too, or with numbers beyond float16, stay as they are.

    Args:
        model: A `ModelT` without sparse constants, which is edited in place.

    Returns:
        The number of tensors that became float16.
    """
    if not flatbuffer.operators_may_change(model):
        return 0
    sharers = collections.Counter(
        t.buffer for graph in model.subgraphs for t in graph.tensors or ()
    )
    sharers.update(entry.buffer for entry in model.metadata or ())
    found = collections.defaultdict(list)
    for subgraph in model.subgraphs:
        for tensor, reader in _constants(model, subgraph):
            found[tensor.buffer].append((subgraph, tensor, reader))
    halved = 0
    for buffer, uses in found.items():
        values = flatbuffer.constant(model, uses[0][1])
        # The wide bytes stay in the file unless all tensors that share them are halved.
        if len(uses) == sharers[buffer] and np.all(np.abs(values) <= LARGEST):
            model.buffers[buffer] = flatbuffer.buffer(values.astype(np.float16))
            for use in uses:
                _widen(model, *use)
            halved += len(uses)
    return halved


def _constants(model, subgraph):
    """Each float32 constant that is nothing but weights or biases, and its first reader."""
    uses = collections.defaultdict(list)
    for operator in subgraph.operators or ():
        for slot, index in enumerate(flatbuffer.ints(operator.inputs)):
            uses[index].append((operator, slot))
    outputs = flatbuffer.ints(subgraph.outputs)

    def is_weighted(operator, slot):
        name, inputs = flatbuffer.operator_name(model, operator), flatbuffer.ints(operator.inputs)
        if slot not in (WEIGHTS_INPUT, BIAS_INPUTS.get(name, WEIGHTS_INPUT)):
            return False
        return name in BIAS_INPUTS and is_float(subgraph.tensors[inputs[WEIGHTS_INPUT]])

    def is_float(tensor):
        return flatbuffer.dtype_name(tensor) == "float32"

    return [
        (tensor, uses[index][0][0])
        for index, tensor in enumerate(subgraph.tensors or ())
        if is_float(tensor)
        and flatbuffer.is_constant(model, tensor)
        and index not in outputs
        and uses[index]
        and all(is_weighted(*use) for use in uses[index])
    ]


def _widen(model, subgraph, tensor, reader):
    """Makes a constant the output of a DEQUANTIZE of its buffer, which holds float16."""
    half = schema.TensorT(
        shape=tensor.shape,
        type=schema.TensorType.FLOAT16,
        buffer=tensor.buffer,
        name=(tensor.name or b"") + b"_float16",
        hasRank=tensor.hasRank,
    )
    tensor.buffer = 0  # by the schema an empty buffer, for tensors that are no constants
    subgraph.tensors.append(half)
    index = next(i for i, other in enumerate(subgraph.tensors) if other is tensor)
    dequantize = schema.OperatorT(
        opcodeIndex=flatbuffer.operator_code(model, schema.BuiltinOperator.DEQUANTIZE, 3),
        inputs=[len(subgraph.tensors) - 1],
        outputs=[index],
    )
    position = next(i for i, op in enumerate(subgraph.operators) if op is reader)
    subgraph.operators.insert(position, dequantize)
