import types

import pytest

from tfsparse.prune.clock import StepClock


@pytest.mark.parametrize(
    ("named", "counted"),
    [
        pytest.param([2, 5, 7], [3, 6, 8], id="by the last batch"),
        pytest.param([0, 3, 6], [3, 6, 8], id="by the first batch, as Keras 3.1 does"),
        pytest.param([0, 3], [3, 6], id="and not if it is cut short"),
    ],
)
def test_executions_are_counted_whatever_keras_names_them_by(named, counted):
    clock = StepClock({"epochs": 2, "steps": 8}, steps_per_execution=3)
    clock.start(types.SimpleNamespace(), 0)
    for epoch in range(2):
        clock.begin_epoch(epoch)
        for batch, steps in zip(named, counted, strict=True):
            clock.end_batch(batch)
            assert clock.step == 8 * epoch + steps
        clock.end_epoch()
        assert clock.step == 8 * (epoch + 1)


def test_an_epoch_that_stops_an_execution_early_ends_where_it_stopped():
    clock = StepClock({"epochs": 3, "steps": 8}, steps_per_execution=2)
    clock.start(types.SimpleNamespace(), 0)
    clock.end_batch(5)
    clock.end_epoch()
    assert clock.step == 6


def test_an_epoch_of_unknown_length_begins_at_step_0_whatever_its_first_execution_is_named():
    for first in (0, 2):
        clock = StepClock({"epochs": 2, "steps": None}, steps_per_execution=3)
        clock.start(types.SimpleNamespace(), first)
        clock.end_batch(2)
        clock.end_batch(5)
        assert clock.step == 6
        clock.end_epoch()
        assert clock.batches == 6
