import dataclasses

import pytest

from tests.search.test_cost_table import TABLE
from tfsparse.search import TargetOutOfReachError
from tfsparse.search.targets import Target, check_reachable, parse


@pytest.mark.parametrize(
    ("given", "quantity", "budget"),
    [
        ({"latency": 0.5}, "latency", 4.0),
        ({"latency_ms": 3}, "latency", 3e-3),
        ({"size": 0.25}, "size", 2.0),
        ({"size_bytes": 1000}, "size", 1000),
        ({"archive": 0.1}, "archive", 0.8),
        ({"archive_bytes": 500}, "archive", 500),
        ({"macs": 0.1}, "macs", 0.8),
        ({"macs_count": 5}, "macs", 5),
    ],
)
def test_targets_are_fractions_or_amounts(given, quantity, budget):
    target = parse(given)
    assert target.quantity == quantity
    assert target.budget(8.0) == pytest.approx(budget)


def test_a_loss_of_accuracy_is_a_target_too():
    assert parse({"accuracy_loss": 0.01}) == Target("latency", loss=0.01)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (0.5, TypeError, "Received: 0.5"),
        ({}, ValueError, "Expected one of latency, size, archive, macs"),
        ({"latency": 0.5, "size": 0.5}, ValueError, "Expected one of latency"),
        ({"watts": 3}, ValueError, "Received: {'watts': 3}"),
        ({"latency": "half"}, TypeError, "Expected a number for target 'latency'"),
        ({"latency": 2}, ValueError, "For an amount use one of latency_ms"),
        ({"latency_ms": 0}, ValueError, "latency_ms to be above 0"),
        ({"accuracy_loss": -0.1}, ValueError, "accuracy_loss to be at least 0"),
    ],
)
def test_other_targets_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        parse(given)


def test_what_is_out_of_reach_is_said_with_the_nearest_and_what_holds_it():
    check_reachable(2.5e-3, 6e-3, TABLE)
    with pytest.raises(TargetOutOfReachError) as caught:
        check_reachable(1e-3, 5e-3, TABLE)
    message = str(caught.value)
    assert "a latency of 1.00 ms, is out of reach" in message
    assert "2.50 ms, which is 0.50 of the dense model's 5.00 ms" in message
    assert "1.00 ms are of operators that pruning leaves" in message
    assert "a 1.00 ms, b 500 µs" in message


def test_of_whole_files_it_is_not_said_what_holds_the_least():
    layers = tuple(dataclasses.replace(one, costs=(1e-3, 5e-4, 0.0)) for one in TABLE.layers)
    table = dataclasses.replace(TABLE, layers=layers, pruned="channels")
    with pytest.raises(TargetOutOfReachError, match=r"every group .* cheapest sparsity\.$"):
        check_reachable(5e-4, 5e-3, table)
