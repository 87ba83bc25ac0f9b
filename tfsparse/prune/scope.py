"""The layers that a method prunes, and the amount for each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfsparse.formatting import listed
from tfsparse.keras_models import keras_of, student_of, walk
from tfsparse.prune.scope_grammar import match_patterns

_CONVOLUTIONS = ("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D")
_PRUNABLE = (*_CONVOLUTIONS, "Dense", "EinsumDense")


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
        """The layer's kernel [..., inputs, outputs], of a separable layer the pointwise one."""
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


def select(model, scope):
    """Returns the layers of a model to prune, each once, in the model's order.

    Layers are found at any depth, in nested and in subclassed models: Conv1D, Conv2D, Dense,
    EinsumDense (used in attention), and the pointwise kernels of SeparableConv1D and
    SeparableConv2D, if the kernel is a plain float variable. Other layers stay dense.

    Args:
        model: Built Keras 3 or tf_keras model; of a distiller the student is meant.
        scope: One of `scope_grammar.LAYERS`, `"all_but_first_and_last"`, `"all_but_last"`, a
            function that takes a layer and returns a bool, or a mapping of layer-name patterns to
            sparsities. A pattern matches a layer's name or path: `"query"` or `"attention/query"`.

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
    if isinstance(scope, Mapping):
        names = {layer: [layer.name, path] for layer, path in layers.items()}
        chosen = match_patterns(scope, names, "matches no layer", _describe(model, layers))
        return [Target(layer, layers[layer], amount) for layer, amount in chosen.items()]
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
    layers = _prunable(student_of(model), keras)
    return next((layer for layer in layers if _is_any(layer, keras, _CONVOLUTIONS)), None)


def _describe(model, layers):
    if not layers:
        return f"Model {model.name!r} has no layer that can be pruned: {', '.join(_PRUNABLE)}."
    names = listed(list(layers.values()))
    return f"Layers of model {model.name!r} that can be pruned: {names}."


def _prunable(model, keras):
    """Returns a dict from layers to their paths in the model, in its order."""
    return {
        layer: path
        for layer, path in walk(model)
        if _is_any(layer, keras, _PRUNABLE)
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
    return layer.pointwise_kernel if hasattr(layer, "pointwise_kernel") else layer.kernel


def _channel_axes(layer, rank):
    """Returns the axes of a kernel that are output channels, and those that are input channels.

    Neighbours along the last of each are neighbouring channels. An `EinsumDense` may have no axis
    of either.
    """
    equation = getattr(layer, "equation", None)
    if equation is None:
        return [rank - 1], [rank - 2]
    operands, output = equation.split("->")
    letters = list(enumerate(operands.split(",")[1].strip()))
    return (
        [axis for axis, letter in letters if letter in output],
        [axis for axis, letter in letters if letter not in output],
    )
