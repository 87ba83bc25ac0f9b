"""Recipes of the operators on elements or rows."""

import dataclasses
import math

import numpy as np
from hypothesis import strategies as st

from tests.delegate.recipes.common import activations, choices, in_four_dimensions, is_image, seeds

UNARY_SCALES = {
    "RELU": lambda scale: scale,
    "RELU6": lambda scale: min(scale, 6.0),
    "RELU_N1_TO_1": lambda scale: 1.0,
    "HARD_SWISH": lambda scale: scale,
    "LOGISTIC": lambda scale: 1.0,
    "TANH": lambda scale: 1.0,
    "ELU": lambda scale: max(scale, 1.0),
    "LEAKY_RELU": lambda scale: scale,
    "GELU": lambda scale: scale,
    "ABS": lambda scale: scale,
    "SQUARE": lambda scale: 2 * scale * scale,
}


def gate(network, x):
    """Every channel by the sigmoid of its average, as squeeze and excite does."""
    axes = network.constant([1, 2])
    pooled = (x.shape[0], 1, 1, x.shape[3])
    mean = network.add("MEAN", [x, axes], pooled, x.scale, keepDims=True)
    gate = network.add("LOGISTIC", [mean], pooled, 1.0)
    return network.add("MUL", [x, gate], x.shape, x.scale, fusedActivationFunction=0)


@dataclasses.dataclass(frozen=True)
class Binary:
    """Arithmetic with another value, or with a constant that is broadcast."""

    name: str
    x: int
    operand: str
    other: int
    swap: bool
    half: bool
    activation: int
    seed: int

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        if x is None:
            return
        if self.operand == "gate" and x.is_image:
            gate(network, x)
            return
        other = self._other(network, x)
        scale = {
            "ADD": x.scale + other.scale,
            "SUB": x.scale + other.scale,
            "MUL": x.scale * other.scale,
            "DIV": 2 * x.scale,
            "SQUARED_DIFFERENCE": (x.scale + other.scale) ** 2,
            "POW": 2**other.scale,
        }.get(self.name, max(x.scale, other.scale))
        shape = np.broadcast_shapes(x.shape, other.shape)
        if not network.affords(shape, scale):
            return
        operands = [x, other]
        if self.name == "DIV":
            operands = [x, self._positive(network, other)]
        elif self.name == "POW":
            operands = [self._positive(network, x), other]
        elif self.swap:
            operands.reverse()
        plain = self.name in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW")
        options = {} if plain else {"fusedActivationFunction": self.activation}
        network.add(self.name, operands, shape, scale, **options)

    def _other(self, network, x):
        def fits(value):
            try:
                broadcast = np.broadcast_shapes(value.shape, x.shape)
            except ValueError:
                return False
            return value is not x and network.affords(broadcast) and in_four_dimensions(value)

        value = network.pick(self.other, fits)
        if self.operand == "value" and value is not None:
            return value
        shape = {
            "scalar": (),
            "channel": x.shape[-1:],
            "row": x.shape[-2:],
            "image": (1,) * max(0, len(x.shape) - 1) + x.shape[-1:],
        }.get(self.operand, x.shape)
        values = np.random.default_rng(self.seed).uniform(0.5, 1.5, shape)
        constant = network.builder.weights(values, half=self.half)
        return type(x)(constant, shape, 1.0)

    def _positive(self, network, value):
        """An operand away from zero: the constant, or the value mapped to [0.5, 1.5]."""
        if value not in network.values:
            return value
        bounded = network.add("LOGISTIC", [value], value.shape, 1.0)
        half = network.constant(0.5, np.float32)
        return network.add("ADD", [bounded, half], value.shape, 1.5, fusedActivationFunction=0)


@dataclasses.dataclass(frozen=True)
class Unary:
    name: str
    x: int
    alpha: float

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        scale = x and UNARY_SCALES[self.name](x.scale)
        if x is None or not network.affords(x.shape, scale):
            return
        options = {"LEAKY_RELU": {"alpha": self.alpha}, "GELU": {"approximate": self.alpha > 0}}
        options = options.get(self.name, {})
        network.add(self.name, [x], x.shape, scale, **options)


@dataclasses.dataclass(frozen=True)
class Swish:
    """x times its sigmoid."""

    x: int

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        if x is not None:
            gate = network.add("LOGISTIC", [x], x.shape, 1.0)
            network.add("MUL", [gate, x], x.shape, x.scale, fusedActivationFunction=0)


@dataclasses.dataclass(frozen=True)
class OfPositive:
    """A function of |x| + 0.1: near zero, its slope would amplify rounding errors."""

    name: str
    x: int

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        if x is None:
            return
        size = network.add("ABS", [x], x.shape, x.scale)
        tenth = network.constant(0.1, np.float32)
        positive = network.add("ADD", [size, tenth], x.shape, x.scale, fusedActivationFunction=0)
        network.add(self.name, [positive], x.shape, max(2.5, x.scale))


@dataclasses.dataclass(frozen=True)
class Prelu:
    x: int
    shared: int  # dimensions, from the outermost after the batch, along which alpha is shared
    half: bool
    seed: int

    def add(self, network):
        x = network.pick(self.x, lambda value: 2 <= len(value.shape) <= 4)
        if x is None:
            return
        shared = min(self.shared, len(x.shape) - 2)
        shape = (1,) * shared + x.shape[1 + shared :]
        alpha = np.random.default_rng(self.seed).uniform(-0.5, 1.0, shape)
        inputs = [x, network.builder.weights(alpha, half=self.half)]
        network.add("PRELU", inputs, x.shape, x.scale)


@dataclasses.dataclass(frozen=True)
class LayerNormalization:
    """As Keras writes it: x * s + (offset - mean * s), s = scale / sqrt(variance + epsilon)."""

    x: int
    has_offset: bool
    activation: int
    seed: int

    def add(self, network):
        x = network.pick(
            self.x, lambda value: in_four_dimensions(value) and value.shape[-1:] > (1,)
        )
        bound = x and 1.5 * math.sqrt(x.shape[-1]) + 1.5
        if x is None or not network.affords(x.shape, max(bound, 4 * x.scale**2)):
            return
        random = np.random.default_rng(self.seed)
        parameter = lambda: network.constant(random.uniform(0.5, 1.5, x.shape[-1]), np.float32)  # noqa: E731

        def binary(name, a, b, shape=x.shape, activation=0):
            options = {"fusedActivationFunction": activation}
            return network.add(name, [a, b], shape, bound, **options)

        axis, epsilon = network.constant([-1]), network.constant(0.1, np.float32)
        outer = (*x.shape[:-1], 1)
        mean = network.add("MEAN", [x, axis], outer, x.scale, keepDims=True)
        squares = network.add("SQUARED_DIFFERENCE", [x, mean], x.shape, 4 * x.scale**2)
        variance = network.add("MEAN", [squares, axis], outer, x.scale**2, keepDims=True)
        root = network.add("RSQRT", [binary("ADD", variance, epsilon, outer)], outer, 4.0)
        scale = binary("MUL", root, parameter())
        shift = binary("MUL", network.add("NEG", [mean], outer, x.scale), scale)
        shift = binary("ADD", shift, parameter()) if self.has_offset else shift
        binary("ADD", binary("MUL", x, scale), shift, activation=self.activation)


@dataclasses.dataclass(frozen=True)
class ScaleAndShift:
    """Channels times constants plus constants, as a batch normalization by itself."""

    x: int
    activation: int
    seed: int

    def add(self, network):
        x = network.pick(self.x, is_image)
        if x is None or not network.affords(x.shape, 2 * x.scale + 2):
            return
        random = np.random.default_rng(self.seed)
        for name, activation in (("MUL", 0), ("ADD", self.activation)):
            numbers = network.constant(random.uniform(-2, 2, x.shape[-1]), np.float32)
            options = {"fusedActivationFunction": activation}
            x = network.add(name, [x, numbers], x.shape, 2 * x.scale, **options)


@dataclasses.dataclass(frozen=True)
class Softmax:
    x: int
    beta: float

    def add(self, network):
        x = network.pick(self.x, lambda value: 1 <= len(value.shape) <= 4)
        if x is not None:
            network.add("SOFTMAX", [x], x.shape, 1.0, beta=self.beta)


binary = st.builds(
    Binary,
    name=st.sampled_from(
        ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW"]
    ),
    x=choices,
    operand=st.sampled_from(
        ["value", "value", "scalar", "channel", "row", "image", "full", "gate"]
    ),
    other=choices,
    swap=st.booleans(),
    half=st.booleans(),
    activation=activations,
    seed=seeds,
)
slopes = st.sampled_from([0.2, 0.01, 1.5, -0.5])
unary = st.builds(Unary, st.sampled_from(list(UNARY_SCALES)), choices, slopes)
LAYERS = [
    unary,
    unary,
    unary,
    binary,
    binary,
    st.builds(Swish, choices),
    st.builds(OfPositive, st.sampled_from(["SQRT", "LOG"]), choices),
    st.builds(Prelu, choices, st.sampled_from([2, 2, 1, 0]), st.booleans(), seeds),
    st.builds(Softmax, choices, st.sampled_from([1.0, 0.5])),
    st.builds(LayerNormalization, choices, st.booleans(), activations, seeds),
    st.builds(ScaleAndShift, choices, activations, seeds),
]
