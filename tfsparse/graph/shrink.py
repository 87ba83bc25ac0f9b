"""Removes the channels of a model that have no effect."""

import dataclasses

import keras
import numpy as np

from tfsparse.annotations import Model
from tfsparse.graph import ChannelGraph, constants, rules, trace
from tfsparse.graph.channels import variable_of
from tfsparse.graph.cloning import clone_graph, input_like
from tfsparse.graph.compiling import compile_like
from tfsparse.graph.equivalence import check_outputs
from tfsparse.graph.rebuilding import copy_state, renew
from tfsparse.keras_models import strategy_of

# What each layer makes its channels with: the argument that counts them, the kernel, its axis.
_SIZES = {
    "Dense": ("units", "kernel", 1),
    "MultiHeadAttention": ("num_heads", "query_dense.kernel", 1),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), ("filters", "kernel", -1)),
    **dict.fromkeys(
        ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), ("filters", "kernel", -2)
    ),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("filters", "pointwise_kernel", -1)),
}


def shrink(model: Model) -> Model:
    """Returns a smaller model with the same outputs, without the channels that have no effect.

    A channel is removed if, at every layer that reads it, either

    - its weights are zero, after channel pruning or unstructured pruning, or only lead to removed
      channels; or
    - it has the same value for every input, because the weights that make it are zero, and this
      value is zero or can be added exactly to the reading layer's bias, or to the statistics
      of the BatchNormalization after it. With zero padding in between, the value must be zero.

    All weights of a channel are removed: see `tfsparse.graph`. Channels at the model's inputs
    and outputs, and at layers that are not supported, stay, and so does one channel of each group.

    The result is a plain Keras model with the same layers and names, and with fewer filters
    and units. Activations, initializers, regularizers and constraints are those of the model, and
    so are its compiled losses and metrics; the optimizer is new. If the model is not compiled, the
    result is not. The model itself does not change. A layer without a bias gets one if it has to
    store a constant.

    Args:
        model: Built functional or Sequential Keras 3 model; nested models are included.

    Returns:
        A new Keras model. In inference its outputs are those of `model` up to rounding.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model is not built, or is subclassed; or a layer cannot be copied, and
            outputs on random inputs differ.
        NotImplementedError: A custom layer has no `get_config` and needs one.

    Example:

    ```python
    tfsparse.GradualPruning(final_sparsity=0.95).apply(model)
    smaller = tfsparse.shrink(model)
    print(model.count_params(), smaller.count_params())
    print(tfsparse.graph.macs(model), tfsparse.graph.macs(smaller))
    ```
    """
    graph = trace(model)
    readings = _agree(constants.find(graph))
    live = _live(graph, readings)
    keep = live.copy()
    for group in graph.groups:
        if not live[group.channels].any():
            keep[group.channels[0]] = True
    state = _State(graph, live, keep, _corrections(graph, readings, live))
    return _rebuild(model, state)


@dataclasses.dataclass(frozen=True, eq=False)
class _State:
    """What becomes of a model's channels.

    Attributes:
        graph: `ChannelGraph`.
        live: Bool array, which channels do something.
        keep: Bool array, which channels stay: those, and one of each group that has none.
        corrections: Dict, see `_corrections`.
    """

    graph: ChannelGraph
    live: np.ndarray
    keep: np.ndarray
    corrections: dict

    def count(self, channels):
        """Returns how many of these channels stay, an int."""
        return int(self.keep[channels].sum())


def _agree(readings):
    """Drops constants that differ between the calls of a layer: it has one bias for all."""
    first = {}
    for reading in readings:
        known = first.setdefault(id(reading.call.operation), reading.values.copy())
        known[known != reading.values] = np.nan
    return [dataclasses.replace(r, values=first[id(r.call.operation)]) for r in readings]


def _live(graph, readings):
    """Returns which channels do something: those whose change an output could show."""
    live = np.array([reason is not None for reason in graph.reasons])
    before = -1
    while before != live.sum():
        before = live.sum()
        for reading in reversed(readings):
            outputs = live[graph.channels_of(reading.call.outputs[0])]
            unsure = np.isnan(reading.values) & ~live[reading.channels]
            needed = reading.used[unsure][:, outputs].any(axis=1)
            live[reading.channels[unsure][needed]] = True
    return live


def _corrections(graph, readings, live):
    """Returns what to add to weights in place of constants that go.

    Returns:
        Dict from `id(variable)`, or from `id(layer)` for a layer that has no bias yet, to a float
        array of the layer's outputs.
    """
    corrections = {}
    for reading in readings:
        layer = reading.call.operation
        lost = reading.share(~live[reading.channels])
        if not lost[live[graph.channels_of(reading.call.outputs[0])]].any():
            continue
        norm = None if layer.use_bias else _normalization_after(graph, reading.call)
        if layer.use_bias:
            corrections[id(layer.bias)] = lost
        elif norm is not None:
            corrections[id(norm.moving_mean)] = -lost
        else:
            corrections[id(layer)] = lost
    return corrections


def _normalization_after(graph, call):
    """Returns the BatchNormalization that alone reads what a layer makes, or None."""
    calls = graph.program.calls
    followers = [c for c in calls if call.outputs[0] in c.inputs]
    if len(followers) != 1 or call.outputs[0] in graph.program.outputs:
        return None
    norm = followers[0].operation
    once = all(sum(c.operation is x for c in calls) == 1 for x in (call.operation, norm))
    linear = call.operation.activation is keras.activations.linear
    return norm if once and linear and rules.kind(norm) == "BatchNormalization" else None


def _rebuild(model, state):
    entries = {id(nested): values for nested, values in state.graph.program.entries}

    def make_input(original, position):
        channels = state.graph.channels_of(entries[id(original)][position])
        return input_like(original.inputs[position], state.count(channels))

    smaller, made = clone_graph(model, state.graph.program, lambda x: _clone(x, state), make_input)
    with strategy_of(model).scope():
        for old, new in made:
            _set_weights(old, new, state)
    compile_like(model, smaller)
    check_outputs(model, smaller)
    return smaller


def _clone(operation, state):
    """Returns a layer or an operation like another, with as many channels as stay."""
    changes = _sizes(operation, state)
    if id(operation) in state.corrections:
        changes["use_bias"] = True
    return renew(operation, changes)


def _sizes(layer, state):
    """Returns the arguments of a layer that its channels decide."""
    graph, kind = state.graph, rules.kind(layer)
    if kind == "Reshape" and graph.channels_into(layer) is not None:
        kept = state.count(graph.channels_into(layer))
        return {"target_shape": (*layer.target_shape[:-1], kept)}
    if kind not in _SIZES:
        return {}
    argument, weight, axis = _SIZES[kind]
    channels = graph.channels_at(variable_of(layer, weight), axis)
    if channels is None:
        return {}
    sizes = {argument: state.count(channels)}
    if getattr(layer, "groups", 1) > 1 and graph.channels_at(layer.kernel, -2) is None:
        sizes["groups"] = sizes["filters"] * layer.groups // layer.filters
    return sizes


def _set_weights(old, new, state):
    """Gives a layer the weights of another, of which it has all channels or those that stay."""
    graph, keep = state.graph, state.keep
    axes = {
        id(variable): [graph.channels_at(variable, axis) for axis in range(len(variable.shape))]
        for variable in old.variables
    }
    has_channels = any(channels is not None for found in axes.values() for channels in found)
    if not has_channels:
        copy_state(old, new)
        return
    inner, new_inner = (x._flatten_layers(include_self=False, recursive=False) for x in (old, new))
    for source, target in zip(inner, new_inner, strict=True):
        _set_weights(source, target, state)
    if id(old) in state.corrections:
        _, weight, axis = _SIZES[rules.kind(old)]
        outputs = graph.channels_at(getattr(old, weight), axis)
        new.bias.assign(state.corrections[id(old)][keep[outputs]])
    # Where there is a new bias, it comes last.
    for source, target in zip(_own_variables(old), _own_variables(new), strict=False):
        values = source.numpy()
        if id(source) in state.corrections:
            values = values + state.corrections[id(source)].astype(values.dtype)
        for axis, channels in enumerate(axes[id(source)]):
            if channels is not None:
                values = np.compress(keep[channels], values, axis)
                # A dead channel that stays may be a constant which was moved, and count twice.
                np.moveaxis(values, axis, 0)[~state.live[channels[keep[channels]]]] = 0
        target.assign(values)


def _own_variables(layer):
    """Returns the variables of a layer without those of layers that it holds."""
    inner = layer._flatten_layers(include_self=False, recursive=False)
    of_inner = {id(variable) for x in inner for variable in x.variables}
    return [variable for variable in layer.variables if id(variable) not in of_inner]
