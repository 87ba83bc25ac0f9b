"""Which layers a pruning method touches, and at which sparsity."""

import dataclasses
import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import tensorflow as tf

from tfsparse.arguments import check_sparsity
from tfsparse.keras_models import keras_of, walk

_LISTED = 20
_NAMES = ("pointwise", "all_but_first", "all")
_CONVOLUTIONS = ("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D")
_PRUNABLE = (*_CONVOLUTIONS, "Dense", "EinsumDense")


@dataclasses.dataclass(frozen=True)
class Target:
    """A layer to prune.

    Attributes:
        layer: Keras layer.
        name: Where the layer is in its model, such as `"conv2d"` or `"attention/query"`.
        sparsity: Float in [0, 1) if the scope gives the layer one of its own, else None.
    """

    layer: Any
    name: str
    sparsity: float | None = None

    @property
    def kernel(self):
        """The layer's kernel variable [..., inputs, outputs], of a separable one the pointwise."""
        return _kernel(self.layer)


def check_scope(scope):
    """Raises a TypeError or ValueError if `scope` is nothing that `select` takes."""
    if isinstance(scope, Mapping):
        check_mapping(scope, "sparsity", "sparsities")
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


def check_mapping(scope, one, many):
    """Raises a TypeError or ValueError unless `scope` maps patterns to fractions, one above 0.

    Args:
        scope: Mapping.
        one, many: What an error calls the fractions, such as "sparsity" and "sparsities".
    """
    for pattern, fraction in scope.items():
        if not isinstance(pattern, str):
            raise TypeError(
                f"Expected scope to map layer-name patterns to {many}. Received: {scope!r}"
            )
        check_sparsity(f"scope[{pattern!r}]", fraction)
    if not any(scope.values()):
        raise ValueError(f"Expected a {one} above 0 in scope. Received: {dict(scope)!r}")


def select(model, scope):
    """Returns the layers of a model to prune, each once, in the model's order.

    Layers are found at any depth, in nested and in subclassed models: Conv1D, Conv2D, Dense and
    EinsumDense (of which attention is made), and the pointwise kernels of SeparableConv1D and
    SeparableConv2D, if the kernel is a plain float variable. Any other layer stays dense.

    Args:
        model: Built Keras 3 or tf_keras model.
        scope: `"pointwise"` for 1x1 convolutions except a model's first convolution,
            `"all_but_first"` for all layers except that convolution, `"all"`, a function that
            takes a layer and returns a bool, or a mapping of layer-name patterns (as in `fnmatch`)
            to sparsities, of which the first that matches counts. A name is that of the layer
            alone, or with those that it is part of: `"query"` or `"attention/query"`.

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
        names = {layer: [layer.name, path] for layer, path in layers.items()}
        chosen = match_patterns(scope, names, "matches no layer", _describe(model, layers))
        return [Target(layer, layers[layer], sparsity) for layer, sparsity in chosen.items()]
    convolutions = [layer for layer in layers if _is_any(layer, keras, _CONVOLUTIONS)]
    if scope == "pointwise":
        chosen = [layer for layer in convolutions[1:] if set(_kernel(layer).shape[:-2]) == {1}]
    elif scope == "all_but_first":
        chosen = [layer for layer in layers if layer not in convolutions[:1]]
    elif scope == "all":
        chosen = layers
    else:
        chosen = [layer for layer in layers if scope(layer)]
    if not chosen:
        could_match = layers and isinstance(scope, str)
        hint = " Use scope='all' to prune every one of them." if could_match else ""
        raise ValueError(f"scope={scope!r} matches no layer. {_describe(model, layers)}{hint}")
    return [Target(layer, layers[layer]) for layer in chosen]


def first_convolution(model):
    """Returns the first convolution of a model in the model's order, or None."""
    keras = keras_of(model)
    layers = _prunable(model, keras)
    return next((layer for layer in layers if _is_any(layer, keras, _CONVOLUTIONS)), None)


def match_patterns(scope, names, nowhere, description):
    """Returns what a mapping gives to each thing that has names.

    Args:
        scope: Mapping from patterns (as in `fnmatch`) to fractions.
        names: Dict from things to lists of layer names.
        nowhere: What an error says of a pattern that matches no name.
        description: Sentence at the end of that error.

    Returns:
        Dict from those things whose first match is above 0 to that fraction.

    Raises:
        ValueError: A pattern matches no name.
    """
    every = [name for own in names.values() for name in own]
    for pattern in scope:
        if not any(fnmatchcase(name, pattern) for name in every):
            near = difflib.get_close_matches(pattern, every)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise ValueError(f"Pattern {pattern!r} in scope {nowhere}.{hint} {description}")
    fractions = {
        thing: next((f for p, f in scope.items() if any(fnmatchcase(n, p) for n in own)), 0)
        for thing, own in names.items()
    }
    return {thing: fraction for thing, fraction in fractions.items() if fraction > 0}


def listed(names):
    """Returns names as a list to read, not all of them if there are many."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _describe(model, layers):
    if not layers:
        return f"Model {model.name!r} has no layer that can be pruned: {', '.join(_PRUNABLE)}."
    names = listed(list(layers.values()))
    return f"Layers of model {model.name!r} that can be pruned: {names}."


def _prunable(model, keras):
    """Returns a dict from layers to where they are in the model, in its order."""
    return {
        layer: path
        for layer, path in walk(model)
        if _is_any(layer, keras, _PRUNABLE)
        # In tf_keras these are Conv1D and Conv2D too, with their kernels in another layout.
        and not _is_any(layer, keras, ("Conv1DTranspose", "Conv2DTranspose"))
        and layer.built
        # Neither LoRA's sum of two kernels nor a quantised kernel can be masked.
        and hasattr(_kernel(layer), "assign")
        and tf.as_dtype(_kernel(layer).dtype).is_floating
    }


def _is_any(layer, keras, kinds):
    return isinstance(layer, tuple(getattr(keras.layers, kind) for kind in kinds))


def _kernel(layer):
    return layer.pointwise_kernel if hasattr(layer, "pointwise_kernel") else layer.kernel
