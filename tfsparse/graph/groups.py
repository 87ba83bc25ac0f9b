"""Groups of channels, and their MACs."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsparse.annotations import Model
from tfsparse.graph import rules
from tfsparse.graph.calls import unroll
from tfsparse.graph.channels import CONSUMER, FOLLOWER, PRODUCER, Channels, describe, variable_of

# They are estimates, not parameters: a channel that is zero brings them to zero by itself.
_STATISTICS = "moving_mean", "moving_variance"


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """The positions of a group's channels on one axis of a weight.

    Attributes:
        layer: Keras layer.
        weight: Name of the layer's attribute, such as `"kernel"` or `"query_dense.kernel"`.
        axis: Int, the axis.
        indices: Int array [channels of the group, positions], the positions of each channel.
    """

    layer: Any
    weight: str
    axis: int
    indices: np.ndarray

    @property
    def variable(self) -> Any:
        """The Keras variable."""
        return variable_of(self.layer, self.weight)

    def weights(self) -> np.ndarray:
        """Returns the weights that belong to each channel, a float array [channels, weights]."""
        values = np.moveaxis(self.variable.numpy(), self.axis, 0)[self.indices]
        return values.reshape(len(self.indices), -1)


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Channels that pass through the same layers, each of which can be cut by itself.

    Attributes:
        channels: Int array, the numbers of the channels in the graph.
        frozen: None, or a sentence with the reason why they must stay.
        producers: List of `Place`, the kernels' axes that make the channels.
        followers: List of `Place`, the axes of weights that act on each channel separately.
        consumers: List of `Place`, the kernels' axes that sum over the channels.
    """

    channels: np.ndarray
    frozen: str | None
    producers: list
    followers: list
    consumers: list

    @property
    def size(self) -> int:
        """Number of channels, an int."""
        return len(self.channels)

    @property
    def places(self) -> list[Place]:
        """All places: a list of `Place`."""
        return self.producers + self.followers + self.consumers

    @property
    def layers(self) -> list[str]:
        """Names of the layers that the channels pass through, in the order of the places."""
        return list(dict.fromkeys(place.layer.name for place in self.places))

    def __repr__(self):
        made = " + ".join(dict.fromkeys(place.layer.name for place in self.producers))
        state = f", frozen: {self.frozen}" if self.frozen else ""
        return f"<ChannelGroup {made}, size={self.size}{state}>"


class ChannelGraph:
    """The channels of a model; see `trace`.

    Attributes:
        groups: List of `ChannelGroup`, in the order of the model.
        program: The model's calls.
        unfollowed: List of the calls that are not supported.
        reasons: List, for each channel None or the reason why it must stay.
    """

    def __init__(self, program: Any, unfollowed: list, channels: Any, labels: list) -> None:
        numbers, self.reasons = channels.resolve()
        self.program = program
        self.unfollowed = unfollowed
        self._values = [numbers[x] for x in labels]
        self._bindings = list(channels.bindings.values())
        self._numbers = {
            (id(b.variable), b.axis): numbers[b.labels] for b in channels.bindings.values()
        }
        self._targets = {layer: numbers[x] for layer, x in channels.targets.items()}
        self._kernels = channels.kernels
        self.groups = self._make_groups()

    def macs(self, removed: Mapping | None = None) -> int:
        """Returns the MACs of one inference of one example, an int.

        Those of convolutions, dense layers and attention are counted, borders that padding adds
        included; layers that cannot be followed add nothing.

        Args:
            removed: Mapping from groups to the channels cut from them: an array of positions in
                the group, or of one bool a channel. None for the model as it is.

        Raises:
            ValueError: The height or width of a layer's output is not known.
        """
        keep = ~self._is_removed(removed)
        total = 0
        for variable, positions, axes in self._kernels:
            if positions is None:
                raise ValueError(
                    f"The MACs of {variable.path} depend on the height and width of the "
                    "input, which the model leaves open. Build it with an Input of a fixed shape."
                )
            channels = [self.channels_at(variable, axis) for axis in axes]
            total += positions * math.prod(
                variable.shape[axis] if numbers is None else int(keep[numbers].sum())
                for axis, numbers in zip(axes, channels, strict=True)
            )
        return total

    def masks(self, removed: Mapping) -> list[tuple[Any, np.ndarray]]:
        """Returns the masks that cut channels: `(variable, keep)` pairs.

        They zero all parameters of the channels: those that make them, act on them and read them.
        With these masks the model has the same outputs as without the channels.

        Args:
            removed: Mapping from groups to channels; see `macs`.

        Returns:
            List of pairs of a Keras variable and a bool array of its shape, True where a weight is
            kept; one for each variable with pruned weights.
        """
        gone = self._is_removed(removed)
        masks = {}
        for binding in self._bindings:
            cut = gone[self._numbers[id(binding.variable), binding.axis]]
            if binding.weight in _STATISTICS or not cut.any():
                continue
            variable = binding.variable
            _, keep = masks.setdefault(id(variable), (variable, np.ones(variable.shape, bool)))
            np.moveaxis(keep, binding.axis, 0)[cut] = False
        return list(masks.values())

    def channels_of(self, value: int) -> np.ndarray:
        """Returns the channels of a value of the program, an int array."""
        return self._values[value]

    def channels_at(self, variable: Any, axis: int) -> np.ndarray | None:
        """Returns the channels along an axis of a variable, an int array, or None."""
        return self._numbers.get((id(variable), axis % len(variable.shape)))

    def channels_into(self, layer: Any) -> np.ndarray | None:
        """Returns the channels whose number is an argument of a Reshape layer, or None."""
        return self._targets.get(id(layer))

    def _is_removed(self, removed):
        gone = np.zeros(len(self.reasons), bool)
        for group, channels in (removed or {}).items():
            chosen = group.channels[np.asarray(channels, None if len(channels) else int)]
            if group.frozen and chosen.size:
                raise ValueError(f"Channels of {group!r} cannot be removed.")
            gone[chosen] = True
        return gone

    def _make_groups(self):
        """Groups channels that have the same places, with equal numbers of positions."""
        signatures = [[reason] for reason in self.reasons]
        for i, binding in enumerate(self._bindings):
            numbers = self._numbers[id(binding.variable), binding.axis]
            for channel, count in zip(*np.unique(numbers, return_counts=True), strict=True):
                signatures[channel].append((i, int(count)))
        members = {}
        for channel, signature in enumerate(signatures):
            members.setdefault(tuple(signature), []).append(channel)
        groups = []
        for (reason, *passed), channels in members.items():
            places = {PRODUCER: [], FOLLOWER: [], CONSUMER: []}
            for i, count in passed:
                places[self._bindings[i].role].append(self._place(i, channels, count))
            if places[PRODUCER]:
                groups.append(ChannelGroup(np.array(channels), reason, *places.values()))
        return groups

    def _place(self, i, channels, count):
        binding = self._bindings[i]
        numbers = self._numbers[id(binding.variable), binding.axis]
        order = np.argsort(numbers, kind="stable")
        first = np.searchsorted(numbers[order], channels)
        indices = order[first[:, None] + np.arange(count)]
        return Place(binding.layer, binding.weight, binding.axis, indices)


def trace(model: Model) -> "ChannelGraph":
    """Follows each channel of a model from the layers that make it to the layers that read it.

    Args:
        model: Built functional or Sequential Keras 3 model; nested models are included.

    Returns:
        A `ChannelGraph`. It refers to the model's variables, does not copy their values, and is
        valid as long as the model's layers are the same.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model is not built, or is subclassed.

    Example:

    ```python
    graph = tfsparse.graph.trace(model)
    for group in graph.groups:
        print(group.size, group.layers, group.frozen or "")
    ```
    """
    program = unroll(model)
    channels = Channels()
    labels = [None] * len(program.shapes)
    for value in program.entries[0][1]:
        labels[value] = rules.frozen(channels, program.shapes[value], "an input of the model")
    unfollowed = []
    for call in program.calls:
        inputs = [labels[x] for x in call.inputs]
        output = rules.follow(channels, call, inputs)
        if output is not None:
            labels[call.outputs[0]] = output
            continue
        unfollowed.append(call)
        reason = f"{describe(call.operation)} cannot be followed"
        channels.seal(call.operation, reason)
        for x in inputs:
            channels.freeze(x, reason)
        for value in call.outputs:
            labels[value] = rules.frozen(channels, program.shapes[value], reason)
    first = {}
    for nested, values in program.entries:
        # It is built again once, for all its calls.
        for known, value in zip(first.setdefault(id(nested), values), values, strict=True):
            channels.tie(labels[known], labels[value])
    for value in program.outputs:
        channels.freeze(labels[value], "an output of the model")
    return ChannelGraph(program, unfollowed, channels, labels)


def macs(model: Model) -> int:
    """Returns the MACs of one inference of one example, an int.

    Those of convolutions, dense layers and attention are counted, borders that padding adds
    included; layers that cannot be followed add nothing. One MAC is often counted as two FLOPs.

    Args:
        model: Built functional or Sequential Keras 3 model with a fixed height and width.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model is not built, is subclassed, or leaves its height or width open.
    """
    return trace(model).macs()
