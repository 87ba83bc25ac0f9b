import numpy as np
import pytest

from tests.benchmarks.scripts import loaded
from tests.converter.single_op import pruned, quantized_op
from tfsparse import flatbuffer


@pytest.fixture(scope="module")
def counts():
    with loaded("instruction_counts") as module:
        yield module


def test_patterns_and_files_choose_rows(counts):
    cases = [counts.Case("resnet50", 0.9), counts.Case("mobilenet_v2", 0.8, block_size=4)]
    cases += [counts.Case("mobilenet_v2", 0.9, weights="int8"), counts.Case("pose_detection")]
    assert counts.select(cases, []) == cases
    names = [case.name for case in counts.select(cases, ["mobilenet_v2-*", __file__, "pose*"])]
    assert names == ["mobilenet_v2-80-block4", "mobilenet_v2-90-int8", __file__, "pose_detection"]
    with pytest.raises(ValueError, match=r"resnet50-90, .*Received: 'resnet'"):
        counts.select(cases, ["resnet"])


def test_inputs_are_of_the_model_s_type(counts, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(quantized_op(pruned((8, 1, 1, 16), 0.5, np.int8))))
    ((_, values),) = counts.random_inputs(path).items()
    assert values.dtype == np.int8
    assert values.min() < -50
    assert values.max() > 50


def test_a_missing_program_is_named_with_its_package(counts):
    with pytest.raises(OSError, match="no-such-program is not installed: apt-get install nothing"):
        counts.compiled("instructions.c", {"no-such-program": "nothing"})


def test_a_row_shows_the_ratio_and_whether_the_promise_is_kept(counts):
    case = counts.Case("mobilenet_v2", 0.8, at_most=0.5)
    default = counts.Count(100e6, {3: np.array([1.0, 4.0])})
    ours = counts.Count(51e6, {3: np.array([1.0, 4.04])})
    row = counts.cells(case, default, ours)
    assert row == ["mobilenet_v2-80", "100.0 M", "51.0 M", "0.510", "0.50 missed", "1.0e-02"]
    assert counts.cells(case, default, counts.Count(49e6, ours.outputs))[4] == "0.50 kept"


def test_a_row_shows_what_the_default_said_when_it_failed(counts):
    default = counts.Count(error="RuntimeError: failed to reshape runtime")
    ours = counts.Count(40e6, {3: np.ones(2)})
    row = counts.cells(counts.Case("mobilenet_v2_convolutional", 0.8), default, ours)
    assert row[1:] == [default.error, "40.0 M", "", "", ""]
    assert counts.cells(counts.Case("model.tflite"), None, ours) == [
        *("model.tflite", "", "40.0 M"),
        *("", "", ""),
    ]
