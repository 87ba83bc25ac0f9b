"""The layers of a model that can be factorised."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from tfsparse.factorization import decompositions
from tfsparse.factorization.structures import count_macs, structure_for
from tfsparse.graph import rules
from tfsparse.graph.calls import count_positions


@dataclasses.dataclass(eq=False)
class Candidate:
    """A layer that can be factorised.

    Attributes:
        layer: Keras Conv2D or Dense.
        name: Its path in the model.
        structure: What it is factorised into, see `structures`.
        positions: Pair of ints, the positions of its input and of its output. If they are not
            known, those for one position of the output.
        calls: Int, how often the model calls it.
        responses: The eigenvalues of the responses' covariance, in place of those of the weights;
            or None.
    """

    layer: Any
    name: str
    structure: Any
    positions: tuple
    calls: int
    responses: np.ndarray | None = None

    @functools.cached_property
    def kernel(self):
        """The kernel (height, width, inputs, outputs), a float64 array."""
        kernel = self.layer.kernel.numpy().astype(np.float64)
        return kernel if kernel.ndim == 4 else kernel[None, None]

    @functools.cached_property
    def matrices(self):
        """The matrices of which each rank is one, a list."""
        return self.structure.matrices(self.kernel)

    @functools.cached_property
    def limits(self):
        """The highest useful ranks, a list of ints."""
        return self.structure.limits(self.kernel.shape)

    @functools.cached_property
    def spectra(self):
        """The energies that each rank is chosen by, a list of arrays, the largest first."""
        if self.responses is not None:
            return [self.responses[: self.limits[0]]]
        return [decompositions.spectrum(matrix) for matrix in self.matrices]

    @property
    def macs(self):
        """The MACs of the layer as it is, an int."""
        return self.kernel.size * self.positions[1] * self.calls

    def stages(self, ranks):
        """Returns the list of `Stage` for some ranks."""
        return self.structure.stages(self.kernel.shape, ranks)

    def macs_with(self, ranks):
        """Returns the MACs of the layers that would take its place, an int."""
        return count_macs(self.stages(ranks), self.positions) * self.calls

    def least_macs(self, ranks):
        """Returns the MACs of these layers, or of the layer as it is if that has fewer."""
        return min(self.macs, self.macs_with(ranks))


def find(program, targets, method, seed):
    """Returns the layers that can be factorised, and why others cannot.

    Args:
        program: The `Program` of the model.
        targets: List of `tfsparse.prune.scope.Target`.
        method: Name of the method.
        seed: Int, for CP.

    Returns:
        List of `Candidate`, and a dict from names of layers to reasons.
    """
    calls = {}
    for call in program.calls:
        calls.setdefault(id(call.operation), []).append(call)
    found, left = [], {}
    for target in targets:
        own = calls.get(id(target.layer), [])
        reason = _obstacle(target.layer, own)
        if reason:
            left[target.name] = reason
            continue
        structure = structure_for(method, target.layer, own[0].shapes[0], seed)
        positions = _positions(target.layer, own[0])
        found.append(Candidate(target.layer, target.name, structure, positions, len(own)))
    return found, left


def _obstacle(layer, calls):
    """Returns why a layer cannot be factorised, or None."""
    if not calls:
        return "it is inside of another layer"
    if rules.kind(layer) not in ("Conv2D", "Dense"):
        return f"its class is {type(layer).__name__}, not Conv2D or Dense"
    if getattr(layer, "groups", 1) > 1:
        return f"it has {layer.groups} groups"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its data format is channels_first"
    if any(call.constants or len(call.inputs) != 1 for call in calls):
        return "it is called with further arguments"
    return None


def _positions(layer, call):
    found = count_positions(call.shapes[0]), count_positions(call.output_shape)
    if None in found:
        return math.prod(getattr(layer, "strides", (1, 1))), 1
    return found
