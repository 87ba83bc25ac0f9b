"""For which operators XNNPACK takes weights of a type from a DENSIFY.

The faults are "int8_dense", "int8_on_floats" and "float16_bias" of `FAULTS`.
"""

from tfsparse import flatbuffer
from tfsparse.converter.workarounds import int8_dense

_TAKING_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


def takes_int8(model, subgraph, operator):
    """Whether an operator runs with int8 weights from a DENSIFY, itself or as a convolution.

    Args:
        model: A `ModelT`.
        subgraph: The subgraph of `model` that has the operator.
        operator: An `OperatorT` with one output.
    """
    (result,) = flatbuffer.ints(operator.outputs)
    if flatbuffer.dtype_name(subgraph.tensors[result]) != "int8":
        return False
    return flatbuffer.operator_name(model, operator) in _TAKING_INT8 or int8_dense.is_convertible(
        model, subgraph, operator
    )


def takes_float16(model, subgraph, operator, bias_input):
    """Whether an operator runs with float16 weights from a DENSIFY and a DEQUANTIZE.

    TensorFlow's converter makes the bias float16 too, with which it does.

    Args:
        model, subgraph, operator: As for `takes_int8`.
        bias_input: The number of the operator's input that is its bias.
    """
    inputs = flatbuffer.ints(operator.inputs)
    bias = inputs[bias_input] if len(inputs) > bias_input else -1
    return bias < 0 or not flatbuffer.is_constant(model, subgraph.tensors[bias])
