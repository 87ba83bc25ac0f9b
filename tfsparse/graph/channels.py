"""Channels as labels, and the ties between them."""

import dataclasses
import operator
from typing import Any

import numpy as np

PRODUCER, FOLLOWER, CONSUMER = "producer", "follower", "consumer"


@dataclasses.dataclass(frozen=True, eq=False)
class Binding:
    """An axis of a weight, with the label of each of its positions."""

    role: str
    layer: Any
    weight: str
    axis: int
    labels: np.ndarray

    @property
    def variable(self):
        """The Keras variable."""
        return variable_of(self.layer, self.weight)


class Channels:
    """Labels of channels, in sets of tied labels: a union-find structure.

    Labels are ints; the channels of a tensor are an int array of the length of its last axis.

    Attributes:
        bindings: Dict from `(id(variable), axis)` to `Binding`.
        kernels: List of `(variable, positions, axes)`; see `multiply`.
        targets: Dict from the id of a Reshape that names its number of channels to their labels.
    """

    def __init__(self):
        self.bindings = {}
        self.kernels = []
        self.targets = {}
        self._parents = []
        self._reasons = {}
        self._opaque = {}

    def new(self, count):
        """Returns labels of new channels."""
        start = len(self._parents)
        self._parents.extend(range(start, start + count))
        return np.arange(start, start + count)

    def tie(self, first, second):
        """Ties channels in pairs. Either side is broadcast."""
        first, second = np.broadcast_arrays(first, second)
        differ = first != second
        for a, b in zip(first[differ].tolist(), second[differ].tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            # The oldest label is the root, which keeps channels in the order of the model.
            self._parents[max(a, b)] = min(a, b)

    def freeze(self, labels, reason):
        """Stores the reason why channels must stay."""
        for label in np.unique(labels).tolist():
            self._reasons.setdefault(label, reason)

    def bind(self, role, layer, weight, axis, labels):
        """Binds the positions on an axis of a weight to channels.

        A second call of a layer ties its channels to those of the first.

        Returns:
            The labels.
        """
        variable = variable_of(layer, weight)
        axis %= len(variable.shape)
        known = self.bindings.setdefault(
            (id(variable), axis), Binding(role, layer, weight, axis, labels)
        )
        self.tie(known.labels, labels)
        return labels

    def multiply(self, variable, positions, axes=None):
        """Notes the MACs of a call.

        Args:
            variable: Kernel.
            positions: Int, how often the call applies the kernel, or None if not known.
            axes: Tuple of ints, the axes of the kernel whose lengths count, by default all.
        """
        axes = range(len(variable.shape)) if axes is None else axes
        self.kernels.append((variable, positions, axes))

    def seal(self, layer, reason):
        """Freezes all channels of a layer's weights."""
        self._opaque.update((id(v), reason) for v in getattr(layer, "variables", ()))

    def resolve(self):
        """Numbers the channels from 0, in the order of the model.

        Returns:
            An int array from labels to channels, and a list with the reason why a channel must
            stay, or None.
        """
        for (variable, _), binding in self.bindings.items():
            if variable in self._opaque:
                self.freeze(binding.labels, self._opaque[variable])
        roots = np.array([self._root(label) for label in range(len(self._parents))], int)
        unique, channels = np.unique(roots, return_inverse=True)
        reasons = [None] * len(unique)
        for label, reason in self._reasons.items():
            reasons[channels[label]] = reasons[channels[label]] or reason
        return channels, reasons

    def _root(self, label):
        parents = self._parents
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label


def variable_of(layer, weight):
    """Returns the variable that is a layer's attribute, such as `"kernel"`."""
    return operator.attrgetter(weight)(layer)


def describe(operation):
    """Returns the name of a layer or an operation in errors."""
    return f"{operation.name!r} ({type(operation).__name__})"
