"""Channels as labels, and what ties them to each other."""

import dataclasses
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
        return getattr(self.layer, self.weight)


class Channels:
    """Labels of channels, in sets of those that are one channel: a union-find structure.

    Labels are ints; the channels of a tensor are an int array of the length of its last axis.

    Attributes:
        bindings: Dict from `(id(variable), axis)` to `Binding`.
        kernels: List of `(variable, positions)`, each a kernel and how often a call applies it.
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
        """Returns the labels of as many channels as yet unknown."""
        start = len(self._parents)
        self._parents.extend(range(start, start + count))
        return np.arange(start, start + count)

    def tie(self, first, second):
        """Makes channels one, pair by pair. Either side is broadcast."""
        first, second = np.broadcast_arrays(first, second)
        differ = first != second
        for a, b in zip(first[differ].tolist(), second[differ].tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            # The oldest label is the root, which keeps channels in the order of the model.
            self._parents[max(a, b)] = min(a, b)

    def freeze(self, labels, reason):
        """Notes why channels must stay."""
        for label in np.unique(labels).tolist():
            self._reasons.setdefault(label, reason)

    def bind(self, role, layer, weight, axis, labels):
        """Says which channels the positions on an axis of a weight belong to.

        A layer that is called again ties its new channels to those it had.

        Returns:
            The labels.
        """
        variable = getattr(layer, weight)
        axis %= len(variable.shape)
        known = self.bindings.setdefault(
            (id(variable), axis), Binding(role, layer, weight, axis, labels)
        )
        self.tie(known.labels, labels)
        return labels

    def seal(self, layer, reason):
        """Notes that the weights of a layer must stay as they are, another layer's or its own."""
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


def describe(operation):
    """Returns what an error calls a layer or an operation."""
    return f"{operation.name!r} ({type(operation).__name__})"
