"""How many channels go, and which."""

import numpy as np
import pytest

from tfsparse.prune.channels import widths

SCORES = [np.array([4.0, 1.0, 3.0, 2.0]), np.array([9.0, 8.0, 0.5, 7.0, 6.0, 5.0])]


def removed(cuts, multiple_of=1, scores=SCORES):
    return [sorted(gone) for gone in widths.remove_lowest(scores, cuts, multiple_of)]


def test_uniform_cuts_take_the_same_fraction_of_every_group():
    assert widths.uniform_cuts(SCORES, 0.5) == [2, 3]
    assert removed([2, 3]) == [[1, 3], [2, 4, 5]]


def test_uniform_cuts_take_a_rate_of_each_group():
    assert widths.uniform_cuts(SCORES, [0.25, 0.0]) == [1, 0]


def test_global_cuts_compare_all_channels():
    assert widths.global_cuts(SCORES, 0.4) == [3, 1]
    assert removed([3, 1]) == [[1, 2, 3], [2]]


def test_global_cuts_spare_what_every_group_keeps():
    assert widths.global_cuts(SCORES, 0.9) == [3, 5]
    assert widths.global_cuts(SCORES, 0.9, multiple_of=4) == [0, 2]


@pytest.mark.parametrize(("cut", "kept"), [(0, 6), (1, 4), (2, 4), (3, 2), (5, 2), (6, 2)])
def test_what_is_kept_is_rounded_down_to_a_multiple_but_not_to_nothing(cut, kept):
    assert len(removed([cut], 2, SCORES[1:])[0]) == 6 - kept


def test_a_group_that_loses_nothing_stays_whole_whatever_the_multiple():
    assert removed([0], 4, SCORES[1:]) == [[]]


def test_a_group_smaller_than_the_multiple_stays_whole():
    assert removed([3], 8, SCORES[:1]) == [[]]


def test_channels_that_are_gone_stay_away_whatever_is_asked_for():
    scores = [np.array([2.0, -np.inf, 3.0, -np.inf, 1.0])]
    for cut in (0, 1, 2):
        assert removed([cut], 1, scores) == [[1, 3]]
    assert removed([3], 1, scores) == [[1, 3, 4]]


@pytest.mark.parametrize("multiple_of", [1, 2])
@pytest.mark.parametrize("pruning_ratio", [0.0, 0.3, 0.5, 0.9])
def test_to_ask_again_removes_no_more(pruning_ratio, multiple_of):
    def cut(scores):
        cuts = widths.global_cuts(scores, pruning_ratio, multiple_of)
        return widths.remove_lowest(scores, cuts, multiple_of)

    first = cut(SCORES)
    rescored = [np.random.default_rng(0).random(s.size) for s in SCORES]
    for scores, gone in zip(rescored, first, strict=True):
        scores[gone] = -np.inf
    again = cut(rescored)
    assert [set(a.tolist()) for a in again] == [set(f.tolist()) for f in first]


def test_the_lowest_pruning_ratio_is_the_first_within_the_budget():
    assert widths.lowest_pruning_ratio(lambda ratio: 100 - 50 * ratio, 75, channels=10) == 0.5
    assert widths.lowest_pruning_ratio(lambda ratio: 100 - 50 * ratio, 74, channels=10) == 0.6
    assert widths.lowest_pruning_ratio(lambda ratio: 100, 100, channels=10) == 0
    assert widths.lowest_pruning_ratio(lambda ratio: 100, 50, channels=10) is None
