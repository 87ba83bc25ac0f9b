"""The layers of a TFLite model whose weights can be pruned, as matrices."""

import collections
import dataclasses
import math
from typing import Any

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.sparsify import BIAS_INPUTS, FLOATS, WEIGHTS_INPUT
from tfsparse.prune.files.quantized_values import dequantized, fault, quantized, scales_of

OPERATORS = ("CONV_2D", "FULLY_CONNECTED")
# Moments of that many inputs are matrices of half a GB, of which several are needed.
MAX_INPUTS = 8192


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or fully connected layer of a model's first subgraph.

    Attributes:
        operator: The `OperatorT`.
        name: The name of its output.
        kind: "CONV_2D" or "FULLY_CONNECTED".
        shape: Shape of its weights, OHWI or OI.
        weights: The `TensorT` of the constant that holds them.
        bias: The `TensorT` of the bias, or `None` without one.
        bias_is_shared: Whether other operators read the bias too.
    """

    operator: Any
    name: str
    kind: str
    shape: tuple[int, ...]
    weights: Any
    bias: Any = None
    bias_is_shared: bool = False

    @property
    def input(self):
        """Index of the tensor that feeds the layer."""
        return flatbuffer.ints(self.operator.inputs)[0]

    @property
    def inputs(self):
        """Number of inputs of each output."""
        return math.prod(self.shape[1:])

    @property
    def steps(self):
        """The scale of each output's int8 weights, float64 (outputs,); `None` of float weights."""
        if flatbuffer.dtype_name(self.weights) != "int8":
            return None
        return np.broadcast_to(scales_of(self.weights), self.shape[:1])

    def read(self, model):
        """The weights of a model, float64 (outputs, inputs), the bias being the last column.

        Of int8 weights and int32 biases these are the real numbers that they stand for.
        """
        weights = dequantized(flatbuffer.constant(model, self.weights), self.weights)
        columns = [weights.reshape(self.shape[0], -1)]
        if self.bias is not None:
            columns.append(dequantized(flatbuffer.constant(model, self.bias), self.bias))
        with np.errstate(invalid="ignore"):  # a damaged file may hold signalling NaNs
            return np.column_stack(columns).astype(np.float64)

    def write(self, model, matrix):
        """Replaces the weights in a model, and the bias."""
        _set(model, self.weights, matrix[:, : self.inputs])
        if self.bias is None:
            return
        bias = self.bias
        if self.bias_is_shared:
            graph = model.subgraphs[0]
            inputs = list(flatbuffer.ints(self.operator.inputs))
            inputs[BIAS_INPUTS[self.kind]] = len(graph.tensors)
            self.operator.inputs = np.array(inputs, np.int32)
            is_float = flatbuffer.dtype_name(bias) in FLOATS
            bias = flatbuffer.schema.TensorT(
                shape=bias.shape,
                # Also for float16 biases, which a DEQUANTIZE widens.
                type=flatbuffer.schema.TensorType.FLOAT32 if is_float else bias.type,
                quantization=bias.quantization,
                name=f"{self.name}_bias",
            )
            graph.tensors.append(bias)
        _set(model, bias, matrix[:, self.inputs])

    def rows(self, value, count, rng):
        """The inputs of the layer, as rows that are multiplied with its weights.

        Args:
            value: The tensor that feeds it, a float array.
            count: The most positions of an image to use.
            rng: `numpy.random.Generator` that draws them.

        Returns:
            Float32 array (rows, inputs).
        """
        if self.kind == "FULLY_CONNECTED":
            return value.reshape(-1, self.inputs)
        patches = self._patches(value)
        positions = patches.shape[:3]
        drawn = np.arange(math.prod(positions))
        if len(drawn) > count:
            drawn = rng.choice(drawn, count, replace=False)
        taken = patches[np.unravel_index(drawn, positions)]
        return taken.transpose(0, 2, 3, 1).reshape(len(drawn), -1)

    def _patches(self, images):
        """The kernel's inputs at each position: (batch, height, width, channels, kernel)."""
        options = self.operator.builtinOptions
        strides = options.strideH, options.strideW
        dilations = options.dilationHFactor, options.dilationWFactor
        spans = [(k - 1) * d + 1 for k, d in zip(self.shape[1:3], dilations, strict=True)]
        if options.padding == flatbuffer.schema.Padding.SAME:
            missing = [
                max(0, (-(-size // stride) - 1) * stride + span - size)
                for size, stride, span in zip(images.shape[1:3], strides, spans, strict=True)
            ]
            images = np.pad(images, ((0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(images, spans, axis=(1, 2))
        return windows[:, :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]


def find(model):
    """The layers of a model's first subgraph that have constant weights.

    Args:
        model: A `ModelT` without sparse constants.

    Returns:
        A list of pairs of a `Layer` and the reason why it cannot be pruned, empty if it can.
    """
    graph = model.subgraphs[0]
    reading = _Reading(model)
    found = []
    for operator in graph.operators or ():
        layer = _layer(model, graph, operator, reading)
        if layer is not None:
            found.append((layer, _obstacle(graph, layer, reading)))
    return found


def named(layers, scope):
    """Returns the layers that a name in `scope_grammar.LAYERS` selects, a list."""
    convolutions = [layer for layer in layers if layer.kind == "CONV_2D"]
    if scope == "pointwise":
        return [layer for layer in convolutions[1:] if layer.shape[1:3] == (1, 1)]
    if scope == "3x3":
        return [layer for layer in convolutions if layer.shape[1:3] == (3, 3)]
    if scope == "all_but_first":
        return [layer for layer in layers if layer not in convolutions[:1]]
    return list(layers)


class _Reading:
    """The constants that operators of the first subgraph read, and whether others read them."""

    def __init__(self, model):
        graph = model.subgraphs[0]
        self.model, self.tensors = model, graph.tensors or ()
        self.widening = {
            flatbuffer.ints(operator.outputs)[0]: flatbuffer.ints(operator.inputs)[0]
            for operator in graph.operators or ()
            if flatbuffer.operator_name(model, operator) == "DEQUANTIZE"
            and flatbuffer.ints(operator.inputs)
            and flatbuffer.ints(operator.outputs)
        }
        self.uses = collections.Counter(flatbuffer.ints(graph.outputs))
        for operator in graph.operators or ():
            self.uses.update(flatbuffer.ints(operator.inputs))

    def constant(self, operator, slot):
        """The index of the constant at an input, directly or through a DEQUANTIZE, or `None`."""
        inputs = flatbuffer.ints(operator.inputs)
        index = inputs[slot] if slot < len(inputs) else -1
        index = self.widening.get(index, index)
        is_constant = index >= 0 and flatbuffer.is_constant(self.model, self.tensors[index])
        return index if is_constant else None

    def is_shared(self, operator, slot):
        """Whether others read the constant at an input."""
        index = flatbuffer.ints(operator.inputs)[slot]
        return max(self.uses[index], self.uses[self.widening.get(index, index)]) > 1


def _layer(model, graph, operator, reading):
    kind = flatbuffer.operator_name(model, operator)
    stored = reading.constant(operator, WEIGHTS_INPUT) if kind in OPERATORS else None
    if stored is None:
        return None
    slot = BIAS_INPUTS[kind]
    bias = reading.constant(operator, slot)
    (output, *_) = flatbuffer.ints(operator.outputs) or (stored,)
    return Layer(
        operator=operator,
        name=(graph.tensors[output].name or b"").decode(errors="replace"),
        kind=kind,
        shape=flatbuffer.ints(graph.tensors[stored].shape),
        weights=graph.tensors[stored],
        bias=None if bias is None else graph.tensors[bias],
        bias_is_shared=bias is not None and reading.is_shared(operator, slot),
    )


def _obstacle(graph, layer, reading):
    """The reason why a layer cannot be pruned, to follow its name; empty if it can."""
    image = graph.tensors[layer.input] if layer.input >= 0 else None
    dtype = flatbuffer.dtype_name(layer.weights)
    if dtype not in (*FLOATS, "int8"):
        return f"has {dtype} weights" if dtype else "has weights of a type that numpy has not"
    if image is None or flatbuffer.dtype_name(image) not in ("float32", "int8"):
        return "has inputs that are neither float32 nor int8"
    wrong = _quantization_fault(image, layer)
    if wrong:
        return f"has {wrong}"
    if len(layer.shape) != (4 if layer.kind == "CONV_2D" else 2):
        return f"has weights of shape {layer.shape}"
    if layer.kind == "CONV_2D" and flatbuffer.ints(image.shape)[-1:] != layer.shape[-1:]:
        return "is a grouped convolution"
    if reading.is_shared(layer.operator, WEIGHTS_INPUT) or _sharers(reading.model, layer.weights):
        return "shares its weights with another operator"
    if layer.inputs > MAX_INPUTS:
        return f"has {layer.inputs} inputs, more than {MAX_INPUTS}"
    return ""


def _quantization_fault(image, layer):
    """What is wrong with the scales of a layer's tensors; empty if nothing."""
    for tensor, symmetric, what in (
        (image, False, "inputs"),
        (layer.weights, True, "weights"),
        (layer.bias, True, "a bias"),
    ):
        if tensor is not None and flatbuffer.dtype_name(tensor) not in FLOATS:
            wrong = fault(tensor, symmetric=symmetric)
            if wrong:
                return f"{what} with {wrong}"
    return ""


def _sharers(model, tensor):
    """How many other tensors, or metadata, have the same buffer."""
    return flatbuffer.buffer_references(model)[tensor.buffer] - 1


def _set(model, tensor, values):
    """Gives a constant other values, in a buffer of its own."""
    buffer = flatbuffer.buffer(quantized(values, tensor))
    # Converters store equal biases once; in the schema the first buffer is empty.
    if not tensor.buffer or _sharers(model, tensor):
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
    else:
        model.buffers[tensor.buffer] = buffer
