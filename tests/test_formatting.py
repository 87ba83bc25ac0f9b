"""Numbers for people: few digits, and always some that mean something."""

import json

import numpy as np
import pytest

from tfsparse import formatting


def test_json_has_null_for_numbers_that_are_not_finite():
    value = {"errors": [1e-7, np.inf, (np.nan, -np.inf)], "name": "m", "count": np.float64(2.5)}

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    read = json.loads(formatting.to_json(value), parse_constant=refuse)
    assert read == {"errors": [1e-7, None, [None, None]], "name": "m", "count": 2.5}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.00432, "0.00432"), (7.0251, "7.03"), (26.21, "26.2"), (1234.5, "1,234")],
)
def test_three_digits_are_significant(value, expected):
    assert formatting.significant(value) == expected


def test_sizes_counts_and_times_have_units():
    assert [formatting.byte_size(n) for n in (0, 300, 1_240, 1_240_000)] == [
        *("0 B", "300 B", "1.24 kB", "1.24 MB")
    ]
    assert [formatting.count(n) for n in (0, 536_576, 12_345_678, 4_100_000_000)] == [
        *("0", "536,576", "12.3 M", "4.10 G")
    ]
    assert [formatting.duration(s) for s in (2.5, 0.0124, 3.2e-6, 4.32e-8, 0)] == [
        *("2.50 s", "12.4 ms", "3.20 µs", "43.2 ns", "0 ns")
    ]


def test_one_thing_is_no_plural():
    assert [formatting.number_of(n, "part") for n in (0, 1, 2, 1234)] == [
        *("0 parts", "1 part", "2 parts", "1,234 parts")
    ]


def test_operators_are_numbered_within_the_file():
    assert [formatting.operator_number(0, 7), formatting.operator_number(2, 7)] == ["7", "2:7"]
