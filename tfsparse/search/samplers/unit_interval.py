"""Values of Optuna's parameters as numbers in [0, 1], and back."""

import math

from optuna.distributions import CategoricalDistribution, IntDistribution


def to_unit(distribution, value):
    """Returns the number in [0, 1] that stands for a value.

    A value of a continuous parameter has one number, linear or logarithmic. Each int, each step of
    a float and each choice of a categorical has an interval, all of one length, and its number is
    the middle. A logarithmic int has the interval of the logarithms that round to it.

    Args:
        distribution: One of Optuna's distributions.
        value: A value of the parameter.
    """
    if isinstance(distribution, CategoricalDistribution):
        return (distribution.to_internal_repr(value) + 0.5) / len(distribution.choices)
    if distribution.step is not None and not distribution.log:
        index = round((value - distribution.low) / distribution.step)
        return (index + 0.5) / _num_steps(distribution)
    low, high = _bounds(distribution)
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.5


def from_unit(distribution, number):
    """Returns the value that a number in [0, 1] stands for; see `to_unit`.

    Args:
        distribution: One of Optuna's distributions.
        number: Float in [0, 1].
    """
    if isinstance(distribution, CategoricalDistribution):
        num_choices = len(distribution.choices)
        return distribution.choices[_interval(number, num_choices)]
    if distribution.step is not None and not distribution.log:
        value = distribution.low + distribution.step * _interval(number, _num_steps(distribution))
        return int(value) if isinstance(distribution, IntDistribution) else float(value)
    low, high = _bounds(distribution)
    if distribution.log:
        value = math.exp(math.log(low) + number * (math.log(high) - math.log(low)))
    else:
        value = low + number * (high - low)
    if isinstance(distribution, IntDistribution):
        value = round(value)
    # Rounding errors may lead out of the bounds.
    return min(max(value, distribution.low), distribution.high)


def _bounds(distribution):
    """The interval of all numbers that round to a value of a logarithmic int; else its bounds."""
    margin = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    return distribution.low - margin, distribution.high + margin


def _num_steps(distribution):
    # Optuna makes the range a multiple of the step, but for rounding errors.
    return round((distribution.high - distribution.low) / distribution.step) + 1


def _interval(number, count):
    return min(int(number * count), count - 1)
