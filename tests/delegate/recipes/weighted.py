"""Recipes of the layers with weights."""

import dataclasses
import math

import numpy as np
from hypothesis import strategies as st

from tests.delegate.recipes.common import activations, choices, has_dimensions, is_image
from tests.delegate.recipes.elementwise import gate
from tests.delegate.recipes.weights import Weights, weights
from tests.delegate.recipes.window import POINTWISE, VALID, Window, windows


@dataclasses.dataclass(frozen=True)
class Convolution:
    x: int
    channels: int
    window: Window
    activation: int
    weights: Weights
    groups: int = 1  # Or a divisor of it that divides the input's channels. 0: a group a channel.

    def add(self, network):
        return self.add_to(network, network.pick(self.x, is_image))

    def add_to(self, network, x):
        """The output of the layer on the value x, or None."""
        if x is None:
            return None
        groups = math.gcd(self.groups, x.shape[3])
        channels = -(-self.channels // groups) * groups
        shape = (x.shape[0], *self.window.output(x.shape), channels)
        kernel = (channels, *self.window.kernel, x.shape[3] // groups)
        fan_in = math.prod(kernel[1:])
        macs = math.prod(shape) * fan_in
        if min(shape) < 1 or not network.affords(shape, macs=macs):
            return None
        constants = [
            self.weights.add(network, kernel, fan_in, x.scale),
            # TFLite's kernel requires a bias.
            *self.weights.add_bias(network, channels, required=True),
        ]
        options = self.window.options() | self.window.dilations()
        options["fusedActivationFunction"] = self.activation
        return network.add("CONV_2D", [x, *constants], shape, 1.0, macs, **options)


@dataclasses.dataclass(frozen=True)
class Depthwise:
    x: int
    multiplier: int
    window: Window
    activation: int
    weights: Weights

    def add(self, network):
        return self.add_to(network, network.pick(self.x, is_image))

    def add_to(self, network, x):
        """The output of the layer on the value x, or None."""
        if x is None:
            return None
        channels = x.shape[3] * self.multiplier
        shape = (x.shape[0], *self.window.output(x.shape), channels)
        fan_in = math.prod(self.window.kernel)
        macs = math.prod(shape) * fan_in
        if min(shape) < 1 or not network.affords(shape, macs=macs):
            return None
        constants = [
            self.weights.add(network, (1, *self.window.kernel, channels), fan_in, x.scale),
            *self.weights.add_bias(network, channels),
        ]
        options = self.window.options() | self.window.dilations()
        options["fusedActivationFunction"] = self.activation
        options["depthMultiplier"] = self.multiplier
        return network.add("DEPTHWISE_CONV_2D", [x, *constants], shape, 1.0, macs, **options)


@dataclasses.dataclass(frozen=True)
class TransposedConvolution:
    x: int
    channels: int
    window: Window
    longer: int  # by how much the output is longer than the shortest, if the stride allows it
    activation: int
    weights: Weights

    def add(self, network):
        x = network.pick(self.x, is_image)
        if x is None:
            return
        lengths = []
        for size, k, stride in zip(
            x.shape[1:3], self.window.kernel, self.window.stride, strict=True
        ):
            reach = k if self.window.padding == VALID else 1
            lengths.append((size - 1) * stride + reach + min(self.longer, stride - 1))
        shape = (x.shape[0], *lengths, self.channels)
        kernel = (self.channels, *self.window.kernel, x.shape[3])
        fan_in = math.prod(kernel[1:])
        macs = math.prod(x.shape[:3]) * math.prod(kernel)
        if not network.affords(shape, macs=macs):
            return
        constants = [network.constant(shape), self.weights.add(network, kernel, fan_in, x.scale)]
        bias = self.weights.add_bias(network, self.channels)
        options = self.window.options() | {"fusedActivationFunction": self.activation}
        network.add("TRANSPOSE_CONV", [*constants, x, *bias], shape, 1.0, macs, **options)


@dataclasses.dataclass(frozen=True)
class FullyConnected:
    x: int
    units: int
    flatten: bool  # the whole of each image, or its last dimension
    keep_dims: bool
    activation: int
    weights: Weights

    def add(self, network):
        x = network.pick(self.x, has_dimensions)
        if x is None:
            return
        flatten = self.flatten and len(x.shape) > 1
        depth = math.prod(x.shape[1:]) if flatten else x.shape[-1]
        keep_dims = self.keep_dims and depth == x.shape[-1]
        rows = math.prod(x.shape) // depth
        shape = (*x.shape[:-1], self.units) if keep_dims else (rows, self.units)
        macs = rows * depth * self.units
        if not network.affords(shape, macs=macs):
            return
        constants = [
            self.weights.add(network, (self.units, depth), depth, x.scale),
            *self.weights.add_bias(network, self.units),
        ]
        options = {"keepNumDims": keep_dims, "fusedActivationFunction": self.activation}
        network.add("FULLY_CONNECTED", [x, *constants], shape, 1.0, macs, **options)


@dataclasses.dataclass(frozen=True)
class MatrixProduct:
    """The matrices of a value times a constant, another value or themselves."""

    x: int
    other: str
    y: int
    columns: int
    adj_x: bool
    adj_y: bool
    weights: Weights

    def add(self, network):
        x = network.pick(self.x, lambda value: len(value.shape) >= 2)
        if x is None:
            return
        leading, (rows, depth) = x.shape[:-2], x.shape[-2:][:: -1 if self.adj_x else 1]
        adj_y = not self.adj_x if self.other == "self" else self.adj_y
        y = self._other(network, x, depth, adj_y)
        if y is None:
            return
        columns = y.shape[-2 if adj_y else -1]
        shape = (*np.broadcast_shapes(leading, y.shape[:-2]), rows, columns)
        scale = depth * x.scale * y.scale
        macs = math.prod(shape) * depth
        if not network.affords(shape, scale / depth, macs):
            return
        options = {"adjX": self.adj_x, "adjY": adj_y}
        product = network.add("BATCH_MATMUL", [x, y], shape, scale, macs, **options)
        factor = network.constant(1 / depth, np.float32)
        network.add("MUL", [product, factor], shape, scale / depth, fusedActivationFunction=0)

    def _other(self, network, x, depth, adj_y):
        """The second operand, or None."""

        def fits(value):
            leading = zip(value.shape[-3::-1], x.shape[-3::-1], strict=False)
            return (
                len(value.shape) >= 2
                and value.shape[-1 if adj_y else -2] == depth
                and all(1 in pair or len(set(pair)) == 1 for pair in leading)
            )

        if self.other == "self":
            return x
        if self.other == "value":
            return network.pick(self.y, fits)
        leading = x.shape[:-2] if self.other == "constants" else ()
        size = (self.columns, depth) if adj_y else (depth, self.columns)
        shape = (*leading, *size)
        constant = self.weights.add(network, shape, depth, x.scale)
        return type(x)(constant, shape, 1.0)


@dataclasses.dataclass(frozen=True)
class InvertedResidual:
    """Expand, depthwise, project, and the shortcut where the shapes allow it."""

    x: int
    expand: int
    window: Window
    activation: int
    weights: Weights
    squeeze: bool

    def add(self, network):
        x = network.pick(self.x, is_image)
        if x is None:
            return
        expanded = x.shape[3] * self.expand
        y = Convolution(0, expanded, POINTWISE, self.activation, self.weights).add_to(network, x)
        y = Depthwise(0, 1, self.window, self.activation, self.weights).add_to(network, y)
        if self.squeeze and y is not None:
            y = gate(network, y)
        y = Convolution(0, x.shape[3], POINTWISE, 0, self.weights).add_to(network, y)
        scale = x.scale + 1
        if y is not None and y.shape == x.shape and network.affords(x.shape, scale):
            network.add("ADD", [y, x], x.shape, scale, fusedActivationFunction=0)


channels = st.one_of(st.integers(1, 24), st.sampled_from([8, 16, 32, 48]))
LAYERS = [
    st.builds(Convolution, choices, channels, st.just(POINTWISE), activations, weights),
    st.builds(Convolution, choices, channels, windows, activations, weights),
    st.builds(
        Convolution,
        choices,
        channels,
        windows,
        activations,
        weights,
        st.sampled_from([0, 2, 3, 4, 6]),
    ),
    st.builds(Depthwise, choices, st.sampled_from([1, 1, 2, 3]), windows, activations, weights),
    st.builds(
        InvertedResidual,
        choices,
        st.integers(1, 8),
        windows,
        activations,
        weights,
        st.booleans(),
    ),
    st.builds(
        TransposedConvolution,
        choices,
        channels,
        windows,
        st.integers(0, 2),
        activations,
        weights,
    ),
    st.builds(
        FullyConnected, choices, channels, st.booleans(), st.booleans(), activations, weights
    ),
    st.builds(
        MatrixProduct,
        choices,
        st.sampled_from(["self", "value", "constant", "constants"]),
        choices,
        channels,
        st.booleans(),
        st.booleans(),
        weights,
    ),
]
