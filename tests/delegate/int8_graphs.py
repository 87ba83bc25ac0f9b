"""Makes int8 graphs of float ones, as a converter does with calibration data.

Scales follow the values of one inference, and vary at random. An operator that TFLite has no int8
kernel for, and a few others, stay float between DEQUANTIZE and QUANTIZE.
"""

import numpy as np

from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.int8_layers import stored_constants
from tfsparse import flatbuffer
from tfsparse.flatbuffer import DTYPES
from tfsparse.flatbuffer.encoding import encode

# Operators whose input and output have one scale.
MOVES = (
    *("AVERAGE_POOL_2D", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "MAXIMUM"),
    *("MAX_POOL_2D", "MINIMUM", "PAD", "PADV2", "RESHAPE", "RESIZE_BILINEAR"),
    *("RESIZE_NEAREST_NEIGHBOR", "SLICE", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE"),
    *("STRIDED_SLICE", "TRANSPOSE"),
)
# Those whose output has a scale of its own.
RESCALING = (
    *(
        "ABS",
        "ADD",
        "BATCH_MATMUL",
        "ELU",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "MEAN",
        "MUL",
        "PRELU",
        "RELU",
    ),
    *("RELU6", "RELU_N1_TO_1", "SUB", "SUM"),
)
# The scale and zero point that TFLite prescribes for an output.
PRESCRIBED = {"LOGISTIC": (1 / 256, -128), "SOFTMAX": (1 / 256, -128), "TANH": (1 / 128, 0)}
# The positions of the input, the weights and the bias, and the weights' dimension of the outputs.
WEIGHTED = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}

# Of a bias, so that sums fit 32 bits.
MOST = 1 << 28


def quantize(model, values, seed):
    """The int8 form of a float graph.

    Args:
        model: `ModelT` of a graph of float32 tensors.
        values: The value of every tensor that an operator computes, and of the inputs, by name.
        seed: Seed of the scales, and of what stays float.
    """
    return _Quantizer(model, values, np.random.default_rng(seed)).run()


class _Quantizer:
    def __init__(self, model, values, random):
        self.model, self.values, self.random = model, values, random
        (self.graph,) = model.subgraphs
        self.builder = GraphBuilder()
        # (tensor of the float graph, its (scale, zero point) or None for float) -> tensor
        self.made = {}
        self.scales = {}  # tensor of the float graph -> (scale, zero point) of its int8 form
        self.stored = stored_constants(model)
        self.float_operators = random.choice([0.0, 0.0, 0.1])

    def run(self):
        inputs = [self._add_input(tensor) for tensor in self.graph.inputs]
        for operator in self.graph.operators:
            if operator.outputs[0] not in self.stored:
                self._add_operator(operator, flatbuffer.operator_name(self.model, operator))
        outputs = [self._add_output(tensor) for tensor in self.graph.outputs]
        return self.builder.finish(inputs, outputs)

    def _add_input(self, tensor):
        as_int8 = self.random.random() < 0.7
        made = self.builder.input(self._shape(tensor), np.int8 if as_int8 else np.float32)
        self._note(tensor, made, self._new_scale(tensor) if as_int8 else None)
        return made

    def _add_output(self, tensor):
        as_int8 = tensor in self.scales and self.random.random() < 0.7
        return self._int8(tensor) if as_int8 else self._float(tensor)

    def _add_operator(self, operator, name):
        options = dict(vars(operator.builtinOptions)) if operator.builtinOptions else {}
        has_kernel = name in (*MOVES, *RESCALING, *PRESCRIBED, *WEIGHTED)
        if not has_kernel or self.random.random() < self.float_operators:
            inputs, scale = [self._float(tensor) for tensor in operator.inputs], None
        elif name in WEIGHTED:
            scale = self._new_scale(operator.outputs[0])
            inputs = self._weighted_inputs(operator, *WEIGHTED[name])
        else:
            scale = PRESCRIBED.get(name) or self._new_scale(operator.outputs[0])
            shared = scale if name in MOVES else None
            if name in MOVES:  # the first computed input's, to which others are requantized
                computed = [t for t in operator.inputs if self._value(t) is None]
                self._int8(computed[0])
                scale = shared = self.scales[computed[0]]
            inputs = [self._int8(tensor, shared) for tensor in operator.inputs]
        dtype = DTYPES[self.graph.tensors[operator.outputs[0]].type] if scale is None else np.int8
        shapes = [self._shape(tensor) for tensor in operator.outputs]
        outputs = self.builder.operator_of_several(name, inputs, shapes, dtype, **options)
        for tensor, made in zip(operator.outputs, outputs, strict=True):
            self._note(tensor, made, scale)

    def _note(self, tensor, made, scale):
        """Notes a form of a tensor: of that scale, or float if that is `None`."""
        self.made[tensor, scale] = made
        if scale is not None:
            self.builder.set_scale(made, *scale)
            self.scales.setdefault(tensor, scale)

    def _weighted_inputs(self, operator, x, weights, bias, axis):
        inputs = list(operator.inputs)
        inputs[x] = self._int8(operator.inputs[x])
        values = self._value(operator.inputs[weights])
        axes = tuple(dim for dim in range(values.ndim) if dim != axis)
        per_channel = self.random.random() < 0.8
        largest = np.abs(values).max(axes if per_channel else None, keepdims=True)
        steps = np.maximum(largest, 1e-3) / 127 * self.random.uniform(1.0, 1.2)
        stored = np.round(values / steps).astype(np.int8)
        inputs[weights] = self.builder.constant(stored)
        self.builder.set_scale(inputs[weights], steps.reshape(-1), 0, axis)
        if self.random.random() < 0.5:
            encoding = self._encoding(stored)
            self.builder.make_sparse(inputs[weights], encoding)
        if len(inputs) > bias:
            scale = self.scales[operator.inputs[x]][0] * steps.reshape(-1)
            codes = np.round(self._value(operator.inputs[bias]) / scale)
            inputs[bias] = self.builder.constant(np.clip(codes, -MOST, MOST).astype(np.int32))
            self.builder.set_scale(inputs[bias], scale, 0)
        for other in set(range(len(inputs))) - {x, weights, bias}:  # the output's shape
            inputs[other] = self.builder.constant(self._value(inputs[other]))
        return inputs

    def _encoding(self, stored):
        dims = [dim for dim, size in enumerate(stored.shape) if size % 4 == 0]
        blocks = {int(self.random.choice(dims)): 4} if dims and self.random.random() < 0.6 else {}
        order = self.random.permutation(stored.ndim) if self.random.random() < 0.5 else None
        return encode(stored, traversal_order=order, blocks=blocks)

    def _float(self, tensor):
        """A tensor's float form; a parameter or a computed shape as it is."""
        value = self._value(tensor)
        if value is not None:
            return self.builder.constant(value)
        if (tensor, None) not in self.made:
            made = self.builder.operator("DEQUANTIZE", [self._int8(tensor)], self._shape(tensor))
            self._note(tensor, made, None)
        return self.made[tensor, None]

    def _int8(self, tensor, scale=None):
        """A tensor's int8 form, or a parameter as it is. Of the given scale if there is one."""
        value = self._value(tensor)
        if value is not None:
            is_operand = value.dtype == np.float32
            return self._int8_constant(value, scale) if is_operand else self.builder.constant(value)
        scale = scale or self.scales.get(tensor) or self._new_scale(tensor)
        if (tensor, scale) not in self.made:
            source = self._int8(tensor) if tensor in self.scales else self._float(tensor)
            made = self.builder.operator("QUANTIZE", [source], self._shape(tensor), np.int8)
            self._note(tensor, made, scale)
        return self.made[tensor, scale]

    def _int8_constant(self, value, scale):
        step, zero_point = scale or self._scale_of(value)
        codes = np.clip(np.round(value / step) + zero_point, -128, 127)
        made = self.builder.constant(codes.astype(np.int8))
        self.builder.set_scale(made, step, zero_point)
        return made

    def _new_scale(self, tensor):
        return self._scale_of(self.values[self.graph.tensors[tensor].name.decode()])

    def _scale_of(self, value):
        """A scale and zero point for these values. Some are saturated, or some codes unused."""
        low, high = min(value.min(), 0), max(value.max(), 0)
        # A sum further than 32,767 steps below a range wraps around in TFLite's kernels for x86.
        step = max(high - low, 0.1) / 255 * self.random.choice([0.8, 1.0, 1.0, 1.0, 1.7])
        if self.random.random() < 0.1:  # symmetric
            return float(step), 0
        return float(step), int(np.clip(np.round(-128 - low / step), -128, 127))

    def _value(self, tensor):
        """The value of a constant; `None` if the tensor is computed."""
        stored = self.graph.tensors[self.stored.get(tensor, tensor)]
        value = flatbuffer.constant(self.model, stored)
        is_half = value is not None and value.dtype == np.float16
        return value.astype(np.float32) if is_half else value

    def _shape(self, tensor):
        return self.graph.tensors[tensor].shape
