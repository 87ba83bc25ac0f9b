"""Warnings that show a line of the user's own code."""

import sys
import warnings

# `fit` is theirs, and the depth at which it calls a callback depends on their versions.
_LIBRARIES = frozenset({"tfsparse", "keras", "tf_keras", "tensorflow"})


def warn(message):
    """Gives a UserWarning at the innermost line outside of tfsparse, Keras and TensorFlow.

    Args:
        message: String.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
