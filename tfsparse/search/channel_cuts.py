"""Models with fewer channels, and their files: what a search for channels compares."""

import dataclasses
import functools
import os
import tempfile

from tfsparse.converter.convert import convert
from tfsparse.graph import trace
from tfsparse.graph.shrink import shrink
from tfsparse.prune.channels import importance, widths
from tfsparse.prune.channels.scope import check_channel_scope, select_groups
from tfsparse.prune.weights.sensitivity import measure_alone
from tfsparse.search.measured import Variants


@dataclasses.dataclass(frozen=True)
class CuttableGroup:
    """A group of channels that a search may cut.

    Attributes:
        name: That of the first layer that makes the channels, with a number if there are several.
        size: Number of channels.
    """

    name: str
    size: int


def groups_in(model, scope):
    """Returns a list of the `CuttableGroup`s of a model that a scope of `ChannelPruning` selects.

    Raises:
        ValueError: The scope matches no group, or the model is not built or is subclassed.
    """
    check_channel_scope(scope)
    graph = trace(model)
    selected = select_groups(graph, scope)
    return [
        CuttableGroup(name, group.size)
        for name, group in _by_name(graph).items()
        if group in selected
    ]


def cut(model, sparsities):
    """Cuts the least important channels of a model, by the L1 norm of the weights that make them.

    Args:
        model: Built functional or Sequential Keras 3 model. It does not change.
        sparsities: Dictionary from names of groups to the fractions of their channels to cut. One
            channel of each stays.

    Returns:
        The smaller model, compiled as `model`; `model` itself if nothing is to be cut.
    """
    if not any(sparsities.values()):
        return model
    before = model.get_weights()
    try:
        _zero(trace(model), sparsities)
        return shrink(model)
    finally:
        model.set_weights(before)


def channel_sensitivity(model, data, names, sparsities, batch_size):
    """Measures the loss with each group of channels cut alone, as `tfsparse.sensitivity` does.

    Args:
        model: Compiled Keras 3 model.
        data: As for `tfsparse.sensitivity`.
        names: Names of groups.
        sparsities: Tuple of floats above 0, the fractions of channels.
        batch_size: Int, for arrays.

    Returns:
        A `Sensitivity`.
    """
    graph = trace(model)
    groups = _by_name(graph)
    return measure_alone(
        model,
        data,
        {name: groups[name].size for name in names},
        sparsities,
        lambda number, sparsity: _zero(graph, {names[number]: sparsity}),
        metric="loss",
        higher_is_better=False,
        batch_size=batch_size,
    )


class MeasuredChannels(Variants):
    """A model from which files with fewer channels are made; as `Measured` for zeros in layers.

    Args:
        model: Built functional or Sequential Keras 3 model.
        scope: Which groups of channels, as for `ChannelPruning`.
        weights: `"float32"` or `"int8"`.
        representative_dataset: As for `tfsparse.convert`.

    Attributes:
        layers: List of `CuttableGroup`.
        weights: The type of the files' weights.
    """

    pruned = "channels"
    # Without zeros the default may be faster, and runs them then as it will run the result.
    delegate_options = None

    def __init__(self, model, scope="all", weights="float32", representative_dataset=None):
        self._model = model
        self.layers = groups_in(model, scope)
        self.weights = weights
        self._options = {"weights": weights, "representative_dataset": representative_dataset}

    def variant(self, sparsities, block_size=(1, 1)):
        """Returns the bytes of the file of a smaller model.

        Args:
            sparsities: The fraction of the channels of each of `layers` that is cut.
            block_size: Of zeros, of which there are none.
        """
        smaller = cut(self._model, self._named(sparsities))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "smaller.tflite")
            convert(smaller, path, **self._options)
            with open(path, "rb") as file:
                return file.read()

    def num_macs(self, sparsities):
        """Returns the MACs of this file, counted without making it."""
        graph = self._graph
        saved = graph.macs() - graph.macs(_chosen(graph, self._named(sparsities)))
        return sum(self.macs.values()) - saved

    @functools.cached_property
    def _graph(self):
        return trace(self._model)

    def _named(self, sparsities):
        names = (layer.name for layer in self.layers)
        return dict(zip(names, sparsities, strict=True))


def _by_name(graph):
    """The groups that can be cut by their names, in the order of the model."""
    groups = {}
    for group in graph.groups:
        if group.frozen:
            continue
        made_by = group.producers[0].layer.name
        name, number = made_by, 1
        while name in groups:
            number += 1
            name = f"{made_by} {number}"
        groups[name] = group
    return groups


def _chosen(graph, sparsities):
    """The least important channels of some groups, a dictionary from groups to int arrays."""
    groups = _by_name(graph)
    chosen = {groups[name]: sparsity for name, sparsity in sparsities.items() if sparsity}
    scores = [importance.l1(group) for group in chosen]
    cuts = widths.uniform_cuts(scores, list(chosen.values()))
    return dict(zip(chosen, widths.remove_lowest(scores, cuts), strict=True))


def _zero(graph, sparsities):
    """Zeroes all weights of the least important channels."""
    for variable, keep in graph.masks(_chosen(graph, sparsities)):
        variable.assign(variable.numpy() * keep)
