"""Gives strided convolutions the same padding on all sides."""

import dataclasses

import keras

from tfsparse.annotations import Model
from tfsparse.graph import rules
from tfsparse.graph.calls import unroll
from tfsparse.graph.cloning import Chain, clone_graph
from tfsparse.graph.compiling import compile_like
from tfsparse.graph.equivalence import check_outputs
from tfsparse.graph.rebuilding import copy_state, is_own, renew
from tfsparse.keras_models import strategy_of

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
_CLASSES = tuple(getattr(keras.layers, name) for name in _CONVOLUTIONS)


def symmetric_padding(model: Model) -> Model:
    """Returns the model with zeros on all four sides of the images that strided convolutions read.

    Of an image with an even size, `padding="same"` with strides of 2 pads below and on the right
    alone. TFLite's default, XNNPACK, has a sparse mode on ARM and in browsers, which takes the same
    padding on all sides only.

    - A `Conv2D`, `DepthwiseConv2D` or `SeparableConv2D` with strides and `padding="same"` becomes a
      `ZeroPadding2D` and the same layer with `padding="valid"`. A kernel of size k gets (k - 1) / 2
      zeros on each side. Where "same" pads both sides alike, as for images of an odd size, it gets
      as many as before and its output stays the same.
    - A `ZeroPadding2D` that pads two sides differently, in front of a strided convolution with
      `padding="valid"` that alone reads it, pads both alike if the size of the output stays the
      same. Most of `keras.applications` have such.

    Shapes and weights stay the same. Where the padding changes, the convolution reads an image that
    is moved by one pixel, or by more for larger strides: train the result for a short time.
    Layers stay as they are if no symmetric padding keeps the size of their output: those with
    kernels of even size on some images, and a `ZeroPadding2D` for images of open size.

    The result is a plain Keras model with the same layers and names, and one more `ZeroPadding2D`
    for each layer that had `padding="same"`, named after it. It is compiled like the model, with
    a new optimizer. The model itself does not change.

    Args:
        model: Built functional or Sequential Keras 3 model; nested models are included.

    Returns:
        A new Keras model.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model is not built, or is subclassed; a custom layer is or contains a
            strided convolution, or cannot be copied.
        NotImplementedError: A custom layer has no `get_config` and needs one.

    Example:

    ```python
    padded = tfsparse.symmetric_padding(model)
    padded.fit(x, y, epochs=1, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    tfsparse.convert(padded, "model.tflite")
    ```
    """
    program = unroll(model)
    _refuse_hidden_convolutions(program)
    if any(map(is_own, model._flatten_layers(include_self=False))):
        check_outputs(model, _rebuild(model, program, {}))
    padded = _rebuild(model, program, _plan(program))
    compile_like(model, padded)
    return padded


@dataclasses.dataclass(frozen=True)
class _Axis:
    """A convolution along the height or the width of an image.

    Attributes:
        size: Of the image without padding, or None.
        kernel, stride: Of the convolution.
    """

    size: int | None
    kernel: int
    stride: int

    def instead_of_same(self):
        """Returns how many zeros on each side replace `padding="same"`, or None."""
        if self.size is not None:
            outputs = -(-self.size // self.stride)
            total = max((outputs - 1) * self.stride + self.kernel - self.size, 0)
            if total % 2 == 0:
                return total // 2
        return None if self.kernel % 2 == 0 else self.kernel // 2

    def instead_of(self, before, after):
        """Returns how many zeros on each side replace others, or None."""
        each = -(-(before + after) // 2)
        if 2 * each == before + after:
            return each
        sizes = [before + after, 2 * each]
        outputs = {self.size and (self.size + pad - self.kernel) // self.stride for pad in sizes}
        return each if self.size is not None and len(outputs) == 1 else None


def _plan(program):
    """Returns a dict from `id(layer)` to the padding that replaces a layer's own."""
    found = {}
    for call in program.calls:
        kind, layer = rules.kind(call.operation), call.operation
        if kind in _CONVOLUTIONS and layer.padding == "same" and max(layer.strides) > 1:
            pads = [axis.instead_of_same() for axis in _axes(layer, call.shapes[0])]
            found.setdefault(id(layer), []).append(pads)
        elif kind == "ZeroPadding2D":
            found.setdefault(id(layer), []).append(_instead_of_zeros(program, call))
    # A layer that is called several times has one padding.
    return {
        key: tuple(pads[0])
        for key, pads in found.items()
        if None not in pads[0] and all(other == pads[0] for other in pads)
    }


def _instead_of_zeros(program, call):
    """Returns how a ZeroPadding2D can pad both sides alike, [None] if it cannot or does."""
    readers = [other for other in program.calls if call.outputs[0] in other.inputs]
    padding = call.operation.padding
    if all(before == after for before, after in padding):
        return [None]
    if len(readers) != 1 or call.outputs[0] in program.outputs:
        return [None]
    reader = readers[0].operation
    is_strided = rules.kind(reader) in _CONVOLUTIONS and max(reader.strides) > 1
    if not is_strided or reader.padding != "valid":
        return [None]
    axes = _axes(reader, call.shapes[0])
    return [axis.instead_of(*sides) for axis, sides in zip(axes, padding, strict=True)]


def _axes(layer, shape):
    sizes = shape[1:3] if layer.data_format == "channels_last" else shape[2:4]
    return list(map(_Axis, sizes, layer.kernel_size, layer.strides))


def _rebuild(model, program, plan):
    names = {layer.name for layer in model._flatten_layers()}

    def make(operation):
        pads = plan.get(id(operation))
        if pads is None:
            return renew(operation)
        if rules.kind(operation) == "ZeroPadding2D":
            return renew(operation, {"padding": pads})
        valid = renew(operation, {"padding": "valid"})
        zeros = keras.layers.ZeroPadding2D(
            pads,
            data_format=operation.data_format,
            name=_free_name(f"{operation.name}_padding", names),
            dtype=operation.dtype_policy,
        )
        return Chain([zeros, valid] if any(pads) else [valid])

    padded, pairs = clone_graph(model, program, make)
    with strategy_of(model).scope():
        for old, new in pairs:
            copy_state(old, new.layers[-1] if isinstance(new, Chain) else new)
    return padded


def _free_name(name, taken):
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _refuse_hidden_convolutions(program):
    for call in program.calls:
        layer = call.operation
        if rules.kind(layer) in _CONVOLUTIONS or not isinstance(layer, keras.layers.Layer):
            continue
        for inner in layer._flatten_layers():
            if isinstance(inner, _CLASSES) and inner.padding == "same" and max(inner.strides) > 1:
                raise ValueError(
                    "Expected strided convolutions with padding='same' to be Keras's own layers of "
                    f"a functional or a Sequential model. Received: {inner.name!r} "
                    f"({type(inner).__name__}) in {layer.name!r} ({type(layer).__name__}), a layer "
                    "whose call cannot be read. Give it padding='valid' and zero padding in its "
                    "call, or build it from layers with keras.Model(inputs, outputs)."
                )
