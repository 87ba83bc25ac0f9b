"""Checks of arguments that several packages take."""

import math
from numbers import Integral, Real


def is_number(value, kind=Real):
    """Returns whether a value is a number of a kind, which no bool is."""
    return isinstance(value, kind) and not isinstance(value, bool)


def check_fraction(name, value):
    """Raises a TypeError or ValueError unless a value is a fraction of what goes, in [0, 1)."""
    if not is_number(value):
        raise TypeError(f"Expected {name} to be a float in [0, 1). Received: {value!r}")
    if not 0 <= value < 1:
        raise ValueError(
            f"Expected {name} to be in [0, 1): it is the fraction that is pruned, and at 1 nothing "
            f"is left. Received: {value}"
        )


def check_number(name, value, least=0):
    """Raises a TypeError or ValueError unless a value is a finite number of at least `least`."""
    if not is_number(value):
        raise TypeError(f"Expected {name} to be a float. Received: {value!r}")
    if not least <= value < math.inf:
        raise ValueError(f"Expected {name} to be a float of at least {least}. Received: {value}")


def check_int(name, value, least=1, most=None):
    """Raises a ValueError unless a value is an int from `least` to `most`, which may be None."""
    if not is_number(value, Integral) or value < least or (most is not None and value > most):
        if most is not None:
            expected = f"an int from {least} to {most}"
        else:
            expected = "a positive int" if least == 1 else f"an int of at least {least}"
        raise ValueError(f"Expected {name} to be {expected}. Received: {value!r}")
