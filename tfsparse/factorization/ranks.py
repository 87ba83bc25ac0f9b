"""Which ranks each layer gets."""

import math
from collections.abc import Mapping
from numbers import Integral

import numpy as np

from tfsparse.arguments import check_fraction, is_number
from tfsparse.factorization.evbmf import evbmf_rank
from tfsparse.prune.channels.budget import check_amount
from tfsparse.prune.scope_grammar import match_patterns

EVBMF = "evbmf"


def check_ranks(rank, energy, macs):
    """Raises a TypeError or ValueError unless at most one way to choose ranks is given, validly."""
    if sum(x is not None for x in (rank, energy, macs)) > 1:
        raise ValueError(
            f"Give one of rank, energy and macs. Received: rank={rank!r}, energy={energy!r}, "
            f"macs={macs!r}"
        )
    for one in rank.values() if isinstance(rank, Mapping) else [rank]:
        if one is not None:
            _check_rank(one, rank)
    if energy is not None:
        check_fraction("energy", energy)
    check_amount(None, macs, None)


def _check_rank(one, rank):
    if one == EVBMF:
        return
    good = is_number(one) and (one > 0 if isinstance(one, Integral) else 0 < one < 1)
    if not good:
        raise ValueError(
            "Expected rank to be 'evbmf', an int above 0, a float in (0, 1), which is a fraction "
            f"of the full rank, or a mapping of layer-name patterns to these. Received: {rank!r}"
        )


def choose(candidates, rank, energy, macs, multiple_of):
    """Returns the ranks of each candidate.

    Args:
        candidates: List of `Candidate`.
        rank, energy: As for `factorize`.
        macs: Float, the MACs that the candidates may have together, or None.
        multiple_of: Int; ranks are rounded up to a multiple of it, but not above the full rank.

    Returns:
        List of tuples of ints; None for a candidate that no pattern of `rank` matches.
    """
    if macs is not None:
        return _within(candidates, macs, multiple_of)
    if energy is not None:
        chosen = [[_rank_of_energy(s, energy) for s in x.spectra] for x in candidates]
    else:
        wanted = _by_layer(candidates, EVBMF if rank is None else rank)
        chosen = [
            None if one is None else _ranks_of(candidate, one)
            for candidate, one in zip(candidates, wanted, strict=True)
        ]
    return [
        None if ranks is None else _rounded(candidate, ranks, multiple_of)
        for candidate, ranks in zip(candidates, chosen, strict=True)
    ]


def _by_layer(candidates, rank):
    if not isinstance(rank, Mapping):
        return [rank] * len(candidates)
    names = {i: [x.layer.name, x.name] for i, x in enumerate(candidates)}
    described = f"Layers that can be factorised: {', '.join(x.name for x in candidates)}."
    numbers = {pattern: number for number, pattern in enumerate(rank, 1)}
    found = match_patterns(numbers, names, "matches no layer", described, "rank")
    values = list(rank.values())
    return [values[found[i] - 1] if i in found else None for i in names]


def _ranks_of(candidate, rank):
    if rank == EVBMF:
        return [evbmf_rank(matrix) for matrix in candidate.matrices]
    if isinstance(rank, Integral):
        return [int(rank)] * len(candidate.limits)
    # Of the matrix: a CP decomposition may have a higher rank.
    return [math.ceil(rank * len(spectrum)) for spectrum in candidate.spectra]


def _rank_of_energy(spectrum, energy):
    """Returns the least rank with a fraction of the sum of a spectrum."""
    return int(np.searchsorted(np.cumsum(spectrum), energy * np.sum(spectrum))) + 1


def _rounded(candidate, ranks, multiple_of):
    return tuple(
        min(max(1, math.ceil(rank / multiple_of)) * multiple_of, limit)
        for rank, limit in zip(ranks, candidate.limits, strict=True)
    )


def _within(candidates, macs, multiple_of):
    """Lowers ranks from the full ones until a number of MACs is reached.

    Each step lowers the rank with the least relative loss of energy per MAC, the greedy algorithm
    of Zhang et al. 2015, section 3.3.
    """
    spectra = [_spread(x) for x in candidates]
    ranks = [list(x.limits) for x in candidates]
    while sum(x.least_macs(r) for x, r in zip(candidates, ranks, strict=True)) > macs:
        steps = [
            (_loss(spectra[n][i], r[i], lower) / (x.macs_with(r) - x.macs_with(new)), n, new)
            for n, (x, r) in enumerate(zip(candidates, ranks, strict=True))
            for i in range(len(r))
            if (lower := _cheaper(x, r, i, multiple_of)) is not None
            for new in [[*r[:i], lower, *r[i + 1 :]]]
        ]
        if not steps:
            least = sum(x.least_macs(r) for x, r in zip(candidates, ranks, strict=True))
            raise ValueError(
                f"Expected macs that leave at least {least:,} to the layers in scope, which they "
                f"have with the lowest ranks. Received: {max(0, round(macs)):,} for them. Use a "
                "wider scope, or a smaller multiple_of."
            )
        _, number, new = min(steps)
        ranks[number] = new
    return [tuple(r) for r in ranks]


def _spread(candidate):
    """Returns the spectra with a value for each rank: a CP decomposition may have more of them."""
    return [
        np.interp(np.arange(limit) * len(spectrum) / limit, np.arange(len(spectrum)), spectrum)
        for spectrum, limit in zip(candidate.spectra, candidate.limits, strict=True)
    ]


def _cheaper(candidate, ranks, i, multiple_of):
    """Returns the next lower value of rank `i` that saves MACs, or None: of rings not each does."""
    lower = _lower(ranks[i], multiple_of)
    while lower and candidate.macs_with([*ranks[:i], lower, *ranks[i + 1 :]]) >= (
        candidate.macs_with(ranks)
    ):
        lower = _lower(lower, multiple_of)
    return lower


def _lower(rank, multiple_of):
    lower = (math.ceil(rank / multiple_of) - 1) * multiple_of
    return lower if lower > 0 else None


def _loss(spectrum, rank, lower):
    return float(np.sum(spectrum[lower:rank]) / max(np.sum(spectrum[:rank]), 1e-30))
