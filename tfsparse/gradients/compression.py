"""What the ways to compress gradients share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.gradients import messages
from tfsparse.gradients.quantizer import dequantize, in_buckets, quantize


class GradientCompression:
    """Turns the gradients of a model into bytes, and back into gradients.

    Each worker of a data-parallel training has one object, with a seed of its own: the errors of
    the workers then average out.

    Args:
        levels: Int from 1 to 127: a gradient becomes one of 2 * levels + 1 values.
        seed: Seed of the random rounding.
    """

    def __init__(self, levels, seed):
        self.seed = seed
        self.levels = levels
        self._rng = np.random.default_rng(seed)

    def encode(self, gradients: Sequence[Any]) -> bytes:
        """Returns gradients as bytes.

        Args:
            gradients: List of float arrays or tensors, one for each variable, in any shapes.

        Raises:
            TypeError: A gradient is no float array, such as None or `tf.IndexedSlices`.
            ValueError: A gradient is not finite.
        """
        return self._encode(_checked(gradients))[0]

    def decode(self, message: bytes, like: Sequence[Any]) -> list[np.ndarray]:
        """Returns the gradients that are in a message.

        Args:
            message: What `encode` of an object with the same arguments returned, but for the seed.
            like: List of arrays, tensors or variables with the shapes of the gradients.

        Returns:
            List of arrays of float32.

        Raises:
            TypeError: The message is no bytes.
            ValueError: The message is damaged, or one of other shapes or arguments.
        """
        shapes = [tuple(x.shape) for x in like]
        counts = [int(np.prod(shape)) for shape in shapes]
        sizes = [self._size_of_buckets(count) for count in counts]
        buckets = [-(-n // size) for n, size in zip(counts, sizes, strict=True)]
        codes, scales = messages.read(message, sum(counts), sum(buckets), self.levels)
        parts = np.split(codes, np.cumsum(counts)[:-1]) if counts else []
        parts_of_scales = np.split(scales, np.cumsum(buckets)[:-1]) if counts else []
        return [
            dequantize(in_buckets(part, size), scale, self.levels).ravel()[: len(part)].reshape(s)
            for part, scale, size, s in zip(parts, parts_of_scales, sizes, shapes, strict=True)
        ]

    def _encode(self, arrays):
        """Returns a message, and the list of arrays that `decode` will return."""
        codes, scales, decoded = [], [], []
        for array in arrays:
            buckets = in_buckets(array.ravel(), self._size_of_buckets(array.size))
            scale = self._scales(buckets).astype(np.float32)
            code = quantize(buckets, scale, self.levels, self._rng)
            values = dequantize(code, scale, self.levels).ravel()[: array.size]
            codes.append(code.ravel()[: array.size])
            scales.append(scale)
            decoded.append(values.reshape(array.shape))
        joined = [np.concatenate(x) if x else np.zeros(0, np.int8) for x in (codes, scales)]
        return messages.write(*joined, self.levels), decoded

    def _size_of_buckets(self, count):
        """Returns how many of the gradients of a variable share a scale, an int above 0."""
        raise NotImplementedError

    def _scales(self, buckets):
        """Returns the scale of each bucket, (buckets,), of gradients (buckets, size).

        It may change the gradients.
        """
        raise NotImplementedError


def _checked(gradients):
    arrays = []
    for index, gradient in enumerate(gradients):
        array = np.asarray(gradient)
        is_float = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
        if not is_float:
            raise TypeError(
                "Expected gradients that are float arrays or tensors; convert tf.IndexedSlices by "
                f"tf.convert_to_tensor, and leave None out. Received: {gradient!r} at {index}"
            )
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError(
                "Expected finite gradients; a lower learning rate may keep them finite. Received: "
                f"NaN or infinity in the gradient at {index}, of shape {array.shape}"
            )
        arrays.append(array)
    return arrays
