import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsparse import ConstantSparsity, PolynomialDecay
from tfsparse.prune import schedules
from tfsparse.prune.update_schedules import CosineDecay, Progress


def test_polynomial_decay_rises_from_initial_to_final_sparsity():
    schedule = PolynomialDecay(0.8, initial_sparsity=0.2, begin=100, end=300, frequency=50)
    assert schedule(99) == (False, 0.0)
    assert schedule(100) == (True, pytest.approx(0.2))
    assert schedule(200) == (True, pytest.approx(0.8 - 0.6 * 0.5**3))
    assert schedule(300) == (True, 0.8)
    assert schedule(301) == (False, 0.8)


def test_sparsity_stays_between_two_updates():
    schedule = PolynomialDecay(0.8, begin=0, end=1000, frequency=100)
    assert schedule(637) == (False, schedule(600)[1])


def test_the_last_update_needs_no_multiple_of_the_frequency():
    schedule = PolynomialDecay(0.8, begin=0, end=130, frequency=100)
    assert [step for step in range(200) if schedule(step)[0]] == [0, 100, 130]


@pytest.mark.parametrize(("end", "updates"), [(10_000, 101), (400, 6), (10, 6)])
def test_updates_are_frequent_enough_by_default(end, updates):
    schedule = PolynomialDecay(0.8, begin=0, end=end)
    assert sum(schedule(step)[0] for step in range(end + 1)) == updates


def test_fractions_become_steps_of_the_whole_training():
    schedule = PolynomialDecay(0.8, begin=0.1, end=0.5)
    assert schedules.needs_total(schedule)
    assert schedule.in_steps(1000) == PolynomialDecay(0.8, begin=100, end=500)
    assert ConstantSparsity(0.5, begin=0.5).in_steps(10) == ConstantSparsity(0.5, begin=5)
    # The nearest step: 0.29 * 100 is 28.999999999999996.
    assert ConstantSparsity(0.5, begin=0.29).in_steps(100) == ConstantSparsity(0.5, begin=29)


@pytest.mark.parametrize("begin", [0, 0.0])
@pytest.mark.parametrize("end", [50, 0.5])
def test_the_start_of_the_training_goes_with_steps_and_with_fractions(begin, end):
    assert PolynomialDecay(0.8, begin=begin, end=end).in_steps(100).end == 50


def test_fractions_without_a_length_are_an_error():
    with pytest.raises(ValueError, match=r"end=0.75 is a fraction of the training"):
        PolynomialDecay(0.8)(10)


def test_constant_sparsity_prunes_once():
    schedule = ConstantSparsity(0.5, begin=2)
    assert [schedule(step) for step in range(4)] == [
        (False, 0.0),
        (False, 0.0),
        (True, 0.5),
        (False, 0.5),
    ]
    assert not schedules.needs_total(ConstantSparsity(0.5))


@settings(deadline=None)  # a machine under load is slow, not wrong
@given(
    final=st.floats(0, 0.99),
    initial=st.floats(0, 1),
    steps=st.tuples(st.integers(0, 500), st.integers(0, 500)).map(sorted),
    frequency=st.none() | st.integers(1, 200),
    power=st.floats(0.5, 5),
)
def test_sparsity_never_falls_and_changes_only_in_updates(final, initial, steps, frequency, power):
    schedule = PolynomialDecay(final, initial * final, *steps, power, frequency)
    sparsity = 0.0
    for step in range(steps[1] + 2):
        should_prune, now = schedule(step)
        assert now >= sparsity - 1e-12
        assert should_prune or now == sparsity
        sparsity = now
    assert sparsity == final


@pytest.mark.parametrize(
    "schedule",
    [PolynomialDecay(0.8, 0.1, 0.2, 0.6, 2, 10), ConstantSparsity(0.5, 100)],
    ids=lambda schedule: type(schedule).__name__,
)
def test_config_restores_a_schedule(schedule):
    assert type(schedule).from_config(schedule.get_config()) == schedule


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"final_sparsity": 1.0}, r"final_sparsity to be in \[0, 1\).*nothing is left.*: 1.0"),
        ({"final_sparsity": -0.1}, r"final_sparsity to be in \[0, 1\)"),
        ({"final_sparsity": 80}, r"Received: 80"),
        ({"final_sparsity": float("nan")}, "Received: nan"),
        ({"initial_sparsity": 0.9}, "initial_sparsity to be at most final_sparsity"),
        ({"begin": 0.6, "end": 0.5}, "begin=0.6, end=0.5"),
        ({"begin": 20, "end": 10}, "begin=20, end=10"),
        ({"end": 1.5}, r"fraction of the training in \[0, 1\]; a step is given as an int"),
        ({"end": -1}, "step of at least 0"),
        ({"power": 0}, "power to be a positive number"),
        ({"frequency": 0}, "frequency to be a positive int"),
        ({"frequency": 0.1}, "frequency to be a positive int"),
    ],
)
def test_bad_values_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PolynomialDecay(**{"final_sparsity": 0.8} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"final_sparsity": "80%"}, "final_sparsity to be a float.*'80%'"),
        ({"final_sparsity": True}, "final_sparsity to be a float"),
        ({"begin": None}, "begin to be a fraction .* or a step"),
        ({"begin": 10, "end": 0.5}, "both fractions .* or both steps"),
    ],
)
def test_nonsense_types_are_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        PolynomialDecay(**{"final_sparsity": 0.8} | arguments)


def test_tfmot_schedules_are_read_as_ours():
    tfmot = pytest.importorskip("tensorflow_model_optimization").sparsity.keras
    theirs = tfmot.PolynomialDecay(0.2, 0.8, begin_step=10, end_step=50, frequency=20)
    ours = PolynomialDecay(0.8, 0.2, begin=10, end=50, frequency=20)
    adapted = schedules.in_steps(theirs)
    for step in (0, 9, 10, 30, 50, 51, 100):
        assert adapted(step) == (ours(step)[0], pytest.approx(ours(step)[1]))
    assert adapted.end == 50
    assert schedules.final_sparsity(theirs) == 0.8

    constant = tfmot.ConstantSparsity(0.5, begin_step=10)
    assert schedules.in_steps(constant)(9) == (False, 0.0)
    assert schedules.in_steps(constant)(10) == (True, 0.5)
    assert schedules.in_steps(constant).end is None
    assert schedules.final_sparsity(constant) == 0.5


def test_a_function_that_is_no_schedule_is_named():
    with pytest.raises(TypeError, match=r"to return \(should_prune, sparsity\)"):
        schedules.in_steps(lambda step: 0.5)(0)


def test_what_a_schedule_raises_itself_is_not_hidden():
    def broken(step):
        raise ValueError("no such step")

    with pytest.raises(ValueError, match="no such step"):
        schedules.in_steps(broken)(0)


def test_cosine_decay_falls_to_zero_and_asks_for_nothing_from_there_on():
    schedule = CosineDecay(0.3, end=1000, frequency=250)
    assert [step for step in range(2000) if schedule(step)[0]] == [250, 500, 750]
    assert schedule(0) == (False, 0.3)
    assert schedule(500) == (True, pytest.approx(0.15))
    assert schedule(1000) == (False, 0.0)


@pytest.mark.parametrize(("total", "updates"), [(10_000, 74), (400, 4), (4, 2)])
def test_cosine_decay_has_updates_in_any_training(total, updates):
    schedule = schedules.in_steps(CosineDecay(0.3), total)
    assert sum(schedule(step)[0] for step in range(total)) == updates
    assert schedules.needs_total(CosineDecay(0.3))
    assert not schedules.needs_total(CosineDecay(0.3, end=10))


def test_progress_has_updates_at_both_ends():
    schedule = Progress(100, 200, frequency=40)
    assert [step for step in range(300) if schedule(step)[0]] == [100, 140, 180, 200]
    assert [schedule(step)[1] for step in (99, 100, 150, 200, 250)] == [None, 0, 0.5, 1, 1]
    assert schedules.in_steps(Progress(0.25, 0.5), 400) == Progress(100, 200)
    assert Progress(0, 0)(0) == (True, 1.0)
