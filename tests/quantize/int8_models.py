"""Small models that are trained for int8, and what the files made of them compute."""

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model
from tfsparse.graph.calls import unroll
from tfsparse.quantize.forward import QuantizedForward
from tfsparse.quantize.mode import Mode
from tfsparse.quantize.plan import plan
from tfsparse.quantize.value_ranges import trained_ranges

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 8, 8, 3)).astype(np.float32)
Y = np.arange(32) % 3


def compiled(inputs, outputs, **options):
    """A model that takes X and has a softmax over three classes."""
    model = keras.Model(inputs, outputs)
    # To compile a step takes longer than to run the few of a test.
    options = {"run_eagerly": True, "jit_compile": False} | options
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", **options)
    return model


def residual_network(**options):
    """An inverted residual, the layers of which become five operators in int8."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = shortcut = norm(layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs), 6.0)
    x = norm(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x), 6.0)
    x = layers.Conv2D(16, 1, use_bias=False, name="project")(x)
    x = layers.Add()([layers.BatchNormalization(name="project_norm", momentum=0.9)(x), shortcut])
    x = layers.GlobalAveragePooling2D()(x)
    return compiled(inputs, layers.Dense(3, activation="softmax")(x), **options)


def norm(x, max_value=None):
    return layers.ReLU(max_value)(layers.BatchNormalization(momentum=0.9)(x))


def fit(model, *callbacks, epochs=2, **options):
    return model.fit(X, Y, 8, epochs, verbose=0, callbacks=list(callbacks), **options)


def in_int8(model, x, fixed_point=False):
    """What a trained model computes where its weights and activations are rounded."""
    ranges = trained_ranges(model)
    where = plan(unroll(model))
    mode = Mode(freeze_batchnorm=True, folded=where.folded if fixed_point else None)
    with QuantizedForward(model, where, lambda name, seen: ranges[name], mode):
        return np.array(model(x, training=False))


def run(path, x):
    """The outputs of a file for each example alone."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for example in x:
        interpreter.set_tensor(given["index"], example[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(made["index"])[0])
    return np.array(outputs)


def weights(path):
    """The weights of the convolutions of a file, without the zeros' encoding."""
    model = flatbuffer.read(path)
    densify_model(model)
    graph = model.subgraphs[0]
    return [
        flatbuffer.constant(model, graph.tensors[op.inputs[1]])
        for op in graph.operators
        if flatbuffer.operator_name(model, op) == "CONV_2D"
    ]


def float_operators(path):
    """The names of the operators of a file that compute in float."""
    model = flatbuffer.read(path)
    graph = model.subgraphs[0]
    names = [
        (flatbuffer.operator_name(model, op), flatbuffer.dtype_name(graph.tensors[op.outputs[0]]))
        for op in graph.operators
    ]
    return [name for name, dtype in names if dtype == "float32" and name != "DEQUANTIZE"]


def output_scale(path):
    """The step between two values of the output of a file."""
    graph = flatbuffer.read(path).subgraphs[0]
    (last,) = [op for op in graph.operators if op.outputs[0] == graph.outputs[0]]
    return float(graph.tensors[last.inputs[0]].quantization.scale[0])


def check_file(path, trained, steps, fixed_point=False):
    """Fails unless a file computes what was trained for, to within some steps of the output."""
    assert float_operators(path) == []
    found, wanted = run(path, X), in_int8(trained, X, fixed_point)
    assert np.abs(found - wanted).max() < steps * output_scale(path)
    assert np.abs(wanted - trained.predict(X, verbose=0)).max() > output_scale(path)


def gradient(function, x):
    """The derivative of the sum of what a function returns."""
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(function(x))
    return tape.gradient(y, x).numpy()
