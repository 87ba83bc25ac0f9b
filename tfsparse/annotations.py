"""Types of arguments that several public functions take."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

PathLike: TypeAlias = str | os.PathLike
# keras.Model or tf_keras.Model: neither is imported for a name.
Model: TypeAlias = Any
# A name, a function of a layer, or patterns of layer names with amounts: see docs/vocabulary.md.
Scope: TypeAlias = str | Callable[[Any], bool] | Mapping[str, float]
# "evbmf", a number of factors, or a fraction of the full rank.
Rank: TypeAlias = str | int | float
# Shapes of inputs by name, or that of the only input.
Shapes: TypeAlias = Mapping[str, Iterable[int]] | Iterable[int]
# Output channels that share a pattern, or a pair of output and input channels.
BlockSize: TypeAlias = int | tuple[int, int]
# A float is a fraction of the training, an int a step.
Position: TypeAlias = float | int
# Examples of a model's inputs: arrays, a tf.data.Dataset, or other iterables.
Examples: TypeAlias = Any
# Inputs and labels: a tuple (x, y) of arrays, or an iterable of batches of both.
LabelledData: TypeAlias = Any
