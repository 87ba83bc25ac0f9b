"""Runs interpreters for their outputs, and compares these."""

import numpy as np


def output_difference(baseline, candidate):
    """Runs both interpreters once and compares their outputs.

    Returns:
        The largest absolute difference over all outputs, as a fraction of the largest absolute
        value of that output in `baseline`; infinity if one of them is not finite.
    """
    return largest_difference(zip(outputs(baseline), outputs(candidate), strict=True))


def outputs(interpreter):
    """Runs an interpreter once; returns a list of its output arrays."""
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def largest_difference(pairs):
    """Compares arrays.

    Args:
        pairs: pairs of an expected and a received array.

    Returns:
        The largest absolute difference over all pairs, as a fraction of the largest absolute
        expected value of the pair; infinity if one of them is not finite.
    """
    worst = 0.0
    for expected, received in pairs:
        expected, received = expected.astype(np.float64), received.astype(np.float64)
        if not (np.isfinite(expected).all() and np.isfinite(received).all()):
            return float("inf")
        scale = np.abs(expected).max(initial=0) or 1.0
        worst = max(worst, float(np.abs(expected - received).max(initial=0) / scale))
    return worst
