"""The weights of a layer, and how they are stored."""

import dataclasses
import math

import numpy as np
from hypothesis import strategies as st

from tests.delegate.recipes.common import seeds


@dataclasses.dataclass(frozen=True)
class Weights:
    """The sparsity and storage of a layer's weights.

    `blocks` is the block size along the first dimension, used if it divides that. `order` is
    whether the dimensions are traversed from last to first.
    """

    sparsity: float
    half: bool
    sparse: bool
    blocks: int
    reverse: bool
    bias: bool
    half_bias: bool
    seed: int

    def add(self, network, shape, fan_in, scale):
        """A tensor of the given shape, for inputs of the given scale and outputs of scale 1."""
        random = np.random.default_rng(self.seed)
        block = self.blocks if shape[0] % self.blocks == 0 else 1
        mask = random.random((shape[0] // block, *shape[1:])) >= self.sparsity
        values = random.standard_normal(shape) * np.repeat(mask, block, axis=0)
        values /= scale * math.sqrt(max(1.0, fan_in * (1 - self.sparsity)))
        order = range(len(shape))
        encoding = {"traversal_order": tuple(reversed(order) if self.reverse else order)}
        if block > 1:
            encoding["blocks"] = {0: block}
        return network.builder.weights(
            values, half=self.half, sparse=encoding if self.sparse else None
        )

    def add_bias(self, network, channels, required=False):
        """The bias in a list, which is empty without a bias."""
        if not self.bias and not required:
            return []
        values = np.random.default_rng(self.seed + 1).normal(0, 0.3, channels)
        return [network.builder.weights(values, half=self.half_bias)]


weights = st.builds(
    Weights,
    sparsity=st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0]),
    half=st.booleans(),
    sparse=st.booleans(),
    blocks=st.sampled_from([1, 2, 4]),
    reverse=st.booleans(),
    bias=st.booleans(),
    half_bias=st.booleans(),
    seed=seeds,
)
