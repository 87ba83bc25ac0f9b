"""Layers whose back-propagation uses the largest gradients of their output only."""

import contextlib

import tensorflow as tf


class SparseBackward(contextlib.AbstractContextManager):
    """Changes the gradients of a layer while it is entered, and not what it computes.

    The method that multiplies by the kernel is replaced in the layer itself, so that no variable
    changes and nothing is wrapped. A train step that is compiled inside computes these gradients
    from then on; the layer is itself again as soon as the context ends, whatever ended it.

    Args:
        layer: Built Dense or Conv2D layer of Keras 3.
        count: Int from 1 to the number of output channels, how many gradients are kept.
        unified: Whether all examples and positions keep the same output channels, so that the
            products of the back-propagation become smaller. Otherwise each keeps its own, and the
            others become zero.
    """

    def __init__(self, layer, count, unified):
        self._layer = layer
        self._backward = _unified if unified else _separate
        self._count = count

    def __enter__(self):
        layer = self._layer
        if hasattr(layer, "convolution_op"):
            inner = layer.convolution_op
            name, function = "convolution_op", lambda x, kernel: self._product(inner, x, kernel)
        else:
            name, function = "call", self._dense
        if name in vars(layer):
            raise ValueError(
                f"Another callback replaces {name!r} of layer {layer.name!r}. Put MeProp before it "
                "in the list of callbacks."
            )
        self._name = name
        vars(layer)[name] = function
        return self

    def __exit__(self, *_):
        del vars(self._layer)[self._name]

    def _dense(self, inputs, training=None):
        layer = self._layer
        outputs = self._product(_multiply, inputs, layer.kernel)
        if layer.bias is not None:
            outputs = outputs + tf.convert_to_tensor(layer.bias)
        return outputs if layer.activation is None else layer.activation(outputs)

    def _product(self, function, inputs, kernel):
        """Returns `function(inputs, kernel)`, with other gradients."""

        @tf.custom_gradient
        def product(x, w):
            backward = lambda dy: self._backward(function, x, w, dy, self._count)  # noqa: E731
            return function(x, w), backward

        return product(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))


def _multiply(x, kernel):
    return tf.tensordot(x, kernel, 1) if len(x.shape) > 2 else tf.matmul(x, kernel)


def _gradients(function, x, kernel, gradient):
    with tf.GradientTape() as tape:
        tape.watch((x, kernel))
        y = function(x, kernel)
    # A convolution's gradients do not need its output, which is left out of a compiled step.
    return tape.gradient(y, (x, kernel), gradient)


def _separate(function, x, kernel, gradient, count):
    """Each example and position keeps its largest gradients."""
    sizes = tf.abs(gradient)
    least = tf.math.top_k(sizes, count).values[..., -1:]
    return _gradients(function, x, kernel, tf.where(sizes >= least, gradient, 0))


def _unified(function, x, kernel, gradient, count):
    """The channels with the largest sums of absolute gradients are kept."""
    channels = kernel.shape[-1]
    axes = list(range(len(gradient.shape) - 1))
    kept = tf.math.top_k(tf.reduce_sum(tf.abs(gradient), axes), count).indices
    part = tf.gather(kernel, kept, axis=-1)
    to_inputs, to_part = _gradients(function, x, part, tf.gather(gradient, kept, axis=-1))
    # Where each channel is among those that are kept; one column of zeros is for all others.
    places = tf.tensor_scatter_nd_update(
        tf.fill([channels], count), kept[:, None], tf.range(count, dtype=tf.int32)
    )
    zeros = tf.zeros_like(to_part[..., :1])
    return to_inputs, tf.gather(tf.concat([to_part, zeros], -1), places, axis=-1)
