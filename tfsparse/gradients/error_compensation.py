"""ECQ-SGD: quantised gradients that make up for earlier errors."""

import numpy as np

from tfsparse.arguments import check_int, check_number
from tfsparse.gradients.compression import GradientCompression


class ErrorCompensatedQuantization(GradientCompression):
    """Compresses gradients to few levels, and feeds the error back into the next ones.

    With h the accumulated error, 0 at first, what is quantised is v = g + feedback h, and then
    h becomes decay h + g - Q(v). Q divides each gradient by the norm of its bucket of neighbours
    and rounds it at random to one of the two nearest of 2 * levels + 1 values, whose mean it is.
    The object has the errors: each worker needs its own, and uses it in each step.

    From Wu et al., "Error Compensated Quantized SGD and its Applications to Large-scale Distributed
    Optimization", 2018 (https://arxiv.org/abs/1806.08054). The buckets are those of Alistarh et
    al., "QSGD", 2017 (https://arxiv.org/abs/1610.02132).

    Args:
        levels: Int from 1 to 127: fewer levels take fewer bytes, and make larger errors.
        feedback: Float of at least 0, how much of the accumulated error is fed back, the paper's
            alpha; 0 for QSGD. With large errors, of few levels or large buckets, it must be small,
            or errors grow.
        decay: Float in [0, 1), how much of the accumulated error is kept in a step, the paper's
            beta.
        norm: `"l2"`, with which most gradients are zero and take few bytes, or `"max"`, with which
            errors are smaller.
        bucket_size: Int, how many gradients of a variable share a norm.
        seed: Seed of the random rounding; each worker needs another one.

    Raises:
        TypeError, ValueError: An argument is of a wrong type, or out of its range.

    Example:

    ```python
    compression = tfsparse.ErrorCompensatedQuantization(seed=worker)
    message = compression.encode(gradients)
    gradients = compression.decode(message, like=model.trainable_variables)
    ```
    """

    def __init__(
        self,
        levels: int = 4,
        *,
        feedback: float = 0.2,
        decay: float = 0.9,
        norm: str = "l2",
        bucket_size: int = 512,
        seed: int = 0,
    ) -> None:
        check_int("levels", levels, most=127)
        check_number("feedback", feedback)
        check_number("decay", decay)
        if decay >= 1:
            raise ValueError(f"Expected decay to be in [0, 1). Received: {decay}")
        if norm not in ("l2", "max"):
            raise ValueError(f"Expected norm to be 'l2' or 'max'. Received: {norm!r}")
        check_int("bucket_size", bucket_size)
        check_int("seed", seed, least=0)
        self.feedback = feedback
        self.decay = decay
        self.norm = norm
        self.bucket_size = bucket_size
        self._errors = None
        super().__init__(levels, seed)

    def _encode(self, arrays):
        shapes = [array.shape for array in arrays]
        if self._errors is None:
            self._errors = [np.zeros(shape, np.float32) for shape in shapes]
        known = [error.shape for error in self._errors]
        if shapes != known:
            raise ValueError(
                "Expected gradients of the shapes of the first step, whose errors are kept; make a "
                f"new object for another model. Received: {shapes} after {known}"
            )
        pairs = list(zip(arrays, self._errors, strict=True))
        message, decoded = super()._encode([g + np.float32(self.feedback) * h for g, h in pairs])
        self._errors = [
            np.float32(self.decay) * h + g - quantized
            for (g, h), quantized in zip(pairs, decoded, strict=True)
        ]
        return message, decoded

    def _size_of_buckets(self, count):
        return max(min(count, self.bucket_size), 1)

    def _scales(self, buckets):
        if self.norm == "max":
            return np.abs(buckets).max(axis=1)
        return np.sqrt(np.sum(np.square(buckets, dtype=np.float64), axis=1))
