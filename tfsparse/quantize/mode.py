"""How the steps of a network run: in float or as in int8, with which scales of weights."""

import dataclasses

import tensorflow as tf

from tfsparse.quantize import fixed_point
from tfsparse.quantize.fake_quantization import fake_quantize_weights


@dataclasses.dataclass(frozen=True)
class Mode:
    """How steps run.

    Attributes:
        fake_quantize: Bool, whether weights are rounded. The converter does that by itself, with a
            scale for each channel.
        freeze_batchnorm: Bool, whether BatchNormalization uses its moving statistics.
        folded: For fixed point, where a layer has one scale: the BatchNormalization layers that
            become part of the operator before them, by the value in between; or None.
    """

    fake_quantize: bool = True
    freeze_batchnorm: bool = False
    folded: dict | None = None

    @property
    def changes_weights(self):
        """Whether `weights` returns others than it is given."""
        return self.fake_quantize or self.folded is not None

    def weights(self, kernel, channel_axes, output):
        """Returns a kernel as a step multiplies by it.

        Args:
            kernel: Float tensor, or the variable itself.
            channel_axes: Tuple of ints, the axes of the output channels.
            output: Int, the value that the step makes.
        """
        if self.folded is None:
            kernel = tf.convert_to_tensor(kernel)
            return fake_quantize_weights(kernel, channel_axes) if self.fake_quantize else kernel
        factor = self._factor(kernel, channel_axes, output)
        if self.fake_quantize:
            return fixed_point.fake_quantize_weights(tf.convert_to_tensor(kernel), factor)
        with tf.init_scope():  # The converter reads a scale from constants only.
            exact = tf.cast(tf.convert_to_tensor(kernel), tf.float32)
            exact = exact * self._factor(kernel, channel_axes, output)
            length = float(fixed_point.weight_length(exact))
        products = tf.cast(tf.convert_to_tensor(kernel), tf.float32) * factor
        return fixed_point.for_converter(products, length)

    def is_in_weights(self, value):
        """Returns whether weights have the factor of the BatchNormalization that takes a value."""
        return not self.fake_quantize and value in (self.folded or ())

    def _factor(self, kernel, channel_axes, output):
        norm = self.folded.get(output)
        if norm is None:
            return tf.constant(1.0)
        factor = tf.stop_gradient(inference_terms(norm)[0])
        return tf.reshape(factor, [kernel.shape[axis] for axis in channel_axes])


def inference_terms(norm):
    """Returns what a BatchNormalization multiplies by and adds in inference, two tensors."""
    factor = tf.math.rsqrt(tf.convert_to_tensor(norm.moving_variance) + norm.epsilon)
    factor = factor * tf.convert_to_tensor(norm.gamma) if norm.scale else factor
    offset = -tf.convert_to_tensor(norm.moving_mean) * factor
    offset = offset + tf.convert_to_tensor(norm.beta) if norm.center else offset
    return factor, offset
