"""The layers that a method prunes, and the amount for each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfsparse.formatting import listed
from tfsparse.keras_models import keras_of, student_of, walk
from tfsparse.prune.scope_grammar import match_patterns, matches

_CONVOLUTIONS = ("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D")
_PRUNABLE = (*_CONVOLUTIONS, "Dense", "EinsumDense")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")


@dataclasses.dataclass(frozen=True)
class Target:
    """A layer to prune.

    Attributes:
        layer: Keras layer.
        name: Path of the layer in its model, such as `"conv2d"` or `"attention/query"`.
        amount: Float in (0, 1) if the scope is a mapping, else None.
    """

    layer: Any
    name: str
    amount: float | None = None

    @property
    def kernel(self):
        """The layer's kernel [..., inputs, outputs], of a separable layer the pointwise one.

        Of a depthwise layer [..., inputs, multiplier].
        """
        return kernel_of(self.layer)

    def block_shape(self, block_size):
        """Returns the size of a block along each axis of the kernel.

        Args:
            block_size: Pair of ints, output and input channels.
        """
        shape = [1] * len(self.kernel.shape)
        axes_of_both = _channel_axes(self.layer, len(shape))
        for size, axes in zip(block_size, axes_of_both, strict=True):
            for axis in axes[-1:]:
                shape[axis] = size
        return tuple(shape)


def select(model, scope, depthwise=False):
    """Returns the layers of a model to prune, each once, in the model's order.

    Layers are found at any depth, in nested and in subclassed models: Conv1D, Conv2D, Dense,
    EinsumDense (used in attention), and the pointwise kernels of SeparableConv1D and
    SeparableConv2D, if the kernel is a plain float variable. Other layers stay dense.

    DepthwiseConv1D and DepthwiseConv2D have few weights, which hardly anybody wants to lose: they
    are pruned only where the scope asks for them alone, by the name `"depthwise"`, by a pattern
    that matches no other layer, or by a function that chooses no other.

    Args:
        model: Built Keras 3 or tf_keras model; of a distiller the student is meant.
        scope: One of `scope_grammar.LAYERS`, `"all_but_first_and_last"`, `"all_but_last"`, a
            function that takes a layer and returns a bool, or a mapping of layer-name patterns to
            sparsities. A pattern matches a layer's name or path: `"query"` or `"attention/query"`.
        depthwise: Whether the scope may ask for depthwise layers.

    Returns:
        List of `Target`.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: The model is not built, or the scope or one of its patterns matches no layer.
    """
    keras, model = keras_of(model), student_of(model)
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} is not built, so it has no weights to prune yet. Call "
            "model.build(input_shape), or the model on a batch, first."
        )
    layers = _prunable(model, keras)
    depthwise_layers = _prunable(model, keras, _DEPTHWISE) if depthwise else {}
    if isinstance(scope, Mapping):
        return _match(scope, layers, depthwise_layers, _describe(model, layers))
    convolutions = [layer for layer in layers if _is_any(layer, keras, _CONVOLUTIONS)]
    if scope == "pointwise":
        chosen = [layer for layer in convolutions[1:] if set(kernel_of(layer).shape[:-2]) == {1}]
    elif scope == "3x3":
        chosen = [layer for layer in convolutions if tuple(kernel_of(layer).shape[:-2]) == (3, 3)]
    elif scope == "all_but_first":
        chosen = [layer for layer in layers if layer not in convolutions[:1]]
    elif scope == "all_but_first_and_last":
        chosen = list(layers)[1:-1]
    elif scope == "all_but_last":
        chosen = list(layers)[:-1]
    elif scope == "all":
        chosen = layers
    elif scope == "depthwise":
        chosen = depthwise_layers
    else:
        chosen = list(filter(scope, layers)) or list(filter(scope, depthwise_layers))
    if not chosen:
        could_match = layers and isinstance(scope, str)
        hint = " Use scope='all' to prune every one of them." if could_match else ""
        raise ValueError(f"scope={scope!r} matches no layer. {_describe(model, layers)}{hint}")
    paths = layers | depthwise_layers
    return [Target(layer, paths[layer]) for layer in chosen]


def _match(scope, layers, depthwise_layers, description):
    names = {layer: [layer.name, path] for layer, path in (layers | depthwise_layers).items()}
    amounts = match_patterns(scope, names, "matches no layer", description)
    others = [name for layer in layers for name in names[layer]]
    alone = {pattern: a for pattern, a in scope.items() if not matches(pattern, others)}
    depthwise_names = {layer: names[layer] for layer in depthwise_layers}
    chosen = {layer: amount for layer, amount in amounts.items() if layer in layers}
    chosen |= match_patterns(alone, depthwise_names, "matches no layer", description)
    return [Target(layer, names[layer][1], amount) for layer, amount in chosen.items()]


def first_convolution(model):
    """Returns the first convolution of a model in the model's order, or None."""
    keras = keras_of(model)
    layers = _prunable(student_of(model), keras)
    return next((layer for layer in layers if _is_any(layer, keras, _CONVOLUTIONS)), None)


def _describe(model, layers):
    if not layers:
        return f"Model {model.name!r} has no layer that can be pruned: {', '.join(_PRUNABLE)}."
    names = listed(list(layers.values()))
    return f"Layers of model {model.name!r} that can be pruned: {names}."


def _prunable(model, keras, kinds=_PRUNABLE):
    """Returns a dict from layers of these kinds to their paths in the model, in its order."""
    return {
        layer: path
        for layer, path in walk(model)
        if _is_any(layer, keras, kinds)
        # In tf_keras these are subclasses of Conv1D and Conv2D, with kernels in another layout.
        and not _is_any(layer, keras, ("Conv1DTranspose", "Conv2DTranspose"))
        and layer.built
        # Neither LoRA's sum of two kernels nor a quantised kernel can be masked.
        and hasattr(kernel_of(layer), "assign")
        and tf.as_dtype(kernel_of(layer).dtype).is_floating
    }


def _is_any(layer, keras, kinds):
    return isinstance(layer, tuple(getattr(keras.layers, kind) for kind in kinds))


def kernel_of(layer):
    """Returns the kernel of a layer, of a separable one the pointwise kernel."""
    # tf_keras names that of a depthwise layer, and of a separable one the other, differently.
    names = ("pointwise_kernel", "kernel", "depthwise_kernel")
    return next(getattr(layer, name) for name in names if hasattr(layer, name))


def _channel_axes(layer, rank):
    """Returns the axes of a kernel that are output channels, and those that are input channels.

    Neighbours along the last of each are neighbouring channels. An `EinsumDense` may have no axis
    of either, and the weights of a depthwise layer are in no product that blocks make faster.
    """
    if _is_any(layer, keras_of(layer), _DEPTHWISE):
        return [], []
    equation = getattr(layer, "equation", None)
    if equation is None:
        return [rank - 1], [rank - 2]
    operands, output = equation.split("->")
    letters = list(enumerate(operands.split(",")[1].strip()))
    return (
        [axis for axis, letter in letters if letter in output],
        [axis for axis, letter in letters if letter not in output],
    )
