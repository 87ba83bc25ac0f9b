"""Dense layers as a tensor train: a chain of small layers on inputs in another shape."""

import math

import numpy as np

from tfsparse.factorization import decompositions
from tfsparse.factorization.stage import Stage

_CORES = 3


class TensorTrain:
    """Three layers, each of which maps one factor of the inputs to one factor of the outputs.

    The number of inputs is a product i1 i2 i3, that of outputs o1 o2 o3. The kernel is a tensor of
    the lengths i1 o1, i2 o2 and i3 o3, and decomposed into three cores. From Novikov et al.,
    "Tensorizing Neural Networks", 2015 (https://arxiv.org/abs/1509.06569).

    Args:
        inputs, outputs: Ints, those of a dense layer.
    """

    def __init__(self, inputs, outputs):
        self._inputs = near_equal_factors(inputs, _CORES)
        self._outputs = near_equal_factors(outputs, _CORES)
        self._lengths = np.multiply(self._inputs, self._outputs).tolist()

    def stages(self, shape, ranks):
        """See `structures.Split.stages`."""
        inputs, outputs, ranks = self._inputs, self._outputs, (1, *ranks, 1)
        stages = []
        for k, length in enumerate(inputs):
            done, left = math.prod(outputs[:k]), math.prod(inputs[k + 1 :])
            if k == 0:
                lengths, order = (length, left), (1, 0)
            else:
                # The layer before has left one output and a rank in the last axis.
                lengths = (done // outputs[k - 1], length, left, outputs[k - 1], ranks[k])
                order = (0, 3, 2, 4, 1)
            view = (lengths, order, (done * left, ranks[k] * length))
            shape = (1, 1, ranks[k] * length, outputs[k] * ranks[k + 1])
            stages.append(Stage(shape, is_spatial=k == 0, repeats=done * left, view=view))
        return stages

    def matrices(self, kernel):
        """See `structures.Split.matrices`."""
        tensor = self._tensor(kernel)
        return [tensor.reshape(size, -1) for size in np.cumprod(self._lengths)[:-1]]

    def limits(self, shape):
        """See `structures.Split.limits`."""
        *sizes, total = np.cumprod(self._lengths).tolist()
        return [min(size, total // size) for size in sizes]

    def factors(self, kernel, ranks):
        """See `structures.Split.factors`."""
        cores = decompositions.tensor_train(self._tensor(kernel), ranks)
        return [
            core.reshape(1, 1, len(core) * i, o * core.shape[2])
            for core, i, o in zip(cores, self._inputs, self._outputs, strict=True)
        ]

    def product(self, factors):
        """See `structures.Split.product`."""
        cores, rank = [], 1
        for factor, outputs, length in zip(factors, self._outputs, self._lengths, strict=True):
            cores.append(factor.reshape(rank, length, -1))
            rank = factor.shape[3] // outputs
        tensor = decompositions.train_tensor(cores)
        pairs = zip(self._inputs, self._outputs, strict=True)
        tensor = tensor.reshape([n for pair in pairs for n in pair])
        order = [*range(0, 2 * _CORES, 2), *range(1, 2 * _CORES, 2)]
        return tensor.transpose(order).reshape(1, 1, math.prod(self._inputs), -1)

    def _tensor(self, kernel):
        """Returns a kernel with an axis for each pair of a factor of inputs and one of outputs."""
        tensor = kernel.reshape(*self._inputs, *self._outputs)
        order = [axis for k in range(_CORES) for axis in (k, _CORES + k)]
        return tensor.transpose(order).reshape(self._lengths)


def near_equal_factors(number, count):
    """Returns factors of a number that are nearly equal, a tuple of ints in ascending order."""
    if count == 1:
        return (number,)
    wanted = number ** (1 / count)
    divisors = [n for n in range(1, number + 1) if number % n == 0]
    first = min(divisors, key=lambda n: abs(math.log(n / wanted)))
    return tuple(sorted((first, *near_equal_factors(number // first, count - 1))))
