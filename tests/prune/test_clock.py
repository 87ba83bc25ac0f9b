import types

import pytest

from tfsparse.prune.clock import StepClock


@pytest.mark.parametrize(
    "named",
    [
        pytest.param([2, 5, 7], id="the last batch of an execution"),
        pytest.param([0, 3, 6], id="the first, as Keras 3.1 does"),
    ],
)
def test_batches_of_an_execution_are_counted_whatever_keras_names_it_by(named):
    clock = StepClock({"epochs": 2, "steps": 8}, steps_per_execution=3)
    clock.start(types.SimpleNamespace(), 0)
    steps = []
    for epoch in range(2):
        clock.begin_epoch(epoch)
        for batch in named:
            clock.end_batch(batch)
            steps.append(clock.step)
        clock.end_epoch()
    assert steps == [3, 6, 8, 11, 14, 16]


def test_an_epoch_of_unknown_length_begins_at_step_0_whatever_its_first_execution_is_named():
    for first in (0, 2):
        clock = StepClock({"epochs": 2, "steps": None}, steps_per_execution=3)
        clock.start(types.SimpleNamespace(), first)
        clock.end_batch(2)
        clock.end_batch(5)
        assert clock.step == 6
        clock.end_epoch()
        assert clock.batches == 6
