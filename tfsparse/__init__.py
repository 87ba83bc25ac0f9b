"""Prune Keras models, write sparse TFLite files, and run them faster.

Names are imported on first use, so that a program that only runs models does not load Keras.
"""

import importlib
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # For type checkers, which do not call `__getattr__`; a test compares the two.
    from tfsparse import distill, graph, search
    from tfsparse.converter.convert import convert
    from tfsparse.converter.densify import densify
    from tfsparse.factorization.factorize import factorize
    from tfsparse.gradients.error_compensation import ErrorCompensatedQuantization
    from tfsparse.gradients.meprop import MeProp
    from tfsparse.gradients.terngrad import TernGrad
    from tfsparse.graph.padding import symmetric_padding
    from tfsparse.graph.shrink import shrink
    from tfsparse.inspection.inspect import inspect
    from tfsparse.packing.pack import pack, unpack
    from tfsparse.prune.batchnorm import recalibrate_batchnorm
    from tfsparse.prune.channels.channel_pruning import ChannelPruning
    from tfsparse.prune.channels.dcp.callback import DiscriminationAwareChannelPruning
    from tfsparse.prune.files.prune_file import prune_file
    from tfsparse.prune.schedules import ConstantSparsity, PolynomialDecay
    from tfsparse.prune.weights.gradual import GradualPruning
    from tfsparse.prune.weights.pattern import PatternPruning
    from tfsparse.prune.weights.regularizers import (
        ExclusiveSparsity,
        GroupExclusiveSparsity,
        GroupSparsity,
    )
    from tfsparse.prune.weights.rigl import RigL
    from tfsparse.prune.weights.sensitivity import Sensitivity, sensitivity
    from tfsparse.quantize.low_bit_quantization import LowBitQuantization
    from tfsparse.quantize.quantization_aware_training import QuantizationAwareTraining
    from tfsparse.quantize.ternary_quantization import TernaryQuantization
    from tfsparse.quantize.weight_sharing import WeightSharing
    from tfsparse.runtime.delegate import load_delegate
    from tfsparse.runtime.explain import explain
    from tfsparse.runtime.interpreter import Interpreter
    from tfsparse.runtime.tune import tune
    from tfsparse.search.compress import compress

_MODULES = ("distill", "graph", "search")
_PUBLIC = {
    "ChannelPruning": "tfsparse.prune.channels.channel_pruning",
    "ConstantSparsity": "tfsparse.prune.schedules",
    "DiscriminationAwareChannelPruning": "tfsparse.prune.channels.dcp.callback",
    "ErrorCompensatedQuantization": "tfsparse.gradients.error_compensation",
    "ExclusiveSparsity": "tfsparse.prune.weights.regularizers",
    "GradualPruning": "tfsparse.prune.weights.gradual",
    "GroupExclusiveSparsity": "tfsparse.prune.weights.regularizers",
    "GroupSparsity": "tfsparse.prune.weights.regularizers",
    "Interpreter": "tfsparse.runtime.interpreter",
    "LowBitQuantization": "tfsparse.quantize.low_bit_quantization",
    "MeProp": "tfsparse.gradients.meprop",
    "PatternPruning": "tfsparse.prune.weights.pattern",
    "PolynomialDecay": "tfsparse.prune.schedules",
    "QuantizationAwareTraining": "tfsparse.quantize.quantization_aware_training",
    "RigL": "tfsparse.prune.weights.rigl",
    "Sensitivity": "tfsparse.prune.weights.sensitivity",
    "TernGrad": "tfsparse.gradients.terngrad",
    "TernaryQuantization": "tfsparse.quantize.ternary_quantization",
    "WeightSharing": "tfsparse.quantize.weight_sharing",
    "compress": "tfsparse.search.compress",
    "convert": "tfsparse.converter.convert",
    "densify": "tfsparse.converter.densify",
    "explain": "tfsparse.runtime.explain",
    "factorize": "tfsparse.factorization.factorize",
    "inspect": "tfsparse.inspection.inspect",
    "load_delegate": "tfsparse.runtime.delegate",
    "pack": "tfsparse.packing.pack",
    "prune_file": "tfsparse.prune.files.prune_file",
    "recalibrate_batchnorm": "tfsparse.prune.batchnorm",
    "sensitivity": "tfsparse.prune.weights.sensitivity",
    "shrink": "tfsparse.graph.shrink",
    "symmetric_padding": "tfsparse.graph.padding",
    "tune": "tfsparse.runtime.tune",
    "unpack": "tfsparse.packing.pack",
}

__all__ = [
    "ChannelPruning",
    "ConstantSparsity",
    "DiscriminationAwareChannelPruning",
    "ErrorCompensatedQuantization",
    "ExclusiveSparsity",
    "GradualPruning",
    "GroupExclusiveSparsity",
    "GroupSparsity",
    "Interpreter",
    "LowBitQuantization",
    "MeProp",
    "PatternPruning",
    "PolynomialDecay",
    "QuantizationAwareTraining",
    "RigL",
    "Sensitivity",
    "TernGrad",
    "TernaryQuantization",
    "WeightSharing",
    "compress",
    "convert",
    "densify",
    "distill",
    "explain",
    "factorize",
    "graph",
    "inspect",
    "load_delegate",
    "pack",
    "prune_file",
    "recalibrate_batchnorm",
    "search",
    "sensitivity",
    "shrink",
    "symmetric_padding",
    "tune",
    "unpack",
]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"tfsparse.{name}")
    if name == "__version__":
        return metadata.version("tfsparse")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tfsparse' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return [*__all__, "__version__"]
