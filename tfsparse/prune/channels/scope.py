"""Which groups of channels a method may cut."""

from collections.abc import Mapping

import numpy as np

from tfsparse.formatting import listed
from tfsparse.graph import rules
from tfsparse.prune.scope_grammar import check_scope, match_patterns

# Groups that are not part of an addition; all groups.
GROUPS = ("inner", "all")
_ADDITIONS = ("Add", "Average", "Maximum", "Minimum", "Subtract")


def check_channel_scope(scope):
    """Raises a TypeError or ValueError if `select_groups` cannot take `scope`."""
    check_scope(scope, GROUPS, "a tfsparse.graph.ChannelGroup", "pruning ratio")


def select_groups(graph, scope):
    """Returns the groups of channels to cut, in the order of the model.

    Args:
        graph: `tfsparse.graph.ChannelGraph`.
        scope: `"inner"` for the groups that are not part of an addition, `"all"` for all groups
            that can be cut, a function that takes a `ChannelGroup` and returns a bool, or a mapping
            of layer-name patterns (as in `fnmatch`) to pruning ratios. The first pattern that
            matches a layer that makes the channels applies.

    Returns:
        Dict from `ChannelGroup` to its own pruning ratio, a float above 0, or None.

    Raises:
        ValueError: The scope or one of its patterns matches no group.
    """
    groups = [group for group in graph.groups if not group.frozen]
    if isinstance(scope, Mapping):
        names = {group: [place.layer.name for place in group.producers] for group in groups}
        nowhere = "matches no layer that makes channels of a group"
        chosen = match_patterns(scope, names, nowhere, _describe(groups))
    elif scope == "inner":
        added = _added_channels(graph)
        chosen = {g: None for g in groups if not np.isin(g.channels, added).any()}
    elif scope == "all":
        chosen = dict.fromkeys(groups)
    else:
        chosen = {group: None for group in groups if scope(group)}
    if not chosen:
        hint = " Use scope='all' to cut channels of additions." if scope == "inner" else ""
        raise ValueError(f"scope={scope!r} matches no group. {_describe(groups)}{hint}")
    return chosen


def _added_channels(graph):
    """Returns the channels of the outputs of additions, an int array."""
    added = [
        graph.channels_of(value)
        for call in graph.program.calls
        if rules.kind(call.operation) in _ADDITIONS and len(call.inputs) > 1
        for value in call.outputs
    ]
    return np.concatenate(added) if added else np.array([], int)


def _describe(groups):
    if not groups:
        return "The model has no group of channels that can be cut; tfsparse.graph says why."
    return f"Groups that can be cut: {listed(list(map(repr, groups)))}."
