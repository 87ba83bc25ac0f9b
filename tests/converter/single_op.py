"""TFLite models of one operator with given weights, and a run of any model in any runtime."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.flatbuffer import DTYPES, schema


def single_op(weights, *, name=b"weights"):
    """A convolution (weights OHWI) or a fully connected layer (weights OI) on an 8x8 image or row.

    Float16 weights and their bias go through a DEQUANTIZE each, as TensorFlow's converter has it.
    """
    conv = weights.ndim == 4
    outputs, inputs = weights.shape[0], weights.shape[-1]
    image = (1, 8, 8) if conv else (1,)
    dtype = next(number for number, dtype in DTYPES.items() if dtype == weights.dtype)
    bias = np.arange(outputs).astype(weights.dtype)
    tensors = [
        _tensor(b"x", (*image, inputs)),
        _tensor(name, weights.shape, dtype, buffer=1),
        _tensor(b"bias", (outputs,), dtype, buffer=2),
        _tensor(b"y", (*image, outputs)),
    ]
    if conv:
        options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
        kind, code = schema.BuiltinOptions.Conv2DOptions, schema.BuiltinOperator.CONV_2D
    else:
        options = schema.FullyConnectedOptionsT()
        kind = schema.BuiltinOptions.FullyConnectedOptions
        code = schema.BuiltinOperator.FULLY_CONNECTED
    operator = schema.OperatorT(
        inputs=[0, 1, 2], outputs=[3], builtinOptions=options, builtinOptionsType=kind
    )
    operators, codes = [operator], [code]
    if weights.dtype == np.float16:
        tensors += [_tensor(b"weights32", weights.shape), _tensor(b"bias32", (outputs,))]
        operator.inputs[1:] = 4, 5
        operators[:0] = [
            schema.OperatorT(opcodeIndex=1, inputs=[1], outputs=[4]),
            schema.OperatorT(opcodeIndex=1, inputs=[2], outputs=[5]),
        ]
        codes.append(schema.BuiltinOperator.DEQUANTIZE)
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=operators)
    return schema.ModelT(
        version=3,
        operatorCodes=[
            schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1)
            for code in codes
        ],
        subgraphs=[graph],
        buffers=[schema.BufferT(), flatbuffer.buffer(weights), flatbuffer.buffer(bias)],
    )


def with_custom_operator(weights):
    """`single_op` of a convolution, and behind it an operator that only XNNPACK has.

    It is the one that Google's selfie_segmentation ends with: a transposed convolution.
    """
    model = single_op(weights)
    graph, outputs = model.subgraphs[0], weights.shape[0]
    kernel, bias = np.ones((1, 2, 2, outputs), np.float32), np.zeros(1, np.float32)
    graph.tensors += [
        _tensor(b"kernel", kernel.shape, buffer=3),
        _tensor(b"custom_bias", bias.shape, buffer=4),
        _tensor(b"z", (1, 16, 16, 1)),
    ]
    model.buffers += [flatbuffer.buffer(kernel), flatbuffer.buffer(bias)]
    custom = schema.BuiltinOperator.CUSTOM
    model.operatorCodes.append(
        schema.OperatorCodeT(
            builtinCode=custom,
            deprecatedBuiltinCode=custom,
            customCode="Convolution2DTransposeBias",
            version=1,
        )
    )
    padding_and_strides = np.array([1, 2, 2], np.int32)
    graph.operators.append(
        schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=[3, 4, 5],
            outputs=[6],
            customOptions=padding_and_strides.view(np.uint8),
        )
    )
    graph.outputs = [6]
    return model


def quantized_op(weights, activations="INT8"):
    """`single_op` with int8 weights, a scale for each output channel. Activations may be INT16."""
    model = single_op(weights)
    image, kernel, bias, output = model.subgraphs[0].tensors
    outputs = weights.shape[0]
    scales = np.linspace(0.01, 0.02, outputs, dtype=np.float32)
    image.type = output.type = getattr(schema.TensorType, activations)
    is_int8 = activations == "INT8"
    bias.type = schema.TensorType.INT32 if is_int8 else schema.TensorType.INT64
    values = np.arange(outputs, dtype=np.int32 if is_int8 else np.int64) * 10
    model.buffers[2] = flatbuffer.buffer(values)
    for tensor, scale, zero in [
        (image, [0.02], [-128 if is_int8 else 0]),
        (kernel, scales, np.zeros(outputs)),
        (bias, 0.02 * scales, np.zeros(outputs)),
        (output, [0.2], [3 if is_int8 else 0]),
    ]:
        tensor.quantization = schema.QuantizationParametersT(
            scale=np.array(scale, np.float32), zeroPoint=np.array(zero, np.int64)
        )
    return model


def merged(models):
    """One model with the operators of several, each with an input and an output of its own."""
    whole, *others = models
    graph = whole.subgraphs[0]
    for other in others:
        part = other.subgraphs[0]
        tensors, codes, buffers = len(graph.tensors), len(whole.operatorCodes), len(whole.buffers)
        for tensor in part.tensors:
            tensor.name = b"%s_%d" % (tensor.name, tensors)
            tensor.buffer += buffers
        for operator in part.operators:
            operator.opcodeIndex += codes
            operator.inputs = [
                index + tensors if index >= 0 else index for index in operator.inputs
            ]
            operator.outputs = [index + tensors for index in operator.outputs]
        graph.tensors += part.tensors
        graph.operators += part.operators
        graph.inputs += [index + tensors for index in part.inputs]
        graph.outputs += [index + tensors for index in part.outputs]
        whole.operatorCodes += other.operatorCodes
        whole.buffers += other.buffers
    return whole


def _tensor(name, shape, dtype=schema.TensorType.FLOAT32, buffer=0):
    return schema.TensorT(name=name, shape=list(shape), type=dtype, buffer=buffer)


def pruned(shape, sparsity, dtype=np.float32, seed=0):
    """Random weights of which each is zero with probability `sparsity`."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) * (40 if np.dtype(dtype).kind in "iu" else 1)
    return np.where(rng.random(shape) >= sparsity, values, 0).astype(dtype)


def run(interpreter, seed=0):
    """The outputs of a model on random inputs, the same for the same seed."""
    interpreter.allocate_tensors()
    rng = np.random.default_rng(seed)
    for details in interpreter.get_input_details():
        values = rng.random(details["shape"], np.float32)
        if details["dtype"] == np.int8:
            values = 255 * values - 128
        interpreter.set_tensor(details["index"], values.astype(details["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
