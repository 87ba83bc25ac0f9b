"""Writes TFLite graphs operator by operator, without Keras, and prints them."""

import math

import numpy as np

from tfsparse import flatbuffer
from tfsparse.flatbuffer import DTYPES, schema
from tfsparse.flatbuffer.encoding import encode

# The table of options of an operator, where it has one.
OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DIV": "DivOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GELU": "GeluOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
}
_TYPES = {dtype: number for number, dtype in DTYPES.items()}


class GraphBuilder:
    """A graph under construction. Tensors are named by their index."""

    def __init__(self):
        self.model = schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()])
        self.graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
        self.model.subgraphs = [self.graph]

    def shape(self, tensor):
        return tuple(self.graph.tensors[tensor].shape)

    def input(self, shape, dtype=np.float32):
        tensor = self._tensor(shape, dtype)
        self.graph.inputs.append(tensor)
        return tensor

    def constant(self, values):
        values = np.ascontiguousarray(values)
        self.model.buffers.append(schema.BufferT(data=values.reshape(-1).view(np.uint8)))
        return self._tensor(values.shape, values.dtype, len(self.model.buffers) - 1)

    def weights(self, values, *, half=False, sparse=None):
        """A constant as a converter stores it.

        `half` stores float16, behind a DEQUANTIZE. `sparse`, a dictionary of options for `encode`,
        stores the sparse encoding, behind a DENSIFY.
        """
        stored = np.asarray(values, np.float16 if half else np.float32)
        tensor = self.constant(stored)
        if sparse is not None:
            self.make_sparse(tensor, encode(stored, **sparse))
        return self.operator("DEQUANTIZE", [tensor], stored.shape) if half else tensor

    def make_sparse(self, constant, encoding):
        """Stores a constant in the sparse encoding, behind a DENSIFY."""
        end = len(self.graph.operators)
        flatbuffer.replace_by_densify(self.model, self.graph, constant, encoding, end)

    def set_scale(self, tensor, scales, zero_point, axis=0):
        """Quantizes a tensor: one scale, or one for each index of dimension `axis`."""
        scales = np.atleast_1d(scales).tolist()
        self.graph.tensors[tensor].quantization = schema.QuantizationParametersT(
            scale=scales, zeroPoint=[zero_point] * len(scales), quantizedDimension=axis
        )

    def operator(self, name, inputs, shape, dtype=np.float32, **options):
        """Appends an operator with one output of the given shape, and returns that."""
        return self.operator_of_several(name, inputs, [shape], dtype, **options)[0]

    def operator_of_several(self, name, inputs, shapes, dtype=np.float32, **options):
        outputs = [self._tensor(shape, dtype) for shape in shapes]
        operator = schema.OperatorT(
            opcodeIndex=flatbuffer.operator_code(self.model, getattr(schema.BuiltinOperator, name)),
            inputs=list(inputs),
            outputs=outputs,
        )
        if name in OPTIONS:
            table = OPTIONS[name]
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, table + "T")(**options)
        self.graph.operators.append(operator)
        return outputs

    def finish(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        return self.model

    def _tensor(self, shape, dtype=np.float32, buffer=0):
        self.graph.tensors.append(
            schema.TensorT(
                name=f"t{len(self.graph.tensors)}".encode(),
                shape=[int(size) for size in shape],
                type=_TYPES[np.dtype(dtype)],
                buffer=buffer,
            )
        )
        return len(self.graph.tensors) - 1


def describe(model):
    """The graph as text, an operator a line."""
    (graph,) = model.subgraphs

    def show(index):
        if index < 0:
            return "none"
        tensor = graph.tensors[index]
        text = f"{tensor.name.decode()}{list(map(int, tensor.shape))}"
        scales = tensor.quantization.scale if tensor.quantization else None
        if scales is not None:
            text += f" {flatbuffer.dtype_name(tensor)} of {len(scales)} scales"
            if len(scales) == 1:
                text += f", {scales[0]:.4g} * (code - {tensor.quantization.zeroPoint[0]})"
        values = flatbuffer.constant(model, tensor)
        if values is None:
            return text
        if (values.dtype.kind == "i" and scales is None) or values.size == 1:
            return str(values.tolist())
        zeros = 1 - np.count_nonzero(values) / max(1, math.prod(values.shape))
        return f"{text} {values.dtype} {zeros:.0%} zeros{' sparse' if tensor.sparsity else ''}"

    lines = [f"inputs {', '.join(map(show, graph.inputs))}"]
    for operator in graph.operators:
        options = vars(operator.builtinOptions) if operator.builtinOptions else {}
        settings = [f"{name}={value}" for name, value in options.items() if value]
        name = flatbuffer.operator_name(model, operator)
        arguments = ", ".join([*map(show, operator.inputs), *settings])
        lines.append(f"{', '.join(map(show, operator.outputs))} = {name}({arguments})")
    return "\n".join([*lines, f"outputs {', '.join(map(show, graph.outputs))}"])
