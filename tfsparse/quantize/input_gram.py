"""What a training shows of the inputs of a layer: the sums of products of two of them."""

import contextlib
import math

import keras
import tensorflow as tf

# Positions of a batch that are looked at, and how much of the sums so far a step keeps.
_POSITIONS = 2048
_MOMENTUM = 0.99
# Of one output. The matrix has the square of it, 256 MB.
MOST_INPUTS = 8192


def obstacle(layer):
    """Returns why a layer has no `InputGram`, or an empty string."""
    is_conv = isinstance(layer, keras.layers.Conv2D)
    if not is_conv and not isinstance(layer, keras.layers.Dense):
        return f"its class is {type(layer).__name__}, not Dense or Conv2D"
    if is_conv and layer.groups > 1:
        return f"it has {layer.groups} groups"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its data format is channels_first"
    inputs = math.prod(layer.kernel.shape[:-1])
    return f"an output has {inputs} inputs, more than {MOST_INPUTS}" * (inputs > MOST_INPUTS)


class InputGram(contextlib.AbstractContextManager):
    """Adds up products of a layer's inputs in the train steps that run while it is entered.

    The layer's `call` is replaced in the layer itself. What it computes stays the same. Between
    `begin` and `end` it has the memory for the products; it is entered at no other time.

    Args:
        layer: Built Dense or Conv2D layer of Keras 3 without an `obstacle`.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, layer, strategy):
        self._layer = layer
        self._before = []
        self._size = math.prod(layer.kernel.shape[:-1])
        with tf.init_scope(), strategy.scope():
            self._sums = tf.Variable(
                tf.zeros((0, 0)),
                trainable=False,
                aggregation=tf.VariableAggregation.MEAN,
                name="input_gram",
                shape=(None, None),
            )

    def begin(self):
        """Forgets all inputs so far."""
        self._sums.assign(tf.zeros((self._size, self._size)))

    def end(self):
        """Frees the memory."""
        self._sums.assign(tf.zeros((0, 0)))

    def __enter__(self):
        layer = self._layer
        call = layer.call
        self._before.append(vars(layer).get("call"))

        def observed(inputs, *args, **kwargs):
            self._add(inputs)
            return call(inputs, *args, **kwargs)

        vars(layer)["call"] = observed
        return self

    def __exit__(self, *_):
        del vars(self._layer)["call"]
        before = self._before.pop()
        if before is not None:
            vars(self._layer)["call"] = before

    def matrix(self):
        """Returns the sums since `begin`, float32 (inputs, inputs) in the kernel's order."""
        return self._sums.numpy()

    def _add(self, inputs):
        x = tf.stop_gradient(tf.cast(tf.convert_to_tensor(inputs), tf.float32))
        rows = tf.reshape(self._windows(x), (-1, self._size))[:_POSITIONS]
        self._sums.assign(_MOMENTUM * self._sums + tf.matmul(rows, rows, transpose_a=True))

    def _windows(self, x):
        """Returns what each output is computed from, in the last axis."""
        layer = self._layer
        if not isinstance(layer, keras.layers.Conv2D):
            return x
        # A few pictures have as many positions as are looked at.
        height, width = x.shape[1:3]
        pictures = -(-_POSITIONS // max(1, (height or 1) * (width or 1)))
        return tf.image.extract_patches(
            x[: pictures * math.prod(layer.strides)],
            [1, *layer.kernel_size, 1],
            [1, *layer.strides, 1],
            [1, *layer.dilation_rate, 1],
            layer.padding.upper(),
        )
