import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from tests.converter.single_op import merged, pruned, quantized_op, run
from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model
from tfsparse.converter.sparsify import sparsify
from tfsparse.converter.workarounds import int8_dense

RUNTIMES = {
    "tf.lite": (tf.lite.Interpreter, tf.lite.experimental.OpResolverType),
    "ai_edge_litert": (litert.Interpreter, litert.OpResolverType),
}


def dense_layer(shape, *, bias=True, scales=None, sparsity=0.8):
    """A model of one int8 dense layer, with or without a bias and a scale for each output."""
    model = quantized_op(pruned(shape, sparsity, np.int8))
    graph = model.subgraphs[0]
    if not bias:
        graph.operators[0].inputs = [0, 1, -1]
    if scales == 1:
        for tensor in graph.tensors[1:3]:
            tensor.quantization.scale = tensor.quantization.scale[:1]
            tensor.quantization.zeroPoint = tensor.quantization.zeroPoint[:1]
    return model


def operators(model):
    return [flatbuffer.operator_name(model, op) for op in model.subgraphs[0].operators]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF"])
def test_sparse_layers_run_like_the_dense_file(runtime, resolver):
    interpreter, resolvers = RUNTIMES[runtime]
    model = merged(
        [
            dense_layer(shape, bias=bias, scales=scales)
            for shape in [(100, 128), (40, 1280), (60, 400), (50, 263)]
            for bias in (True, False)
            for scales in (None, 1)
        ]
    )
    dense = flatbuffer.serialize(model)
    assert sparsify(model) == 16
    sparse = flatbuffer.serialize(model)
    options = {"experimental_op_resolver_type": getattr(resolvers, resolver)}
    outputs, expected = (
        run(interpreter(model_content=content, **options)) for content in (sparse, dense)
    )
    for output, wanted in zip(outputs, expected, strict=True):
        output, wanted = output.astype(int), wanted.astype(int)
        assert np.ptp(wanted) > 50
        # TFLite's reference kernels round once in dense layers and twice in convolutions.
        assert np.abs(output - wanted).max() <= (resolver == "BUILTIN_REF")


def test_a_dense_layer_becomes_a_convolution_of_rows_with_one_byte_indices():
    model = dense_layer((40, 1280))
    assert sparsify(model) == 1
    assert operators(model) == ["DENSIFY", "RESHAPE", "CONV_2D", "RESHAPE"]
    graph = model.subgraphs[0]
    weights = graph.tensors[graph.operators[0].inputs[0]]
    assert tuple(weights.shape) == (40, 1, 5, 256)
    levels = flatbuffer.sparse_encoding(model, weights).levels
    assert levels[-1].indices.max() == 255


@pytest.mark.parametrize(
    ("weights", "kernel"),
    [
        ((10, 100), (10, 1, 1, 100)),
        ((10, 256), (10, 1, 1, 256)),
        ((10, 1280), (10, 1, 5, 256)),
        ((10, 576), (10, 1, 3, 192)),
        ((10, 780), (10, 1, 5, 156)),  # not 195, in which blocks of 4 inputs would be cut
        ((10, 390), (10, 1, 2, 195)),
        ((10, 263), (10, 1, 1, 263)),  # a prime number
    ],
)
def test_kernel_shape(weights, kernel):
    assert int8_dense.kernel_shape(weights) == kernel


def test_layers_come_back_in_the_same_file():
    rng = np.random.default_rng(0)
    models = []
    for _ in range(40):
        model = dense_layer(rng.integers(1, 500, 2), bias=rng.random() < 0.5, sparsity=0.9)
        graph = model.subgraphs[0]
        graph.operators[0].builtinOptions.fusedActivationFunction = rng.integers(3)
        if rng.random() < 0.5:
            for tensor in (graph.tensors[0], graph.tensors[3]):
                tensor.shapeSignature = [-1, *tensor.shape[1:]]
        models.append(model)
    model = merged(models)
    del model.operatorCodes[1:]
    for operator in model.subgraphs[0].operators:
        operator.opcodeIndex = 0
    dense = flatbuffer.serialize(model)
    assert sparsify(model) > 20
    sparse = flatbuffer.serialize(model)
    assert len(sparse) < 0.7 * len(dense)
    model = flatbuffer.parse(sparse)
    densify_model(model)
    assert flatbuffer.serialize(model) == dense


def test_a_file_never_grows():
    rng = np.random.default_rng(1)
    encoded = 0
    for _ in range(60):
        shape = rng.integers(1, 120, 2)
        model = dense_layer(shape, bias=rng.random() < 0.5, sparsity=rng.random())
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b"n" * rng.integers(60)
        dense = len(flatbuffer.serialize(model))
        if sparsify(model):
            encoded += 1
            assert len(flatbuffer.serialize(model)) < dense
    assert encoded > 10


def test_an_open_batch_stays_open():
    model = dense_layer((64, 300))
    graph = model.subgraphs[0]
    for tensor in (graph.tensors[0], graph.tensors[3]):
        tensor.shapeSignature = [-1, *tensor.shape[1:]]
    dense = flatbuffer.serialize(model)
    assert sparsify(model) == 1
    outputs = []
    for content in (dense, flatbuffer.serialize(model)):
        interpreter = litert.Interpreter(model_content=content)
        interpreter.resize_tensor_input(0, (3, 300))
        outputs += run(interpreter)
    assert outputs[0].shape == (3, 64)
    np.testing.assert_array_equal(*outputs)


def test_weights_in_two_layers_are_densified_once():
    model = dense_layer((100, 100))
    graph, schema = model.subgraphs[0], flatbuffer.schema
    second = {**vars(graph.operators[0]), "inputs": [3, 1, 2], "outputs": [4]}
    graph.tensors.append(schema.TensorT(**{**vars(graph.tensors[3]), "name": b"y2"}))
    graph.operators.append(schema.OperatorT(**second))
    graph.outputs = [4]
    dense = flatbuffer.serialize(model)
    assert sparsify(model) == 1
    assert operators(model) == ["DENSIFY", *2 * ["RESHAPE", "CONV_2D", "RESHAPE"]]
    densify_model(model)
    assert flatbuffer.serialize(model) == dense


def keeps_dimensions(graph):
    graph.operators[0].builtinOptions.keepNumDims = True


def has_float_activations(graph):
    graph.tensors[3].type = flatbuffer.schema.TensorType.FLOAT32


def has_zero_points(graph):
    graph.tensors[1].quantization.zeroPoint[0] = 1


def has_a_bias_of_one_scale(graph):
    graph.tensors[2].quantization.scale = graph.tensors[2].quantization.scale[:1]


def has_a_bias_that_is_no_constant(graph):
    graph.tensors[2].buffer = 0


@pytest.mark.parametrize(
    "edit",
    [
        keeps_dimensions,
        has_float_activations,
        has_zero_points,
        has_a_bias_of_one_scale,
        has_a_bias_that_is_no_constant,
    ],
)
def test_other_layers_stay_dense(edit):
    model = dense_layer((100, 100))
    edit(model.subgraphs[0])
    dense = flatbuffer.serialize(model)
    assert sparsify(model) == 0
    assert flatbuffer.serialize(model) == dense
