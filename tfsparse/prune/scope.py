"""Which layers a pruning method touches, and at which sparsity."""

import dataclasses
import difflib
import importlib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import tensorflow as tf

from tfsparse.schedules import check_sparsity

_LISTED_LAYERS = 20
_NAMES = ("pointwise", "all_but_first", "all")


@dataclasses.dataclass(frozen=True)
class Target:
    """A layer to prune.

    Attributes:
        layer: Keras layer.
        sparsity: Float in [0, 1) if the scope gives the layer one of its own, else None.
    """

    layer: Any
    sparsity: float | None = None

    @property
    def kernel(self):
        """The layer's kernel variable, HWIO for a convolution and IO for a dense layer."""
        return self.layer.kernel


def check_scope(scope):
    """Raises a TypeError or ValueError if `scope` is nothing that `select` takes."""
    if isinstance(scope, Mapping):
        for pattern, sparsity in scope.items():
            if not isinstance(pattern, str):
                raise TypeError(
                    f"Expected scope to map layer-name patterns to sparsities. Received: {scope!r}"
                )
            check_sparsity(f"scope[{pattern!r}]", sparsity)
        if not any(scope.values()):
            raise ValueError(f"Expected a sparsity above 0 in scope. Received: {dict(scope)!r}")
    elif isinstance(scope, str):
        if scope not in _NAMES:
            raise ValueError(
                "Expected scope to be 'pointwise', 'all_but_first', 'all', a function of a layer, "
                f"or a mapping of layer-name patterns to sparsities, such as {{{scope!r}: 0.8}}. "
                f"Received: {scope!r}"
            )
    elif not callable(scope):
        raise TypeError(
            "Expected scope to be 'pointwise', 'all_but_first', 'all', a function of a layer, or a "
            f"mapping of layer-name patterns to sparsities. Received: {scope!r}"
        )


def select(model, scope):
    """Returns the layers of a model to prune, each once, in the model's order.

    Layers are found at any depth, in nested and in subclassed models. Only Conv2D and Dense layers
    whose kernel is a plain float variable are considered; any other layer stays dense.

    Args:
        model: Built Keras 3 or tf_keras model.
        scope: `"pointwise"` for 1x1 convolutions except a model's first convolution,
            `"all_but_first"` for all layers except that convolution, `"all"`, a function that
            takes a layer and returns a bool, or a mapping of layer-name patterns (as in `fnmatch`)
            to sparsities, of which the first that matches counts.

    Returns:
        List of `Target`.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: The model is not built, or the scope or one of its patterns matches no layer.
    """
    keras = keras_of(model)
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} is not built, so it has no weights to prune yet. Call "
            "model.build(input_shape), or the model on a batch, first."
        )
    layers = _prunable(model, keras)
    if isinstance(scope, Mapping):
        return _match_patterns(model, layers, scope)
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    if scope == "pointwise":
        chosen = [layer for layer in convolutions[1:] if tuple(layer.kernel.shape[:2]) == (1, 1)]
    elif scope == "all_but_first":
        chosen = [layer for layer in layers if layer not in convolutions[:1]]
    elif scope == "all":
        chosen = layers
    else:
        chosen = [layer for layer in layers if scope(layer)]
    if not chosen:
        hint = " Use scope='all' to prune every one of them." if isinstance(scope, str) else ""
        raise ValueError(f"scope={scope!r} matches no layer. {_describe(model, layers)}{hint}")
    return [Target(layer) for layer in chosen]


def first_convolution(model):
    """Returns the first Conv2D layer of a model in the model's order, or None."""
    keras = keras_of(model)
    layers = _prunable(model, keras)
    return next((layer for layer in layers if isinstance(layer, keras.layers.Conv2D)), None)


def _match_patterns(model, layers, scope):
    for pattern in scope:
        if not any(fnmatchcase(layer.name, pattern) for layer in layers):
            near = difflib.get_close_matches(pattern, [layer.name for layer in layers])
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise ValueError(
                f"Pattern {pattern!r} in scope matches no layer.{hint} {_describe(model, layers)}"
            )
    matches = (
        Target(layer, next((s for p, s in scope.items() if fnmatchcase(layer.name, p)), 0))
        for layer in layers
    )
    return [target for target in matches if target.sparsity > 0]


def _describe(model, layers):
    if not layers:
        return f"Model {model.name!r} has no Conv2D or Dense layer that can be pruned."
    names = [layer.name for layer in layers]
    listed = ", ".join(names[:_LISTED_LAYERS])
    more = f" and {len(names) - _LISTED_LAYERS} more" if len(names) > _LISTED_LAYERS else ""
    return f"Layers of model {model.name!r} that can be pruned: {listed}{more}."


def keras_of(model):
    """Returns the package the model was made with, `keras` or `tf_keras`."""
    for cls in type(model).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in ("keras", "tf_keras"):
            keras = importlib.import_module(package)
            if package == "keras" and keras.config.backend() != "tensorflow":
                raise ValueError(
                    "Expected Keras to run on TensorFlow: set the environment variable "
                    f"KERAS_BACKEND=tensorflow. Received: {keras.config.backend()!r}"
                )
            return keras
    raise TypeError(f"Expected a Keras 3 or tf_keras model. Received: {type(model)}")


def _prunable(model, keras):
    kinds = keras.layers.Conv2D, keras.layers.Dense
    return [
        layer
        for layer in walk(model)
        if isinstance(layer, kinds)
        # In tf_keras this is a Conv2D too, with its kernel in another layout.
        and not isinstance(layer, keras.layers.Conv2DTranspose)
        and layer.built
        # Neither LoRA's sum of two kernels nor a quantised kernel can be masked.
        and hasattr(layer.kernel, "assign")
        and tf.as_dtype(layer.kernel.dtype).is_floating
    ]


def walk(layer, seen=None):
    """Yields the layers inside a model or layer, at any depth, each once, in the model's order."""
    seen = set() if seen is None else seen
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if id(child) not in seen:
            seen.add(id(child))
            yield child
            yield from walk(child, seen)
