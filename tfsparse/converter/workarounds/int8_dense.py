"""Dense layers of int8 as convolutions, for the fault "int8_dense" of `FAULTS`.

XNNPACK reads int8 weights of a FULLY_CONNECTED from the file alone. A CONV_2D whose kernel is as
large as its image computes the same.
"""

import math

import numpy as np

from tfsparse import flatbuffer
from tfsparse.flatbuffer import ints, schema

# Of the tensors that a convolution has and the dense layer it stands for does not.
AS_IMAGE = b"_as_image"
NO_BIAS = b"_no_bias"
# Bytes of the operators and tensors around a convolution, beside names and a bias. Measured: 585 at
# most, over 400 random layers.
OVERHEAD = 640
# A row of this many weights has indices of one byte.
LONGEST_ROW = 256
# Blocks of that many inputs must not lie in two rows.
BLOCK = 4


def is_convertible(model, subgraph, operator):
    """Whether an operator is a dense layer of int8 that can become a convolution, and come back."""
    if flatbuffer.operator_name(model, operator) != "FULLY_CONNECTED":
        return False
    indices = (*ints(operator.inputs), *ints(operator.outputs))
    if len(indices) != 4 or min(indices[0], indices[1], indices[3]) < 0:
        return False
    image, weights, bias, result = (subgraph.tensors[index] for index in indices)
    return (
        {flatbuffer.dtype_name(tensor) for tensor in (image, weights, result)} == {"int8"}
        and len(ints(weights.shape)) == len(ints(result.shape)) == 2
        and _is_symmetric(weights)
        and (indices[2] < 0 or _is_bias(model, bias, weights))
        and _has_default_options(operator)
    )


def kernel_shape(weights):
    """The shape of the convolution's weights for a dense layer's `(outputs, inputs)`.

    The inputs are split into the longest rows that divide them and need indices of one byte. If
    they consist of whole blocks, so do the rows.
    """
    outputs, inputs = weights
    unit = BLOCK if inputs % BLOCK == 0 else 1
    longest = min(inputs, LONGEST_ROW) // unit * unit
    row = next(size for size in range(longest, 0, -unit) if inputs % size == 0)
    # Short rows would take more segments than they save indices.
    row = row if 2 * row > LONGEST_ROW else inputs
    return (outputs, 1, inputs // row, row)


def overhead(subgraph, operator):
    """An upper bound of the bytes by which a convolution is larger than its dense layer."""
    image, weights, bias = ints(operator.inputs)
    (result,) = ints(operator.outputs)
    names = [len(subgraph.tensors[index].name or b"") for index in (image, weights, result)]
    scales = len(subgraph.tensors[weights].quantization.scale)
    # 4 bytes of a bias, 4 of its scale and 8 of its zero point
    return OVERHEAD + sum(names) + (16 * scales if bias < 0 else 0)


def to_convolution(model, subgraph, operator):
    """Makes a dense layer a convolution between two RESHAPE, in place.

    The weights must have the `kernel_shape` already.
    """
    image, weights, bias = ints(operator.inputs)
    (result,) = ints(operator.outputs)
    kernel = ints(subgraph.tensors[weights].shape)
    if bias < 0:
        bias = _add_zero_bias(model, subgraph, image, weights)
    pixels = _add_view(subgraph, image, result, kernel[1:])
    sums = _add_view(subgraph, result, result, (1, 1, kernel[0]))
    before = _reshape(model, image, pixels, (-1, *kernel[1:]))
    after = _reshape(model, sums, result, (-1, kernel[0]))
    operator.opcodeIndex = flatbuffer.operator_code(model, schema.BuiltinOperator.CONV_2D, 3)
    operator.inputs, operator.outputs = [pixels, weights, bias], [sums]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    operator.builtinOptions = schema.Conv2DOptionsT(
        padding=schema.Padding.VALID,
        strideW=1,
        strideH=1,
        fusedActivationFunction=operator.builtinOptions.fusedActivationFunction,
    )
    position = flatbuffer.position(subgraph, operator)
    subgraph.operators[position : position + 1] = [before, operator, after]


def to_dense_layers(model):
    """Makes the convolutions of a model that `to_convolution` made dense layers again, in place."""
    flatbuffer.undo_operators(model, "CONV_2D", _to_dense_layer)


def _to_dense_layer(model, subgraph, operator):
    """Undoes `to_convolution`; the tensors that are left over, none if it is another operator."""
    around = _views(model, subgraph, operator)
    code = _dense_layer_code(model)
    if around is None or code is None:
        return set()
    before, after = around
    pixels, index, bias = ints(operator.inputs)
    added = {pixels, *ints(operator.outputs)}
    if (subgraph.tensors[bias].name or b"").endswith(NO_BIAS):
        added.add(bias)
        bias = -1
    weights = subgraph.tensors[index]
    outputs, *inputs = ints(weights.shape)
    weights.shape = [outputs, math.prod(inputs)]
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = [*ints(before.inputs), index, bias], after.outputs
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT(
        fusedActivationFunction=operator.builtinOptions.fusedActivationFunction
    )
    subgraph.operators = [op for op in subgraph.operators if op not in around]
    return added


def _views(model, subgraph, operator):
    """The RESHAPE before and after a convolution that `to_convolution` made; else `None`."""
    inputs, outputs = ints(operator.inputs), ints(operator.outputs)
    if len(inputs) != 3 or len(outputs) != 1 or min(*inputs, *outputs) < 0:
        return None
    ends = [subgraph.tensors[index].name or b"" for index in (inputs[0], outputs[0])]
    reshapes = [op for op in subgraph.operators if flatbuffer.operator_name(model, op) == "RESHAPE"]
    before = [op for op in reshapes if ints(op.outputs) == inputs[:1] and len(ints(op.inputs)) == 1]
    after = [op for op in reshapes if ints(op.inputs) == outputs]
    if len(before) != 1 or len(after) != 1 or not all(name.endswith(AS_IMAGE) for name in ends):
        return None
    return before[0], after[0]


def _dense_layer_code(model):
    codes = model.operatorCodes
    dense = [
        i
        for i, code in enumerate(codes)
        if flatbuffer.builtin_name(max(code.builtinCode, code.deprecatedBuiltinCode))
        == "FULLY_CONNECTED"
    ]
    return max(dense, key=lambda i: codes[i].version, default=None)


def _is_symmetric(weights):
    """Whether weights have zero points of 0, for the tensor or for each output channel."""
    parameters = weights.quantization
    return (
        np.size(getattr(parameters, "scale", None)) in (1, ints(weights.shape)[0])
        and parameters.quantizedDimension == 0
        and not np.any(parameters.zeroPoint)
    )


def _is_bias(model, bias, weights):
    scales = getattr(bias.quantization, "scale", None)
    return (
        flatbuffer.dtype_name(bias) == "int32"
        and flatbuffer.is_constant(model, bias)
        and np.size(scales) == np.size(weights.quantization.scale)
        and bias.quantization.quantizedDimension == 0
    )


def _has_default_options(operator):
    options = operator.builtinOptions
    activation = getattr(options, "fusedActivationFunction", None)
    default = schema.FullyConnectedOptionsT(fusedActivationFunction=activation)
    return isinstance(options, schema.FullyConnectedOptionsT) and all(
        np.array_equal(getattr(options, name), value) for name, value in vars(default).items()
    )


def _add_view(subgraph, index, result, pixel):
    """Appends the tensor `index` as an image, of one `pixel` an example of `result`."""
    tensor, result = subgraph.tensors[index], subgraph.tensors[result]
    signature = ints(result.shapeSignature)
    view = schema.TensorT(
        shape=[*ints(result.shape)[:1], *pixel],
        shapeSignature=[*signature[:1], *pixel] if signature else None,
        type=tensor.type,
        name=(tensor.name or b"") + AS_IMAGE,
        quantization=tensor.quantization,
        hasRank=tensor.hasRank,
    )
    subgraph.tensors.append(view)
    return len(subgraph.tensors) - 1


def _add_zero_bias(model, subgraph, image, weights):
    """Appends a bias of zeros, without which XNNPACK leaves a convolution to others."""
    image, weights = subgraph.tensors[image], subgraph.tensors[weights]
    outputs, scales = ints(weights.shape)[0], weights.quantization.scale
    model.buffers.append(flatbuffer.buffer(np.zeros(outputs, np.int32)))
    bias = schema.TensorT(
        shape=[outputs],
        type=schema.TensorType.INT32,
        buffer=len(model.buffers) - 1,
        name=(weights.name or b"") + NO_BIAS,
        quantization=schema.QuantizationParametersT(
            scale=np.multiply(image.quantization.scale, scales, dtype=np.float32),
            zeroPoint=np.zeros(len(scales), np.int64),
        ),
        hasRank=weights.hasRank,
    )
    subgraph.tensors.append(bias)
    return len(subgraph.tensors) - 1


def _reshape(model, tensor, view, shape):
    return schema.OperatorT(
        opcodeIndex=flatbuffer.operator_code(model, schema.BuiltinOperator.RESHAPE),
        inputs=[tensor],
        outputs=[view],
        builtinOptionsType=schema.BuiltinOptions.ReshapeOptions,
        builtinOptions=schema.ReshapeOptionsT(newShape=list(shape)),
    )
