import os
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.delegate.graph_builder import GraphBuilder
from tfsparse import flatbuffer
from tfsparse.runtime import timing
from tfsparse.runtime.random_inputs import set_random_inputs


class Clock:
    """A time that passes while somebody sleeps, and at no other."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Fake:
    """An interpreter of two inputs that takes a given time."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.inputs = {}

    def get_input_details(self):
        return [
            {"index": 0, "shape": np.array([2, 3]), "dtype": np.float32},
            {"index": 1, "shape": np.array([50]), "dtype": np.int8},
        ]

    def set_tensor(self, index, value):
        self.inputs[index] = value

    def invoke(self):
        timing.time.sleep(self.seconds)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(timing, "time", Clock())


def test_the_speedup_is_that_of_the_second_over_the_first(clock):
    slow, fast = Fake(0.008), Fake(0.002)
    result = timing.compare(slow, fast, seconds=0.1)
    assert result.rounds == timing.MIN_ROUNDS, "a minimum, however brief the time"
    assert result.speedup == pytest.approx(4)
    assert result.speedup_quartiles == pytest.approx((4, 4))
    assert (result.baseline_median, result.baseline_min) == pytest.approx((8, 8))
    assert (result.candidate_median, result.candidate_min) == pytest.approx((2, 2))


def test_two_alike_are_measured_alike_for_as_long_as_is_asked(clock):
    result = timing.compare(Fake(0.004), Fake(0.004), seconds=2)
    assert result.rounds > timing.MIN_ROUNDS
    assert result.speedup == pytest.approx(1)
    assert timing.time.now == pytest.approx(2, rel=0.5)


@pytest.mark.parametrize(("waits", "waited"), [((1.0, 1.5), 0.25), ((None,), None)])
def test_the_time_without_a_processor_is_told(clock, monkeypatch, waits, waited):
    values = iter(waits)
    monkeypatch.setattr(timing, "processor_wait", lambda: next(values))
    result = timing.compare(Fake(0.004), Fake(0.004), seconds=2)
    assert result.waited == (waited and pytest.approx(waited, rel=0.5))


@pytest.mark.skipif(timing.processor_wait() is None, reason="needs the schedstat files of Linux")
def test_a_busy_process_on_the_same_processor_makes_this_one_wait():
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(own)])
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])  # inherits the processor
    try:
        before, end = timing.processor_wait(), time.monotonic() + 30
        while timing.processor_wait() - before < 0.005:
            assert time.monotonic() < end
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, own)


def test_many_run_in_turn_in_an_order_that_alternates(clock):
    started = []

    class Noted(Fake):
        def invoke(self):
            if not started or started[-1] is not self:
                started.append(self)
            super().invoke()

    many = [Noted(0.001), Noted(0.004), Noted(0.002)]
    medians, _ = timing.medians(many, seconds=0.1)
    assert medians == pytest.approx([1, 4, 2])
    assert timing.fastest(many, seconds=0.1) == pytest.approx([1, 4, 2])
    a, b, c = many
    # First each alone, to warm up; the last of a round is the first of the next.
    assert started[:8] == [a, b, c, a, b, c, b, a]


def test_the_fastest_are_sought_for_a_quarter_of_the_time_if_they_have_settled(clock):
    assert timing.fastest([Fake(0.001), Fake(0.004)], seconds=8) == pytest.approx([1, 4])
    assert timing.time.now == pytest.approx(2, rel=0.5)


def test_the_fastest_are_sought_for_longer_while_one_becomes_faster(clock):
    class Quickening(Fake):
        def invoke(self):
            super().invoke()
            self.seconds *= 0.9999

    one = Quickening(0.004)
    assert timing.fastest([Fake(0.001), one], seconds=8) == pytest.approx(
        [1, 1e3 * one.seconds], 1e-3
    )
    assert timing.time.now == pytest.approx(8, rel=0.1)


def test_the_time_must_be_positive():
    with pytest.raises(ValueError, match="Received: 0"):
        timing.compare(Fake(), Fake(), seconds=0)


def test_random_inputs_are_the_same_for_both_and_fill_the_range():
    pair = Fake(), Fake()
    set_random_inputs(pair)
    for index, shape, dtype in ((0, (2, 3), np.float32), (1, (50,), np.int8)):
        value = pair[0].inputs[index]
        assert value.shape == shape
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, pair[1].inputs[index])
    assert pair[0].inputs[1].min() < -50
    assert pair[0].inputs[1].max() > 50


def test_the_cpu_has_a_name():
    assert timing.cpu_name().strip()


@pytest.mark.parametrize("runtime", ["litert", "tf"])
def test_a_softmax_that_would_end_the_process_runs_in_other_kernels(tmp_path, runtime):
    # The reference kernel adds up 512 exponentials of 1, and aborts.
    for classes in (511, 512, 2000):
        builder = GraphBuilder()
        x = builder.input((1, classes), np.int8)
        builder.set_scale(x, 0.01, 0)
        y = builder.operator("SOFTMAX", [x], (1, classes), np.int8, beta=1.0)
        builder.set_scale(y, 1 / 256, -128)
        path = tmp_path / f"{classes}.tflite"
        path.write_bytes(flatbuffer.serialize(builder.finish([x], [y])))
        plain = timing.open_plain(path, runtime)
        plain.set_tensor(x, np.zeros((1, classes), np.int8))
        plain.invoke()
        np.testing.assert_allclose(plain.get_tensor(y), 256 / classes - 128, atol=0.5)
