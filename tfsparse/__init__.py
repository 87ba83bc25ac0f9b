"""Prune Keras models, write sparse TFLite files, and run them faster.

Names are imported on first use, so that a program which only runs models never loads Keras.
"""

import importlib

_MODULES = ("graph",)
_PUBLIC = {
    "ChannelPruning": "tfsparse.prune.channels.channel_pruning",
    "ConstantSparsity": "tfsparse.prune.schedules",
    "DiscriminationAwareChannelPruning": "tfsparse.prune.channels.dcp.callback",
    "ExclusiveSparsity": "tfsparse.prune.weights.regularizers",
    "GradualPruning": "tfsparse.prune.weights.gradual",
    "GroupExclusiveSparsity": "tfsparse.prune.weights.regularizers",
    "GroupSparsity": "tfsparse.prune.weights.regularizers",
    "Interpreter": "tfsparse.runtime.interpreter",
    "PatternPruning": "tfsparse.prune.weights.pattern",
    "PolynomialDecay": "tfsparse.prune.schedules",
    "RigL": "tfsparse.prune.weights.rigl",
    "convert": "tfsparse.converter.convert",
    "densify": "tfsparse.converter.densify",
    "explain": "tfsparse.runtime.explain",
    "inspect": "tfsparse.inspection.inspect",
    "load_delegate": "tfsparse.runtime.delegate",
    "prune_file": "tfsparse.prune.files.prune_file",
    "recalibrate_batchnorm": "tfsparse.prune.batchnorm",
    "sensitivity": "tfsparse.prune.weights.sensitivity",
    "shrink": "tfsparse.graph.shrink",
    "tune": "tfsparse.runtime.tune",
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
