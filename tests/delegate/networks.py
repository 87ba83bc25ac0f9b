"""Small Keras networks, each for a feature of the delegate."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfsparse.capture import captured_output


def randomize(model, sparsity=0.0, seed=0, block=1):
    """Sets random weights and statistics that keep the scale of activations across layers.

    `sparsity` is the fraction of zeros in every convolution's and dense layer's kernel. `block`
    outputs each share their taps.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        weights = []
        for variable in layer.weights:
            shape, name = variable.shape, variable.name
            if "kernel" in name:
                depthwise = isinstance(layer, layers.DepthwiseConv2D)
                fan_in = np.prod(shape[:2] if depthwise else shape[:-1])
                drawn = random.random((*shape[:-1], -(-shape[-1] // block))).repeat(block, -1)
                keep = drawn[..., : shape[-1]] >= (0.0 if depthwise else sparsity)
                values = random.standard_normal(shape) * keep / np.sqrt(fan_in * (1 - sparsity))
            elif name in ("gamma", "moving_variance"):
                values = random.uniform(0.5, 1.5, shape)
            else:
                values = random.normal(0, 0.3, shape)
            weights.append(values)
        layer.set_weights(weights)
    return model


def convert_function(function, path, *specs):
    """Writes the TFLite file of a TensorFlow function, for operators without a Keras layer."""
    with captured_output():
        concrete = tf.function(function).get_concrete_function(*specs)
        data = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    path.write_bytes(data)
    return path


def side_by_side(models):
    """Combines models with one input and output each, to convert and run all of them at once."""
    return keras.Model([model.input for model in models], [model.output for model in models])


def sparse_weights(*shape):
    """Random weights for `convert_function`, 80 % of them zero."""
    random = np.random.default_rng(sum(shape))
    return (random.standard_normal(shape) * (random.random(shape) > 0.8)).astype(np.float32)


def open_sizes(path):
    """Writes a file with an open image size. Its second part has a computed input size."""

    def network(image):
        x = tf.nn.conv2d(image, sparse_weights(3, 3, 3, 16), 2, "SAME")
        x = tf.image.resize(x, tf.shape(image)[1:3])
        x = tf.nn.conv2d(x, sparse_weights(1, 1, 16, 8), 1, "SAME")
        y = tf.nn.conv2d(image, sparse_weights(1, 1, 3, 8), 1, "SAME")
        return tf.nn.conv2d(tf.concat([x, y], -1), sparse_weights(1, 1, 16, 4), 1, "SAME")

    return convert_function(network, path, tf.TensorSpec([None, None, None, 3], name="image"))


def branches(path):
    """Writes a file of three subgraphs: a convolution, and an IF of which one branch never runs."""

    kernels = [np.roll(sparse_weights(1, 1, 8, 8), i, -1) for i in range(3)]

    def network(image):
        x = tf.nn.conv2d(image, kernels[0], 1, "SAME")
        return tf.cond(
            tf.reduce_sum(tf.abs(x)) < 0,
            lambda: tf.nn.conv2d(x, kernels[1], 1, "SAME"),
            lambda: tf.nn.conv2d(x, kernels[2], 1, "SAME"),
        )

    return convert_function(network, path, tf.TensorSpec([1, 8, 8, 8], name="image"))


def image(size=24, channels=3):
    return keras.Input((size, size, channels))


def mobile_block(x, channels, *, kernel=3, stride=1, expand=4, gate=False, activation="relu6"):
    """An inverted residual block, with squeeze and excite if `gate`."""
    shortcut = x
    expanded = expand * x.shape[-1]
    x = layers.Conv2D(expanded, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation(activation)(x)
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation(activation)(x)
    if gate:
        scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
        scale = layers.Conv2D(max(expanded // 4, 4), 1, activation="relu")(scale)
        scale = layers.Conv2D(expanded, 1, activation="sigmoid")(scale)
        x = layers.Multiply()([x, scale])
    x = layers.Conv2D(channels, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Add()([x, shortcut]) if stride == 1 and channels == shortcut.shape[-1] else x


def mobile_net(activation="relu6", gate=False, kernel=3, size=24):
    """A whole little classifier: stem, three blocks, pooling, dense, softmax."""
    inputs = image(size)
    x = layers.Conv2D(16, 3, 2, padding="same")(inputs)
    x = layers.Activation(activation)(x)
    x = mobile_block(x, 16, kernel=kernel, activation=activation, gate=gate)
    x = mobile_block(x, 24, kernel=kernel, stride=2, activation=activation, gate=gate)
    x = mobile_block(x, 24, kernel=kernel, activation=activation)
    x = layers.Conv2D(48, 1, activation=activation)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(10)(x)
    return keras.Model(inputs, layers.Softmax()(x))


def large_images():
    """Tensors large enough for row tiling, with every kind of window."""
    inputs = image(113)
    x = layers.Conv2D(24, 3, padding="same", activation="relu")(inputs)
    x = layers.DepthwiseConv2D(5, padding="same", dilation_rate=2)(x)
    x = layers.Conv2D(28, 1, activation="relu6")(x)
    x = layers.ZeroPadding2D(((9, 3), (1, 2)))(x)
    x = layers.DepthwiseConv2D(3, 2)(x)
    shortcut = layers.Conv2D(80, 1)(x)
    x = layers.Conv2D(80, 1, activation="hard_swish")(shortcut)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Conv2D(80, 1)(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Add()([x, shortcut])))


def one_convolution(
    *, filters=8, kernel=3, strides=1, padding="same", dilation=1, size=11, pad=None
):
    inputs = image(size, 5)
    x = layers.ZeroPadding2D(pad)(inputs) if pad else inputs
    x = layers.Conv2D(filters, kernel, strides, padding, dilation_rate=dilation)(x)
    return keras.Model(inputs, x)


def one_depthwise(*, kernel=3, strides=1, padding="same", dilation=1, size=11, pad=None):
    """Between two 1x1 convolutions, so that it is met in CHW."""
    inputs = image(size, 5)
    x = layers.Conv2D(7, 1)(inputs)
    x = layers.ZeroPadding2D(pad)(x) if pad else x
    x = layers.DepthwiseConv2D(kernel, strides, padding, dilation_rate=dilation)(x)
    return keras.Model(inputs, layers.Conv2D(6, 1)(x))


def around_unknown_operators():
    """Unsupported operators between supported ones."""
    inputs = image()
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = keras.ops.sin(x)
    x = layers.Conv2D(12, 1, activation="relu")(x)
    x = layers.Add()([x, keras.ops.cos(x)])
    return keras.Model(inputs, layers.Conv2D(4, 1)(x))


def arithmetic():
    """Broadcasts of every kind, in TFLite's order and in CHW."""
    a, b = image(9, 4), image(9, 4)
    channel = np.linspace(-1, 1, 4, dtype=np.float32)
    x = (a - channel) / (2.0 + channel) + 0.5 * b
    planes = layers.Conv2D(6, 1)(x)
    row = np.linspace(0.5, 1, 9 * 6, dtype=np.float32).reshape(1, 1, 9, 6)
    y = keras.ops.relu(1.0 - planes) * row
    y = layers.Conv2D(6, 1)(y) + planes
    z = planes * keras.ops.mean(y, axis=(1, 2), keepdims=True)
    return keras.Model([a, b], [z, keras.ops.sigmoid(x - b), planes])


def several_outputs():
    """Outputs that are also used inside, and a tensor that is an output in two shapes."""
    inputs = image(8)
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    y = layers.Conv2D(8, 1)(x)
    pooled = layers.GlobalAveragePooling2D()(y)
    return keras.Model(inputs, [x, y, layers.Flatten()(y), layers.Dense(3)(pooled)])


def activations():
    """Every activation, fused into what comes before it and by itself."""
    inputs = image(8)
    x = layers.Conv2D(8, 1)(inputs)
    outputs = []
    for function in ("relu", "relu6", "hard_swish", "sigmoid", "silu"):
        fused = layers.Conv2D(8, 1, activation=function)(x)
        outputs.append(layers.Activation(function)(layers.Add()([fused, x])))
        outputs.append(layers.Dense(5, activation=function)(layers.Flatten()(fused)))
    return keras.Model(inputs, outputs)


def sounds():
    """1-D convolutions, as in keyword spotting networks."""
    x = inputs = keras.Input((49, 10))
    for filters, size, stride in ((16, 5, 2), (24, 3, 1), (32, 1, 1)):
        x = layers.Conv1D(filters, size, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.SeparableConv1D(32, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


def padded_stem(middle, channels=96):
    """A network with a stem padded by 1, as XNNPACK's sparse mode requires, around `middle`."""
    inputs = image(32)
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(channels, 3, strides=2, activation="relu")(x)
    x = layers.Conv2D(channels, 1, activation="relu")(x)
    x = layers.Conv2D(channels, 1, activation="relu")(middle(x))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
