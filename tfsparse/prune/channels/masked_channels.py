"""The base class of methods that cut whole channels during training."""

import numpy as np

from tfsparse.graph import trace
from tfsparse.keras_models import strategy_of, student_of
from tfsparse.prune.channels.budget import amount_to_cut, check_amount
from tfsparse.prune.channels.scope import check_channel_scope, select_groups
from tfsparse.prune.masked_pruning import MaskedPruning
from tfsparse.prune.optimizers import zero_slots
from tfsparse.prune.schedules import ConstantSparsity, PolynomialDecay


class MaskedChannels(MaskedPruning):
    """A callback that keeps all weights of cut channels at zero.

    The weights that make and scale a channel are zeroed when it is cut. Only the weights that read
    channels have masks in the train step: if they are zero the channel gets no gradient, and an
    optimizer does not change zeros without gradient and slots.

    A method implements `_update`, finds the groups in `self._groups`, and calls `_cut`. Channels
    with only zeros count as cut, so that a resumed training keeps them.

    Args:
        scope: Which groups, as in `select_groups`.
        pruning_ratio, macs: The amount to cut, as in `check_amount`.
        begin: Where cutting begins, a position as in `PolynomialDecay`.
        end: Where it ends, or None to cut all in one step.
    """

    LOGGED = "pruning_ratio"

    def __init__(self, scope, pruning_ratio, macs, begin, end=None):
        check_channel_scope(scope)
        check_amount(pruning_ratio, macs, scope)
        self.target_pruning_ratio, self.target_macs = pruning_ratio, macs
        self.begin, self.end = begin, end
        self._macs = None
        super().__init__(scope, self._schedule_for(amount_to_cut(pruning_ratio, macs, scope)))

    @property
    def pruning_ratio(self) -> float:
        """The fraction of the channels in the scope that are cut, a float."""
        return self._reached

    @property
    def macs(self) -> float | None:
        """The fraction of the model's MACs that remains, a float, or None if unknown."""
        return self._macs

    def _schedule_for(self, amount):
        if self.end is None:
            return ConstantSparsity(amount, self.begin)
        return PolynomialDecay(amount, begin=self.begin, end=self.end)

    def _prune_one_shot(self):
        self._update(self.schedule.final_sparsity)

    def _attach(self, model, train_step=None):
        graph = _graph_of(model, train_step)
        groups = select_groups(graph, self.scope)
        self._detach()
        self._strategy = strategy_of(model)
        everything = {group: np.arange(group.size) for group in groups}
        self._graph, self._groups = graph, groups
        variables = [variable for variable, _ in graph.masks(everything)]
        readers = [place.variable for group in groups for place in group.consumers]
        self._attach_masks(model, train_step, variables, kind="channels", moved=readers)
        self._total = _macs(graph)
        amount = amount_to_cut(self.target_pruning_ratio, self.target_macs, self.scope, self._total)
        self.schedule = self._schedule_for(amount)

    def _forget(self):
        super()._forget()
        self._graph = self._strategy = self._total = None
        self._groups = {}

    def _cut(self, removed):
        """Replaces the masks by those of the cut channels.

        Args:
            removed: Dict from `ChannelGroup` to an int array, all its cut channels.
        """
        keeps = {id(variable): keep for variable, keep in self._graph.masks(removed)}
        lost = []
        for mask in self._masks:
            keep = keeps.get(id(mask.variable), np.ones(mask.variable.shape, bool))
            lost.append((mask.variable, mask.keep & ~keep))
            mask.assign(keep)
        # Momentum would make a channel nonzero in a later training without masks.
        zero_slots(getattr(self._masked_model, "optimizer", None), lost)
        self._averages.apply()
        self._reached = self._note(removed)

    def _measure(self):
        return self._note({group: np.flatnonzero(self._dead(group)) for group in self._groups})

    def _note(self, removed):
        """Stores the fraction of MACs that remains, and returns the fraction of channels cut."""
        if self._total:
            self._macs = self._graph.macs(removed) / self._total
        channels = sum(group.size for group in self._groups)
        return sum(len(gone) for gone in removed.values()) / channels

    def _pruning_ratios(self, groups, common):
        """Returns the pruning ratio of each group: a common one, or a fraction of its own."""
        final = self.schedule.final_sparsity
        own = (self._groups[group] for group in groups)
        return [common if ratio is None else common * ratio / final for ratio in own]

    def _dead(self, group):
        """Returns which channels of a group have only zero weights, a bool array."""
        masked = {id(mask.variable) for mask in self._masks}
        places = [place for place in group.places if id(place.variable) in masked]
        return ~np.any([place.weights().any(axis=1) for place in places], axis=0)

    def _log(self, logs):
        super()._log(logs)
        if logs is not None and self._macs is not None:
            logs["macs"] = self._macs


def _graph_of(model, train_step):
    model = student_of(model)
    if train_step is None:
        return trace(model)
    # Without compiling anew, a Sequential model may have got other layers.
    layers = tuple(map(id, model._flatten_layers()))
    return train_step.once(("graph", layers), lambda: trace(model))


def _macs(graph):
    try:
        return graph.macs()
    except ValueError:  # they depend on the size of the input
        return None
