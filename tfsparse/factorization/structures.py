"""The layers that a method puts in place of one: their shapes, MACs and kernels.

A structure works on kernels (height, width, inputs, outputs); that of a dense layer has a height
and width of 1.
"""

import math

import numpy as np

from tfsparse.factorization import decompositions
from tfsparse.factorization.stage import Stage
from tfsparse.factorization.tensor_train import TensorRing, TensorTrain
from tfsparse.graph.rules import kind

_TENSORS = {"tensor_train": TensorTrain, "tensor_ring": TensorRing}


class Split:
    """A layer of the same kernel size with few outputs, and a 1x1 layer.

    From Zhang et al., "Accelerating Very Deep Convolutional Networks for Classification and
    Detection", 2015 (https://arxiv.org/abs/1505.06798).
    """

    def stages(self, shape, ranks):
        """Returns the list of `Stage` for a kernel of a shape."""
        (rank,) = ranks
        return [Stage((*shape[:3], rank), is_spatial=True), Stage((1, 1, rank, shape[3]))]

    def matrices(self, kernel):
        """Returns the matrices of which each rank is one, a list."""
        return [kernel.reshape(-1, kernel.shape[3])]

    def limits(self, shape):
        """Returns the highest useful ranks, a list."""
        return [min(math.prod(shape[:3]), shape[3])]

    def factors(self, kernel, ranks):
        """Returns the kernels of the stages, a list of arrays of their shapes."""
        first, second = decompositions.low_rank(self.matrices(kernel)[0], *ranks)
        return [first.reshape(*kernel.shape[:3], -1), second[None, None]]

    def product(self, factors):
        """Returns the kernel that the factors compute together."""
        first, second = factors
        return first @ second[0, 0]


class Tucker2:
    """1x1, a core of the same kernel size, and 1x1.

    From Kim et al., "Compression of Deep Convolutional Neural Networks for Fast and Low Power
    Mobile Applications", 2016 (https://arxiv.org/abs/1511.06530).
    """

    def stages(self, shape, ranks):
        """See `Split.stages`."""
        inner, outer = ranks
        return [
            Stage((1, 1, shape[2], inner)),
            Stage((*shape[:2], inner, outer), is_spatial=True),
            Stage((1, 1, outer, shape[3])),
        ]

    def matrices(self, kernel):
        """See `Split.matrices`."""
        return [decompositions.unfold(kernel, axis) for axis in (2, 3)]

    def limits(self, shape):
        """See `Split.limits`."""
        return [min(shape[axis], math.prod(shape) // shape[axis]) for axis in (2, 3)]

    def factors(self, kernel, ranks):
        """See `Split.factors`."""
        into, core, out = decompositions.tucker2(kernel, ranks)
        return [into[None, None], core, out[None, None]]

    def product(self, factors):
        """See `Split.product`."""
        into, core, out = factors
        return np.einsum("ir,hwrs,so->hwio", into[0, 0], core, out[0, 0], optimize=True)


class CP:
    """1x1, two depthwise layers kx1 and 1xk, and 1x1.

    With strides or dilation one kxk depthwise layer takes the place of the two, because TensorFlow
    has no depthwise convolution with unequal strides. From Lebedev et al., "Speeding-up
    Convolutional Neural Networks Using Fine-tuned CP-Decomposition", 2015
    (https://arxiv.org/abs/1412.6553).

    Args:
        is_separate: Bool, whether there are two depthwise layers.
        seed: Int, for the start of the decomposition.
    """

    def __init__(self, is_separate, seed):
        self._is_separate = is_separate
        self._seed = seed

    def stages(self, shape, ranks):
        """See `Split.stages`."""
        (rank,) = ranks
        height, width, inputs, outputs = shape
        sizes = [(height, 1), (1, width)] if self._is_separate else [(height, width)]
        return [
            Stage((1, 1, inputs, rank)),
            *(Stage((*size, rank, 1), is_spatial=True, is_depthwise=True) for size in sizes),
            Stage((1, 1, rank, outputs)),
        ]

    def matrices(self, kernel):
        """See `Split.matrices`."""
        # No matrix has the rank of the decomposition: that of the wider side is at most it.
        return [decompositions.unfold(kernel, 2 if kernel.shape[2] > kernel.shape[3] else 3)]

    def limits(self, shape):
        """See `Split.limits`."""
        return [shape[0] * shape[1] * min(shape[2:])]

    def factors(self, kernel, ranks):
        """See `Split.factors`."""
        tall, wide, into, out = decompositions.cp(kernel, *ranks, seed=self._seed)
        depthwise = [tall[:, None, :, None], wide[None, :, :, None]]
        if not self._is_separate:
            depthwise = [np.multiply(*depthwise)]
        return [into[None, None], *depthwise, out.T[None, None]]

    def product(self, factors):
        """See `Split.product`."""
        into, *depthwise, out = factors
        spatial = np.prod(np.broadcast_arrays(*depthwise), axis=0)[..., 0]
        return np.einsum("ir,hwr,ro->hwio", into[0, 0], spatial, out[0, 0], optimize=True)


def structure_for(method, layer, shape, seed):
    """Returns the structure of a method for a layer on an input of a shape.

    1x1 and dense layers are split, but for tensor trains and rings of dense layers on vectors.
    These split the others.
    """
    if method in _TENSORS:
        is_dense = kind(layer) == "Dense" and len(shape) == 2
        return _TENSORS[method](*layer.kernel.shape) if is_dense else Split()
    size = getattr(layer, "kernel_size", (1, 1))
    if method in ("svd", "asymmetric") or set(size) == {1}:
        return Split()
    if method == "tucker2":
        return Tucker2()
    return CP({*layer.strides, *layer.dilation_rate} == {1}, seed)


def count_macs(stages, positions):
    """Returns the MACs of stages for one example.

    Args:
        stages: List of `Stage`.
        positions: Pair of ints, the positions of the layer's input and of its output.
    """
    first = next(i for i, stage in enumerate(stages) if stage.is_spatial)
    return sum(
        math.prod(stage.shape) * stage.repeats * positions[i >= first]
        for i, stage in enumerate(stages)
    )
