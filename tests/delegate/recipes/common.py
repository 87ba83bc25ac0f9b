"""Shared by the recipes of layers.

A recipe is a frozen dataclass. Its method `add` appends the layer to a `Network`, unless it fits
nowhere.
"""

from hypothesis import strategies as st

from tfsparse.flatbuffer import schema

ACTIVATIONS = [
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
    schema.ActivationFunctionType.RELU_N1_TO_1,
]

choices = st.one_of(st.just(0), st.integers(0, 6))  # the latest tensor is the usual input
activations = st.sampled_from(ACTIVATIONS)
seeds = st.integers(0, 2**16)


def is_image(value):
    return value.is_image


def in_four_dimensions(value):
    return len(value.shape) <= 4


def has_dimensions(value):
    return len(value.shape) >= 1


def pairs(of):
    """Two numbers, mostly alike."""
    return st.one_of(of.map(lambda n: (n, n)), st.tuples(of, of))
