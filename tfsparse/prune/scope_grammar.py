"""The argument `scope` of every method: a name, a function, or a mapping of patterns."""

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase

from tfsparse.arguments import check_fraction

# 1x1 convolutions except the model's first convolution; 3x3 convolutions; every layer except the
# first convolution; every layer.
LAYERS = ("pointwise", "3x3", "all_but_first", "all")
# Of methods that mask weights, which prune depthwise convolutions where they are asked to.
LAYERS_AND_DEPTHWISE = (*LAYERS, "depthwise")
# Of methods that leave the last layer alone, too.
LAYERS_AND_INNER = (*LAYERS, "all_but_first_and_last")


def check_scope(scope, names=LAYERS, thing="a layer", amount="sparsity", no_mapping=None):
    """Raises a TypeError or ValueError unless `scope` is a name, a function or a mapping.

    Args:
        scope: Value to check.
        names: The valid names.
        thing: Description of a function's argument.
        amount: Description of a mapping's values: "sparsity" or "pruning ratio".
        no_mapping: Why the method takes no mapping, or None if it takes one.
    """
    if no_mapping is not None:
        _check_without_mapping(scope, names, thing, no_mapping)
        return
    many = {"sparsity": "sparsities", "pruning ratio": "pruning ratios"}[amount]
    if isinstance(scope, Mapping):
        _check_mapping(scope, amount, many)
    elif not callable(scope) and scope not in names:
        example = f", such as {{{scope!r}: 0.8}}" if isinstance(scope, str) else ""
        raise (ValueError if isinstance(scope, str) else TypeError)(
            f"Expected scope to be {', '.join(map(repr, names))}, a function of {thing}, or a "
            f"mapping of layer-name patterns to {many}{example}. Received: {scope!r}"
        )


def _check_without_mapping(scope, names, thing, reason):
    if isinstance(scope, Mapping):
        raise TypeError(
            f"Expected scope to be a name or a function of {thing}: {reason}. "
            f"Received: scope={dict(scope)!r}"
        )
    if not callable(scope) and scope not in names:
        raise (ValueError if isinstance(scope, str) else TypeError)(
            f"Expected scope to be {', '.join(map(repr, names))}, or a function of {thing}. "
            f"Received: {scope!r}"
        )


def _check_mapping(scope, amount, many):
    for pattern, fraction in scope.items():
        if not isinstance(pattern, str):
            raise TypeError(
                f"Expected scope to map layer-name patterns to {many}. Received: {scope!r}"
            )
        check_fraction(f"scope[{pattern!r}]", fraction)
    if not any(scope.values()):
        raise ValueError(f"Expected a {amount} above 0 in scope. Received: {dict(scope)!r}")


def matches(pattern, names):
    """Returns whether a pattern, as in `fnmatch`, matches one of some names."""
    return any(fnmatchcase(name, pattern) for name in names)


def match_patterns(scope, names, nowhere, description, argument="scope"):
    """Returns the value of a mapping for each thing with names.

    Args:
        scope: Mapping from patterns (as in `fnmatch`) to fractions, or other numbers above 0.
        names: Dict from things to lists of layer names.
        nowhere: Predicate of the error for a pattern that matches no name.
        description: Last sentence of that error.
        argument: What the error calls the mapping.

    Returns:
        Dict from things to the fraction of their first match, if that is above 0.

    Raises:
        ValueError: A pattern matches no name.
    """
    every = [name for own in names.values() for name in own]
    for pattern in scope:
        if not matches(pattern, every):
            near = difflib.get_close_matches(pattern, every)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise ValueError(f"Pattern {pattern!r} in {argument} {nowhere}.{hint} {description}")
    fractions = {
        thing: next((fraction for p, fraction in scope.items() if matches(p, own)), 0)
        for thing, own in names.items()
    }
    return {thing: fraction for thing, fraction in fractions.items() if fraction > 0}
