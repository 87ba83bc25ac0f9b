"""The comparison of outputs finds what differs."""

import numpy as np
import pytest

from tests.delegate.runs import compare


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.int8([1, 2]), np.int8([1, 4])),
        (np.float32([1, 2]), np.float32([1, 2.01])),
        (np.float32([1, np.inf]), np.float32([1, 2])),
        (np.float32([1, 2.01, np.inf]), np.float32([1, 2, np.inf])),
        (np.float32([np.inf]), np.float32([-np.inf])),
        (np.float32([np.nan]), np.float32([1])),
        (np.float32([[1, 2]]), np.float32([1, 2])),
    ],
)
def test_finds_a_difference(actual, expected):
    with pytest.raises(AssertionError):
        compare({"output": actual}, {"output": expected})


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.int8([1, 2]), np.int8([1, 3])),
        (np.float32([1, 2]), np.float32([1, 2.00001])),
        (np.float32([1, np.inf]), np.float32([1, np.inf])),
    ],
)
def test_leaves_rounding(actual, expected):
    compare({"output": actual}, {"output": expected})
