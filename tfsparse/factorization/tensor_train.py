"""Dense layers as a tensor train or a tensor ring: three small layers on reshaped inputs."""

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
        (i1, i2, i3), (o1, o2, o3) = self._inputs, self._outputs
        around, first, second = self._core_ranks(ranks)
        # How each layer's input is arranged, see `Stage.view`, and the shape of its kernel. The
        # axis that closes a ring goes past the second layer as the outputs of the first do.
        made = [
            ((i1, i2 * i3), (1, 0), (i1, o1 * around * first)),
            ((i2, i3, o1 * around, first), (2, 1, 3, 0), (first * i2, o2 * second)),
            ((o1, around * i3, o2, second), (0, 2, 1, 3), (around * i3 * second, o3)),
        ]
        stages = []
        for k, (lengths, order, matrix) in enumerate(made):
            repeats = math.prod(lengths) // matrix[0]
            view = (lengths, order, (repeats, matrix[0]))
            stages.append(Stage((1, 1, *matrix), is_spatial=k == 0, repeats=repeats, view=view))
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
        first, second, third = self._cores(self._tensor(kernel), ranks)
        (i1, _, i3), (o1, _, o3) = self._inputs, self._outputs
        around = len(first)
        return [
            first.reshape(around, i1, o1, -1).transpose(1, 2, 0, 3).reshape(1, 1, i1, -1),
            second.reshape(1, 1, len(second) * self._inputs[1], -1),
            third.reshape(-1, i3, o3, around).transpose(3, 1, 0, 2).reshape(1, 1, -1, o3),
        ]

    def product(self, factors):
        """See `structures.Split.product`."""
        (i1, i2, i3), (o1, o2, o3) = self._inputs, self._outputs
        first = factors[1].shape[2] // i2
        second = factors[1].shape[3] // o2
        tensor = np.einsum(
            "ixab,bjyc,akcz->ijkxyz",
            factors[0].reshape(i1, o1, -1, first),
            factors[1].reshape(first, i2, o2, second),
            factors[2].reshape(-1, i3, second, o3),
            optimize=True,
        )
        return tensor.reshape(1, 1, i1 * i2 * i3, -1)

    def _core_ranks(self, ranks):
        """Returns the ranks between the last core and the first, and from each core to the next."""
        return (1, *ranks)

    def _cores(self, tensor, ranks):
        """Returns three arrays (rank before, length, rank after)."""
        return decompositions.tensor_train(tensor, ranks)

    def _tensor(self, kernel):
        """Returns a kernel with an axis for each pair of a factor of inputs and one of outputs."""
        tensor = kernel.reshape(*self._inputs, *self._outputs)
        order = [axis for k in range(_CORES) for axis in (k, _CORES + k)]
        return tensor.transpose(order).reshape(self._lengths)


class TensorRing(TensorTrain):
    """The same, but that the last core and the first have a common axis, too.

    A rank of the kernel as a matrix is then at most the product of two ranks of cores. So these are
    about the square roots of a train's. Ranks below 4 give a train. From Zhao et al., "Tensor Ring
    Decomposition", 2016 (https://arxiv.org/abs/1606.05535); in networks Wang et al., "Wide
    Compression: Tensor Ring Nets", 2018 (https://arxiv.org/abs/1802.09052).
    """

    def _core_ranks(self, ranks):
        around = math.isqrt(ranks[0])
        return (around, *(math.ceil(rank / around) for rank in ranks))

    def _cores(self, tensor, ranks):
        return decompositions.tensor_ring(tensor, self._core_ranks(ranks))


def near_equal_factors(number, count):
    """Returns factors of a number that are nearly equal, a tuple of ints in ascending order."""
    if count == 1:
        return (number,)
    wanted = number ** (1 / count)
    divisors = [n for n in range(1, number + 1) if number % n == 0]
    first = min(divisors, key=lambda n: abs(math.log(n / wanted)))
    return tuple(sorted((first, *near_equal_factors(number // first, count - 1))))
