"""TernGrad: three values for each gradient."""

import numpy as np

from tfsparse.arguments import check_int, check_number
from tfsparse.gradients.compression import GradientCompression


class TernGrad(GradientCompression):
    """Compresses gradients to -s, 0 and s, with an s for each variable.

    Gradients beyond `clip` standard deviations are clipped, s is the largest that is left, and a
    gradient g becomes sign(g) s with the probability |g| / s. So the mean is g, but for the
    clipping. Five values are a byte, and zlib compresses these bytes.

    From Wen et al., "TernGrad: Ternary Gradients to Reduce Communication in Distributed Deep
    Learning", 2017 (https://arxiv.org/abs/1705.07878). The standard deviation here is the one
    around zero, so that a variable of few weights is not clipped to nothing.

    Args:
        clip: Float of at least 1, in standard deviations; None to clip nothing.
        seed: Seed of the random rounding; each worker needs another one.

    Raises:
        TypeError, ValueError: An argument is of a wrong type, or out of its range.

    Example:

    ```python
    compression = tfsparse.TernGrad(seed=worker)
    message = compression.encode(gradients)
    gradients = compression.decode(message, like=model.trainable_variables)
    ```
    """

    def __init__(self, clip: float | None = 2.5, *, seed: int = 0) -> None:
        if clip is not None:
            check_number("clip", clip, least=1)
        check_int("seed", seed, least=0)
        self.clip = clip
        super().__init__(1, seed)

    def _size_of_buckets(self, count):
        return max(count, 1)

    def _scales(self, buckets):
        if self.clip is not None:
            limits = self.clip * np.sqrt(np.mean(np.square(buckets, dtype=np.float64), axis=1))
            limits = limits.astype(np.float32)[:, None]
            np.clip(buckets, -limits, limits, out=buckets)
        return np.abs(buckets).max(axis=1)
