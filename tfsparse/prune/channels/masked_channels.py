"""What the methods share that cut whole channels while a model trains."""

import numpy as np

from tfsparse.graph import trace
from tfsparse.keras_models import strategy_of
from tfsparse.prune.channels.scope import select_groups
from tfsparse.prune.masked_pruning import MaskedPruning
from tfsparse.prune.optimizers import zero_slots


class MaskedChannels(MaskedPruning):
    """A callback that holds chosen channels at zero wherever they are made, scaled and read.

    A method implements `_update`, finds the groups in `self._groups`, and calls `_cut`. All
    channels that are zero already are gone: a training that is resumed goes on with them.

    Args:
        scope: Which groups, as `select_groups` takes it.
        schedule: See `MaskedPruning`. Where it ends is what `apply` prunes to.
    """

    def __init__(self, scope, schedule):
        super().__init__(scope, schedule)
        self._multiply_adds = None

    @property
    def sparsity(self):
        """The fraction of the channels in the scope that are cut, a float."""
        return self._sparsity

    @property
    def multiply_adds(self):
        """The fraction of the model's multiply-adds that remains, a float, or None if unknown."""
        return self._multiply_adds

    def _cut_at_once(self, model):
        """Cuts what the schedule ends with, and leaves a plain model."""
        return self._prune_at_once(model, lambda: self._update(self.schedule.final_sparsity))

    def _attach(self, model, train_step=None):
        graph = trace(model)
        groups = select_groups(graph, self.scope)
        self._detach()
        self._strategy = strategy_of(model)
        everything = {group: np.arange(group.size) for group in groups}
        self._graph, self._groups = graph, groups
        variables = [variable for variable, _ in graph.masks(everything)]
        self._attach_masks(model, train_step, variables, kind="channels")
        self._total = _multiply_adds(graph)

    def _forget(self):
        super()._forget()
        self._graph = self._strategy = self._total = None
        self._groups = {}

    def _cut(self, removed):
        """Replaces the masks by those that hold channels at zero.

        Args:
            removed: Dict from `ChannelGroup` to an int array, all channels that it has lost.
        """
        keeps = {id(variable): keep for variable, keep in self._graph.masks(removed)}
        lost = []
        for mask in self._masks:
            keep = keeps.get(id(mask.variable), np.ones(mask.variable.shape, bool))
            lost.append((mask.variable, mask.keep & ~keep))
            mask.assign(keep)
        # Its momentum would bring a channel back in a later training without masks.
        zero_slots(getattr(self._masked_model, "optimizer", None), lost)
        self._averages.apply()
        self._sparsity = self._note(removed)

    def _measure(self):
        return self._note({group: np.flatnonzero(self._dead(group)) for group in self._groups})

    def _note(self, removed):
        """Notes what remains of the multiply-adds, and returns the fraction of channels removed."""
        if self._total:
            self._multiply_adds = self._graph.multiply_adds(removed) / self._total
        channels = sum(group.size for group in self._groups)
        return sum(len(gone) for gone in removed.values()) / channels

    def _rates(self, groups, rate):
        """Returns the rate of each group at a common rate, its share of it if it has its own."""
        final = self.schedule.final_sparsity
        own = (self._groups[group] for group in groups)
        return [rate if r is None else rate * r / final for r in own]

    def _dead(self, group):
        """Returns which channels of a group are zero in all their places, a bool array."""
        masked = {id(mask.variable) for mask in self._masks}
        places = [place for place in group.places if id(place.variable) in masked]
        return ~np.any([place.weights().any(axis=1) for place in places], axis=0)

    def _log(self, logs):
        if logs is not None:
            logs["channel_sparsity"] = self._sparsity
            if self._multiply_adds is not None:
                logs["multiply_adds"] = self._multiply_adds


def _multiply_adds(graph):
    try:
        return graph.multiply_adds()
    except ValueError:  # they depend on the size of the input
        return None
