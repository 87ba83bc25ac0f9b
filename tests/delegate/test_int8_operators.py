"""Each operator in int8, by itself, against TFLite's reference kernel."""

import math

import numpy as np
import pytest

from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.int8_layers import check_layers
from tests.delegate.outputs import explain
from tests.delegate.runs import write
from tfsparse.flatbuffer import schema
from tfsparse.flatbuffer.encoding import encode
from tfsparse.runtime.delegate import native

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
RELU, RELU6 = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6
IMAGE = (2, 7, 9, 10)
INPUT, OUTPUT = (0.05, 3), (0.04, -7)  # scales and zero points


class Int8Graph(GraphBuilder):
    """A graph of int8 tensors of these scales."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(0)
        self.image = self.input(IMAGE, np.int8)
        self.set_scale(self.image, *INPUT)

    def apply(self, name, inputs, shape, scale=OUTPUT, **options):
        output = self.operator(name, inputs, shape, np.int8, **options)
        self.set_scale(output, *scale)
        return output

    def weights_and_bias(self, shape, axis=0, *, per_channel=True, sparse=False):
        """Weights of which half are 0, in pairs, so that sums spread over the codes of OUTPUT."""
        count, channels = math.prod(shape), shape[axis]
        codes = self.random.integers(-127, 128, count).astype(np.int8)
        codes *= self.random.integers(0, 2, (count + 1) // 2).repeat(2)[:count].astype(np.int8)
        spread = 0.015 / math.sqrt(count / channels)  # of a weight of 127
        scales = spread / 127 * self.random.uniform(0.5, 2, channels if per_channel else 1)
        weights = self.constant(codes.reshape(shape))
        self.set_scale(weights, 60 * scales, 0, axis)
        bias = self.constant(self.random.integers(-9000, 9000, channels).astype(np.int32))
        self.set_scale(bias, INPUT[0] * 60 * scales, 0)
        if sparse:
            self.make_sparse(weights, encode(codes.reshape(shape)))
        return [weights, bias]

    def codes(self, shape, scale=(0.01, 5)):
        """A constant of random codes."""
        constant = self.constant(self.random.integers(-128, 128, shape).astype(np.int8))
        self.set_scale(constant, *scale)
        return constant

    def ints(self, values):
        return self.constant(np.array(values, np.int32))


def convolution(graph, kernel=1, stride=1, dilation=1, activation=0, padding=SAME, **weights):
    constants = graph.weights_and_bias((13, kernel, kernel, 10), **weights)
    reach = 0 if padding == SAME else (kernel - 1) * dilation
    size = [math.ceil((length - reach) / stride) for length in IMAGE[1:3]]
    return graph.apply(
        "CONV_2D",
        [graph.image, *constants],
        (2, *size, 13),
        strideH=stride,
        strideW=stride,
        dilationHFactor=dilation,
        dilationWFactor=dilation,
        padding=padding,
        fusedActivationFunction=activation,
    )


def depthwise(graph, kernel=3, stride=1, multiplier=1, activation=0, **weights):
    constants = graph.weights_and_bias((1, kernel, kernel, 10 * multiplier), 3, **weights)
    size = [math.ceil(length / stride) for length in IMAGE[1:3]]
    return graph.apply(
        "DEPTHWISE_CONV_2D",
        [graph.image, *constants],
        (2, *size, 10 * multiplier),
        strideH=stride,
        strideW=stride,
        dilationHFactor=1,
        dilationWFactor=1,
        padding=SAME,
        depthMultiplier=multiplier,
        fusedActivationFunction=activation,
    )


def transposed(graph, kernel=3, stride=2, padding=SAME, less=0, bias=True, activation=0, **weights):
    """`less`: by how much the output is shorter than the longest."""
    constants = graph.weights_and_bias((13, kernel, kernel, 10), **weights)
    beyond = max(kernel - stride, 0) if padding == VALID else 0
    shape = (2, *(length * stride + beyond - less for length in IMAGE[1:3]), 13)
    return graph.apply(
        "TRANSPOSE_CONV",
        [graph.ints(shape), constants[0], graph.image, *constants[1:][:bias]],
        shape,
        strideH=stride,
        strideW=stride,
        padding=padding,
        fusedActivationFunction=activation,
    )


def dense(graph, rows=1, activation=0, **weights):
    inputs = math.prod(IMAGE) // rows
    row = graph.apply("RESHAPE", [graph.image], (rows, inputs), INPUT, newShape=[rows, inputs])
    constants = graph.weights_and_bias((21, inputs), **weights)
    options = {"fusedActivationFunction": activation}
    return graph.apply("FULLY_CONNECTED", [row, *constants], (rows, 21), **options)


@pytest.fixture
def graph():
    return Int8Graph()


def check(graph, outputs, tmp_path, *kernels):
    """`kernels` are what the names of the last operators' kernels must contain."""
    model = graph.finish([graph.image], outputs)
    for threads, isa in enumerate(reversed(native().isas()), 1):
        check_layers(model, tmp_path, isa=isa, threads=min(threads, 2))
    layers = explain(write(model, tmp_path / "model.tflite")).layers
    assert all(layer.taken for layer in layers)
    last = layers[len(layers) - len(kernels) :]
    for kernel, layer in zip(kernels, last, strict=True):
        assert kernel in layer.kernel


@pytest.mark.parametrize(
    "variant",
    [
        {"activation": RELU},
        {"activation": RELU6, "per_channel": False},
        {"sparse": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("layer", "options", "kernel"),
    [
        (convolution, {}, " int8 "),
        (convolution, {"kernel": 3}, " int8 "),
        (convolution, {"kernel": 3, "stride": 2, "padding": VALID}, " int8 "),
        (convolution, {"kernel": 5, "stride": 3}, " int8 "),
        (convolution, {"kernel": 3, "dilation": 2}, " int8 "),
        (depthwise, {}, "depthwise int8"),
        (depthwise, {"kernel": 5, "stride": 2}, "depthwise int8"),
        (depthwise, {"multiplier": 2}, "depthwise"),
        (dense, {}, "int8 rows"),
        (dense, {"rows": 6}, " int8 "),
        (transposed, {}, " int8 "),
        (transposed, {"less": 1}, " int8 "),
        (transposed, {"kernel": 2, "padding": VALID}, " int8 "),
        (transposed, {"kernel": 2, "stride": 3}, " int8 "),
        (transposed, {"kernel": 3, "padding": VALID, "bias": False}, " int8 "),
        (transposed, {"kernel": 4, "less": 1, "bias": False}, " int8 "),
        (transposed, {"kernel": 4, "stride": 3, "padding": VALID}, " int8 "),
        (transposed, {"kernel": 5, "stride": 1}, " int8 "),
        (transposed, {"kernel": 5, "stride": 3, "less": 2}, " int8 "),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_layers_with_weights(graph, tmp_path, layer, options, kernel, variant):
    check(graph, [layer(graph, **options, **variant)], tmp_path, kernel)


# What is behind a convolution is in quad planes, and what is in front of all in TFLite's order.
def convolved(graph):
    return convolution(graph), (2, 7, 9, 13)


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize(
    ("operand", "kernel"),
    [
        ("convolution", "int8 elementwise"),
        ((13,), "int8 elementwise"),
        ((1, 1, 1, 13), "int8 elementwise"),
        ((), "int8 elementwise"),
        ((9, 13), ""),
        ((2, 7, 9, 13), ""),
    ],
    ids=str,
)
@pytest.mark.parametrize("swap", [False, True])
def test_arithmetic(graph, tmp_path, name, operand, kernel, swap):
    x, shape = convolved(graph)
    other = convolution(graph, 3) if operand == "convolution" else graph.codes(operand)
    inputs = [other, x] if swap else [x, other]
    if operand == "convolution" and name == "ADD":
        kernel = ""  # it is folded into a convolution
    scale = (0.08, 4)
    outputs = [
        graph.apply(name, inputs, shape, scale, fusedActivationFunction=activation)
        for activation in (RELU, 0)
    ]
    check(graph, outputs, tmp_path, kernel)


@pytest.mark.parametrize("slopes", [(1, 1, 13), (1, 1, 1), (7, 9, 13)], ids=str)
def test_prelu(graph, tmp_path, slopes):
    x, shape = convolved(graph)
    y = graph.apply("PRELU", [x, graph.codes(slopes)], shape, (0.03, 9))
    check(graph, [y], tmp_path, "" if len(set(slopes)) == 3 else "int8 prelu")


@pytest.mark.parametrize(
    ("name", "scale", "options"),
    [
        ("LOGISTIC", (1 / 256, -128), {}),
        ("TANH", (1 / 128, 0), {}),
        ("HARD_SWISH", (0.03, -100), {}),
        ("LEAKY_RELU", (0.03, -50), {"alpha": 0.2}),
        ("RELU", (0.02, -128), {}),
        ("RELU6", (6 / 255, -128), {}),
        ("RELU_N1_TO_1", (2 / 255, 0), {}),
        ("ELU", (0.03, -90), {}),
        ("GELU", (0.03, -90), {"approximate": True}),
        ("ABS", (0.03, -128), {}),
    ],
)
def test_functions(graph, tmp_path, name, scale, options):
    x, shape = convolved(graph)
    y = graph.apply(name, [x], shape, scale, **options)
    check(graph, [y], tmp_path, "int8 lookup")


def test_softmax(graph, tmp_path):
    x, shape = convolved(graph)
    y = graph.apply("SOFTMAX", [x], shape, (1 / 256, -128), beta=1.0)
    check(graph, [y], tmp_path, "softmax")


@pytest.mark.parametrize("name", ["MEAN", "SUM"])
@pytest.mark.parametrize(
    ("axes", "shape", "kernel"),
    [([1, 2], (2, 1, 1, 13), "int8"), ([3], (2, 7, 9, 1), ""), ([1], (2, 1, 9, 13), "")],
    ids=str,
)
def test_reductions(graph, tmp_path, name, axes, shape, kernel):
    x, _ = convolved(graph)
    scale = (0.02, 5) if name == "MEAN" else (2.0, 5)
    y = graph.apply(name, [x, graph.ints(axes)], shape, scale, keepDims=True)
    check(graph, [y], tmp_path, kernel)


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize(
    ("window", "stride", "padding", "size"),
    [(3, 2, SAME, (4, 5)), (2, 2, VALID, (3, 4)), (7, 1, SAME, (7, 9))],
)
def test_pooling(graph, tmp_path, name, window, stride, padding, size):
    x, shape = convolved(graph)
    y = graph.apply(
        name,
        [x],
        (2, *size, shape[3]),
        filterHeight=window,
        filterWidth=window,
        strideH=stride,
        strideW=stride,
        padding=padding,
        fusedActivationFunction=RELU,
    )
    check(graph, [y], tmp_path, "int8")


@pytest.mark.parametrize("name", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
@pytest.mark.parametrize(("align_corners", "half"), [(0, 0), (1, 0), (0, 1)])
@pytest.mark.parametrize("size", [(14, 18), (23, 8), (3, 29), (1, 1)])
def test_resizing(graph, tmp_path, name, size, align_corners, half):
    x, shape = convolved(graph)
    y = graph.apply(
        name,
        [x, graph.ints(size)],
        (2, *size, shape[3]),
        alignCorners=bool(align_corners),
        halfPixelCenters=bool(half),
    )
    check(graph, [y], tmp_path, "int8 bilinear" if "BILINEAR" in name else "int8 nearest")


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concatenation_of_tensors_of_one_scale(graph, tmp_path, axis):
    x, shape = convolved(graph)
    inputs = [x, convolution(graph, 3), graph.codes(shape, OUTPUT)]
    joined = [3 * size if dim == axis else size for dim, size in enumerate(shape)]
    check(graph, [graph.apply("CONCATENATION", inputs, joined, axis=axis)], tmp_path)


@pytest.mark.parametrize("amounts", [[0, 0, 1, 2, 3, 0, 0, 0], [0, 1, 0, 0, 0, 2, 2, 1]], ids=str)
def test_pad(graph, tmp_path, amounts):
    x, shape = convolved(graph)
    pairs = np.reshape(amounts, (4, 2))
    check(graph, [graph.apply("PAD", [x, graph.ints(pairs)], shape + pairs.sum(1))], tmp_path)


def test_reshape(graph, tmp_path):
    x, _ = convolved(graph)
    check(graph, [graph.apply("RESHAPE", [x], (14, 117), newShape=[14, 117])], tmp_path)


@pytest.mark.parametrize(("axis", "parts"), [(0, 2), (1, 7), (2, 3)])
def test_split(graph, tmp_path, axis, parts):
    x, shape = convolved(graph)
    part = [size // parts if dim == axis else size for dim, size in enumerate(shape)]
    inputs = [graph.ints(axis), x]
    outputs = graph.operator_of_several("SPLIT", inputs, [part] * parts, np.int8, numSplits=parts)
    for output in outputs:
        graph.set_scale(output, *OUTPUT)
    check(graph, outputs, tmp_path)


def test_slice(graph, tmp_path):
    x, _ = convolved(graph)
    inputs = [x, graph.ints([0, 1, 2, 3]), graph.ints([2, 5, 4, 6])]
    check(graph, [graph.apply("SLICE", inputs, (2, 5, 4, 6))], tmp_path)


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 3, 1, 2), (3, 2, 1, 0)], ids=str)
def test_transpose(graph, tmp_path, order):
    x, shape = convolved(graph)
    y = graph.apply("TRANSPOSE", [x, graph.ints(order)], [shape[dim] for dim in order])
    check(graph, [y], tmp_path)


def test_conversions(graph, tmp_path):
    x, shape = convolved(graph)
    requantized = graph.apply("QUANTIZE", [x], shape, (0.06, 11))
    floats = graph.operator("DEQUANTIZE", [requantized], shape)
    quantized = graph.apply("QUANTIZE", [floats], shape, (0.05, -20))
    check(graph, [requantized, floats, quantized], tmp_path, "requantize", "dequantize", "quantize")
