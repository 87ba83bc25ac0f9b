"""Recipes of the operators on images that have no weights."""

import dataclasses

import numpy as np
from hypothesis import strategies as st

from tests.delegate.recipes.common import activations, choices, in_four_dimensions, is_image
from tests.delegate.recipes.window import Window, windows


@dataclasses.dataclass(frozen=True)
class Pool:
    name: str
    x: int
    window: Window
    activation: int

    def add(self, network):
        x = network.pick(self.x, is_image)
        if x is None:
            return
        kernel = tuple(map(min, self.window.kernel, x.shape[1:3]))
        window = dataclasses.replace(self.window, kernel=kernel, dilation=(1, 1))
        shape = (x.shape[0], *window.output(x.shape), x.shape[3])
        options = window.options() | {"filterHeight": kernel[0], "filterWidth": kernel[1]}
        options["fusedActivationFunction"] = self.activation
        network.add(self.name, [x], shape, x.scale, **options)


@dataclasses.dataclass(frozen=True)
class Resize:
    name: str
    x: int
    size: tuple
    align_corners: bool
    half_pixel_centers: bool

    def add(self, network):
        x = network.pick(self.x, is_image)
        if x is None or not network.affords((x.shape[0], *self.size, x.shape[3])):
            return
        shape = (x.shape[0], *self.size, x.shape[3])
        # TFLite rejects the combination.
        half_pixel_centers = self.half_pixel_centers and not self.align_corners
        options = {"alignCorners": self.align_corners, "halfPixelCenters": half_pixel_centers}
        network.add(self.name, [x, network.constant(self.size)], shape, x.scale, **options)


@dataclasses.dataclass(frozen=True)
class Pad:
    x: int
    amounts: tuple  # before and after, of four dimensions
    outer: bool  # whether batch and channels are padded too
    wide: bool  # whether the amounts are int64

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        if x is None or not x.shape:
            return
        rank = len(x.shape)
        amounts = [
            pair if self.outer or 0 < dim < rank - 1 else (0, 0)
            for dim, pair in enumerate(self.amounts[:rank])
        ]
        shape = [size + sum(pair) for size, pair in zip(x.shape, amounts, strict=True)]
        if network.affords(shape):
            constant = network.constant(amounts, np.int64 if self.wide else np.int32)
            network.add("PAD", [x, constant], shape, x.scale)


@dataclasses.dataclass(frozen=True)
class BlocksOfPixels:
    """SPACE_TO_DEPTH or DEPTH_TO_SPACE."""

    x: int
    name: str
    block: int

    def add(self, network):
        block = self.block
        down = self.name == "SPACE_TO_DEPTH"

        def fits(value):
            if not value.is_image:
                return False
            _, height, width, depth = value.shape
            return not (height % block or width % block if down else depth % block**2)

        x = network.pick(self.x, fits)
        if x is None:
            return
        batch, height, width, depth = x.shape
        if down:
            shape = (batch, height // block, width // block, depth * block**2)
        else:
            shape = (batch, height * block, width * block, depth // block**2)
        network.add(self.name, [x], shape, x.scale, blockSize=block)


pixels = st.integers(1, 20)
amounts = st.tuples(st.integers(0, 3), st.integers(0, 3))
LAYERS = [
    st.builds(
        Pool, st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]), choices, windows, activations
    ),
    st.builds(
        Resize,
        st.sampled_from(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"]),
        choices,
        st.tuples(pixels, pixels),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(Pad, choices, st.tuples(*[amounts] * 4), st.booleans(), st.booleans()),
    st.builds(
        BlocksOfPixels,
        choices,
        st.sampled_from(["SPACE_TO_DEPTH", "DEPTH_TO_SPACE"]),
        st.sampled_from([2, 3]),
    ),
]
