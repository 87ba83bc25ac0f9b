"""Group and exclusive sparsity, as Keras regularizers."""

from typing import Any

import keras
from keras import ops

from tfsparse.arguments import check_number

_AXES = {"inputs": -2, "outputs": -1}


class _Sparsity(keras.regularizers.Regularizer):
    """The base class of the regularizers, with the groups of a kernel."""

    def __init__(self, strength, groups):
        check_number("strength", strength)
        if groups not in _AXES:
            raise ValueError(f"Expected groups to be 'inputs' or 'outputs'. Received: {groups!r}")
        self.strength = float(strength)
        self.groups = groups

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {"strength": self.strength, "groups": self.groups}

    def _sums(self, weights):
        """The sum of each group, one value for each channel."""
        if len(weights.shape) < 2:
            raise ValueError(
                "Expected a kernel whose last two axes are input and output channels, as those of "
                f"Dense and Conv2D are. Received: a weight of shape {tuple(weights.shape)}. Give "
                "the regularizer as kernel_regularizer."
            )
        kept = len(weights.shape) + _AXES[self.groups]
        return ops.sum(weights, axis=[i for i in range(len(weights.shape)) if i != kept])

    def _norms(self, weights):
        """The L2 norm of each group."""
        squares = self._sums(ops.square(weights))
        # The gradient of the root is infinite at 0; here it is 0, so that zero groups stay zero.
        is_zero = ops.equal(squares, 0)
        return ops.where(is_zero, 0.0, ops.sqrt(ops.where(is_zero, 1.0, squares)))

    def _squared_sums(self, weights):
        """The square of the L1 norm of each group."""
        return ops.square(self._sums(ops.abs(weights)))


@keras.saving.register_keras_serializable(package="tfsparse")
class GroupSparsity(_Sparsity):
    """Makes whole channels small: strength times the sum of the groups' L2 norms.

    A group has all weights of one channel of a kernel. They become small together, so that the
    channel can be cut; `tfsparse.shrink` removes it when it is zero.

    The (2,1)-norm of Yoon & Hwang, "Combined Group and Exclusive Sparsity for Deep Neural
    Networks", 2017 (https://proceedings.mlr.press/v70/yoon17a.html).

    Args:
        strength: Float of at least 0, the factor of the sum.
        groups: `"outputs"`, a group for each output channel (the last axis of a kernel), or
            `"inputs"`, one for each input channel (the axis before). The channels of a depthwise
            kernel are `"inputs"`.

    Raises:
        TypeError: `strength` is not a number.
        ValueError: `strength` is negative, `groups` is neither, or the weight is no kernel.

    Example:

    ```python
    keras.layers.Conv2D(64, 3, kernel_regularizer=tfsparse.GroupSparsity(1e-4))
    ```
    """

    def __init__(self, strength: float = 1e-4, groups: str = "outputs") -> None:
        super().__init__(strength, groups)

    def __call__(self, weights: Any) -> Any:
        """Returns the penalty of a kernel, HWIO or IO, as a scalar tensor."""
        return self.strength * ops.sum(self._norms(weights))


@keras.saving.register_keras_serializable(package="tfsparse")
class ExclusiveSparsity(_Sparsity):
    """Makes the weights of each group sparse: strength times half the sum of squared L1 norms.

    The penalty of a weight grows with the L1 norm of its group, so that no whole group becomes
    zero. With the default groups, the outputs of a layer use different inputs.

    The (1,2)-norm of Yoon & Hwang, "Combined Group and Exclusive Sparsity for Deep Neural
    Networks", 2017 (https://proceedings.mlr.press/v70/yoon17a.html).

    Args:
        strength: Float of at least 0, the factor of the sum.
        groups: `"inputs"`, a group for each input channel (the last axis but one of a kernel), or
            `"outputs"`, one for each output channel (the last axis).

    Raises:
        TypeError: `strength` is not a number.
        ValueError: `strength` is negative, `groups` is neither, or the weight is no kernel.

    Example:

    ```python
    keras.layers.Dense(64, kernel_regularizer=tfsparse.ExclusiveSparsity(1e-5))
    ```
    """

    def __init__(self, strength: float = 1e-5, groups: str = "inputs") -> None:
        super().__init__(strength, groups)

    def __call__(self, weights: Any) -> Any:
        """Returns the penalty of a kernel, HWIO or IO, as a scalar tensor."""
        return self.strength * 0.5 * ops.sum(self._squared_sums(weights))


@keras.saving.register_keras_serializable(package="tfsparse")
class GroupExclusiveSparsity(_Sparsity):
    """Makes whole groups small, and the other groups sparse (CGES).

    Strength times the sum over the groups of `(1 - mu) * L2 norm + mu / 2 * L1 norm ** 2`. In the
    paper `mu` rises from layer to layer, because features near the input are shared more than
    those near the output: with layers 0 to L - 1, `mu = m + (1 - m) * layer / (L - 1)`.

    From Yoon & Hwang, "Combined Group and Exclusive Sparsity for Deep Neural Networks", 2017
    (https://proceedings.mlr.press/v70/yoon17a.html).

    Args:
        strength: Float of at least 0, the factor of the sum.
        mu: Float in [0, 1], from group sparsity alone to exclusive sparsity alone.
        groups: `"inputs"`, a group for each input channel (the last axis but one of a kernel), or
            `"outputs"`, one for each output channel (the last axis).

    Raises:
        TypeError: `strength` or `mu` is not a number.
        ValueError: `strength` or `mu` is out of its range, `groups` is neither, or the weight is no
            kernel.

    Example:

    ```python
    regularizers = [tfsparse.GroupExclusiveSparsity(1e-4, mu) for mu in (0.2, 0.6, 1.0)]
    ```
    """

    def __init__(self, strength: float = 1e-4, mu: float = 0.5, groups: str = "inputs") -> None:
        super().__init__(strength, groups)
        check_number("mu", mu)
        if mu > 1:
            raise ValueError(f"Expected mu to be in [0, 1]. Received: {mu}")
        self.mu = float(mu)

    def __call__(self, weights: Any) -> Any:
        """Returns the penalty of a kernel, HWIO or IO, as a scalar tensor."""
        group = (1 - self.mu) * ops.sum(self._norms(weights))
        exclusive = 0.5 * self.mu * ops.sum(self._squared_sums(weights))
        return self.strength * (group + exclusive)

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {**super().get_config(), "mu": self.mu}
