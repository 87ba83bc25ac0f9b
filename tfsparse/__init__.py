"""Prune Keras models, write sparse TFLite files, and run them faster.

Names are imported on first use, so that a program which only runs models never loads Keras.
"""

import importlib

_MODULES = ("graph",)
_PUBLIC = {
    "ChannelPruning": "tfsparse.prune.channels",
    "ConstantSparsity": "tfsparse.schedules",
    "DiscriminationAwareChannelPruning": "tfsparse.prune.dcp",
    "ExclusiveSparsity": "tfsparse.prune.regularizers",
    "GradualPruning": "tfsparse.prune.gradual",
    "GroupExclusiveSparsity": "tfsparse.prune.regularizers",
    "GroupSparsity": "tfsparse.prune.regularizers",
    "Interpreter": "tfsparse.runtime",
    "PatternPruning": "tfsparse.prune.pattern",
    "PolynomialDecay": "tfsparse.schedules",
    "RigL": "tfsparse.prune.rigl",
    "convert": "tfsparse.converter.convert",
    "densify": "tfsparse.converter.densify",
    "explain": "tfsparse.explanation",
    "inspect": "tfsparse.inspection.inspect",
    "load_delegate": "tfsparse.runtime",
    "prune_file": "tfsparse.converter.prune_file",
    "recalibrate_batchnorm": "tfsparse.prune.batchnorm",
    "sensitivity": "tfsparse.prune.sensitivity",
    "shrink": "tfsparse.shrinking",
    "tune": "tfsparse.tuning",
}

__all__ = sorted([*_PUBLIC, *_MODULES])


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"tfsparse.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tfsparse' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
