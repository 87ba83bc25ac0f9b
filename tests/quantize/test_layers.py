"""Each kind of layer: its file computes what it was trained with, and in int8."""

import functools

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.quantize.int8_models import RNG, float_operators, layers
from tfsparse import flatbuffer
from tfsparse.graph.calls import unroll
from tfsparse.prune.variables import write
from tfsparse.quantize.forward import QuantizedForward
from tfsparse.quantize.mode import Mode
from tfsparse.quantize.plan import plan
from tfsparse.quantize.value_ranges import ValueRanges, trained_ranges

IMAGES = RNG.normal(size=(16, 8, 8, 4)).astype(np.float32)
SEQUENCES = RNG.normal(size=(16, 8, 4)).astype(np.float32)


def pad_and_convolve(x):
    return layers.Conv2D(3, 3, 2)(layers.ZeroPadding2D(1)(x))


def join(x):
    """Of a sigmoid, whose range is prescribed, and of two others with one range."""
    parts = [layers.Conv2D(2, 1, activation=f)(x) for f in ("relu", "sigmoid", "linear")]
    return layers.Conv2D(3, 1)(layers.Concatenate()(parts))


def add_three(x):
    return layers.Add()([x, layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)])


ON_IMAGES = {
    "convolution": lambda x: layers.Conv2D(3, 3, 2, padding="same", activation="relu6")(x),
    "dilated": lambda x: layers.Conv2D(3, 3, dilation_rate=2)(x),
    "grouped": lambda x: layers.Conv2D(4, 3, groups=2, activation="relu")(x),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x),
    "separable": lambda x: layers.SeparableConv2D(5, 3, padding="same", activation="relu")(x),
    "transposed": lambda x: layers.Conv2DTranspose(3, 3, 2, padding="same", activation="relu")(x),
    "dense of an image": lambda x: layers.Dense(3, activation="relu")(x),
    "dense": lambda x: layers.Dense(3)(layers.Flatten()(x)),
    "dense, normalized": lambda x: layers.BatchNormalization()(
        layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    ),
    "normalized": lambda x: layers.BatchNormalization()(layers.Conv2D(3, 3)(x)),
    "transposed, normalized": lambda x: layers.BatchNormalization()(
        layers.Conv2DTranspose(3, 3, 2)(x)
    ),
    "normalized alone": lambda x: layers.ReLU()(layers.BatchNormalization()(x)),
    "normalized twice read": lambda x: layers.Add()(
        [y := layers.Conv2D(4, 1)(x), layers.BatchNormalization()(y)]
    ),
    "padded": pad_and_convolve,
    "joined": join,
    "three summands": add_three,
    "product": lambda x: layers.Multiply()([x, layers.Conv2D(1, 1, activation="sigmoid")(x)]),
    "difference": lambda x: layers.ReLU()(layers.Subtract()([x, layers.Conv2D(4, 1)(x)])),
    "larger": lambda x: layers.Maximum()([x, layers.Conv2D(4, 1)(x)]),
    "pooled": lambda x: layers.Conv2D(3, 1)(layers.MaxPooling2D(2)(x)),
    # Last, as TFLite and TensorFlow round halves to different sides.
    "averaged": lambda x: layers.AveragePooling2D(2)(layers.Conv2D(3, 1)(x)),
    "largest": lambda x: layers.Dense(3)(layers.GlobalMaxPooling2D()(x)),
    "larger image": lambda x: layers.Conv2D(3, 1)(layers.UpSampling2D()(x)),
    "rearranged": lambda x: layers.Dense(3)(layers.Reshape((8, 32))(layers.Permute((2, 1, 3))(x))),
    "dropped": lambda x: layers.Conv2D(3, 1)(layers.Dropout(0.5)(x)),
    "leaky": lambda x: layers.LeakyReLU()(layers.Conv2D(3, 1)(x)),
    "silu": lambda x: layers.Conv2D(3, 1, activation="silu")(x),
    "hard silu": lambda x: layers.Conv2D(3, 1, activation="hard_silu")(x),
    "gelu": lambda x: layers.Activation("gelu")(x),
    "tanh": lambda x: layers.Conv2D(3, 1)(layers.Activation("tanh")(x)),
    "softmax": lambda x: layers.Softmax()(layers.Dense(5)(layers.GlobalAveragePooling2D()(x))),
    "operations": lambda x: keras.ops.relu(keras.ops.add(x, layers.Conv2D(4, 1)(x))),
    "nested": lambda x: keras.Sequential([layers.Conv2D(3, 1), layers.ReLU()])(x),
}
ON_SEQUENCES = {
    "convolution 1D": lambda x: layers.Conv1D(3, 3, padding="same", activation="relu")(x),
    "depthwise 1D": lambda x: layers.DepthwiseConv1D(3, activation="relu")(x),
    "pooled 1D": lambda x: layers.Dense(3)(layers.MaxPooling1D(2)(x)),
    "averaged 1D": lambda x: layers.Dense(3)(layers.GlobalAveragePooling1D()(x)),
}


@functools.cache
def computed():
    """One network of all layers: what it computes in int8, its file, and that file's outputs."""
    keras.utils.set_random_seed(0)
    image, sequence = keras.Input(IMAGES.shape[1:]), keras.Input(SEQUENCES.shape[1:])
    outputs = [make(image) for make in ON_IMAGES.values()]
    outputs += [make(sequence) for make in ON_SEQUENCES.values()]
    model = keras.Model([image, sequence], outputs)
    for variable in model.variables:
        # Biases and statistics that do something, and a kernel with zeros.
        values = RNG.uniform(0.5, 1.5, variable.shape) * np.sign(RNG.normal(size=variable.shape))
        is_variance = "variance" in variable.path
        if variable.dtype == "float32":
            write(variable, (np.abs(values) if is_variance else values).astype(np.float32))
    where = plan(unroll(model))
    assert where.float_layers == []
    ranges = ValueRanges(list(dict.fromkeys(where.names.values())), model.distribute_strategy)
    ranges.attach(model)
    inputs, frozen = [IMAGES, SEQUENCES], Mode(freeze_batchnorm=True)
    with QuantizedForward(model, where, ranges.limits, frozen, ranges.update):
        model(inputs, training=True)
        wanted = model(inputs, training=False)
    return model, [np.array(y) for y in wanted]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model, _ = computed()
    assert len(trained_ranges(model)) > 50
    return tfsparse.convert(model, tmp_path_factory.mktemp("layers") / "m.tflite", weights="int8")


@pytest.fixture(scope="module")
def outputs(path):
    """The outputs of the file for each example, and the scale of each."""
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for example in zip(IMAGES, SEQUENCES, strict=True):
        for detail, x in zip(given, example, strict=True):
            interpreter.set_tensor(detail["index"], x[None])
        interpreter.invoke()
        found.append([interpreter.get_tensor(detail["index"])[0] for detail in made])
    graph = flatbuffer.read(path).subgraphs[0]
    makers = {op.outputs[0]: graph.tensors[op.inputs[0]] for op in graph.operators}
    scales = [float(makers[index].quantization.scale[0]) for index in graph.outputs]
    return [np.array(y) for y in zip(*found, strict=True)], scales


def test_every_operator_is_in_int8(path):
    assert float_operators(path) == []


@pytest.mark.parametrize("name", [*ON_IMAGES, *ON_SEQUENCES])
def test_the_file_computes_what_was_trained(outputs, name):
    index = [*ON_IMAGES, *ON_SEQUENCES].index(name)
    _, wanted = computed()
    found, scales = outputs
    steps = np.abs(found[index] - wanted[index]) / scales[index]
    # A step of the gate is one of the product as well.
    assert steps.max() < (3.01 if name in ("silu", "hard silu") else 2.01)
    assert steps.mean() < 0.3
