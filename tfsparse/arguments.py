"""Checks of arguments that several packages take."""

from numbers import Integral, Real


def is_number(value, kind=Real):
    """Returns whether a value is a number of a kind, which no bool is."""
    return isinstance(value, kind) and not isinstance(value, bool)


def check_sparsity(name, value):
    """Raises a TypeError or ValueError unless `value` is a number in [0, 1)."""
    if not is_number(value):
        raise TypeError(f"Expected {name} to be a float in [0, 1). Received: {value!r}")
    if not 0 <= value < 1:
        raise ValueError(
            f"Expected {name} to be in [0, 1): it is the fraction of weights that are zero, and at "
            f"1 none is left. Received: {value}"
        )


def check_positive(name, value):
    """Raises a ValueError unless `value` is a positive int."""
    if not is_number(value, Integral) or value < 1:
        raise ValueError(f"Expected {name} to be a positive int. Received: {value!r}")
