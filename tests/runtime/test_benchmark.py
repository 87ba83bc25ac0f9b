"""What a benchmark says of two runtimes: whose outputs are off, and which is slower."""

import numpy as np
import pytest

from tests.converter.single_op import pruned, single_op, with_custom_operator
from tests.delegate import networks
from tfsparse import flatbuffer, formatting
from tfsparse.runtime import benchmark, timing


def result(difference=0.0, default_difference=0.0, speedup=2.0, assumed=None, waited=0.0):
    times = timing.Comparison(2.0 * speedup, 2.0, 2.0, 1.0, speedup, (speedup, speedup), 8, waited)
    return benchmark.Result("m.tflite", times, difference, default_difference, assumed or {})


@pytest.mark.parametrize(
    ("difference", "default_difference", "wrong"),
    [
        (9e-5, 0.0, False),
        (2e-4, 1e-6, True),
        (4.8e-4, 2.6e-4, False),  # pose_landmark_full, as measured
        (4.8e-3, 2.6e-4, True),
        (2e-4, None, True),
        (np.nan, 0.0, True),
        (np.inf, 1e-6, True),
    ],
)
def test_outputs_are_judged_by_the_reference_beside_the_default(
    difference, default_difference, wrong
):
    found = result(difference, default_difference)
    assert found.is_wrong(1e-4) == wrong
    if wrong:
        with pytest.raises(RuntimeError, match=r"off by more than 0\.0001: m\.tflite"):
            benchmark.check_differences([found], 1e-4)
    else:
        benchmark.check_differences([found], 1e-4)


def test_the_last_note_names_what_is_slower():
    assert benchmark.notes([result(speedup=1.5)]) == []
    slow = result(speedup=0.24, default_difference=None, assumed={"image": (1, 224, 224, 3)})
    sizes, reference, slower = benchmark.notes([result(), slow, slow])
    assert "image as 1x224x224x3" in sizes
    assert "No reference kernels" in reference
    assert slower.endswith("TFLite's default: m.tflite (0.24x), m.tflite (0.24x)")


def test_a_note_says_that_the_machine_was_busy():
    assert benchmark.notes([result(waited=0.01), result(waited=None)]) == []
    (busy,) = benchmark.notes([result(waited=0.01), result(waited=0.42)])
    assert busy.startswith("The machine was busy: threads waited for a processor during 42% of")


def test_the_table_shows_both_errors_and_digits_of_small_times():
    times = timing.Comparison(0.00432, 0.00411, 0.0123, 0.0119, 0.35, (0.34, 0.36), 8, None)
    row = benchmark.Result("m.tflite", times, 4.8e-4, 2.6e-4, {})
    shown = formatting.as_text(benchmark.table([row], 1e-4), 200)
    for cell in ("0.00432 (0.00411)", "0.0123 (0.0119)", "2.6e-04", "4.8e-04"):
        assert cell in shown


def measure(path, shapes=None):
    machine = benchmark.machine(num_threads=1, runtime="litert", options={"auto": False})
    return benchmark.measure(path, machine, 0.1, shapes=shapes)


def test_a_file_is_measured_against_the_reference(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((64, 1, 1, 64), 0.5))))
    found = measure(path)
    assert 0 < found.difference < 1e-5
    assert 0 < found.default_difference < 1e-5


def test_without_reference_kernels_the_default_is_the_reference(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(with_custom_operator(pruned((64, 1, 1, 64), 0.5))))
    found = measure(path)
    assert found.difference < 1e-5
    assert found.default_difference is None


def test_open_sizes_are_assumed_or_given(tmp_path):
    path = networks.open_sizes(tmp_path / "model.tflite")
    assert measure(path).assumed_shapes == {"image": (1, 224, 224, 3)}
    assert measure(path, (1, 32, 32, 3)).assumed_shapes == {}
    with pytest.raises(ValueError, match="Received: 1x32x32x4"):
        measure(path, (1, 32, 32, 4))
