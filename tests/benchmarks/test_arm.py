import importlib.util
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from tests.converter.single_op import pruned, quantized_op
from tests.delegate import arm64
from tfsparse import flatbuffer
from tfsparse.zoo import catalogue

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "arm.py"
MAPS = """\
400000-500000 r-xp 00000000 00:00 1 /usr/bin/python3.11
7f0000-7f2000 r-xp 00000000 00:00 2 /tmp/libtfsparse_delegate.so
7f2000-7f3000 rw-p 00002000 00:00 2 /tmp/libtfsparse_delegate.so
7f3000-7f4000 rw-p 00000000 00:00 0
"""
LIBRARY = "/tmp/libtfsparse_delegate.so"


@pytest.fixture(scope="module")
def arm():
    spec = importlib.util.spec_from_file_location("arm", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    known = set(flags.FLAGS)
    spec.loader.exec_module(module)
    yield module
    for name in set(flags.FLAGS) - known:
        delattr(flags.FLAGS, name)


def test_every_case_is_a_network_with_a_name_of_its_own(arm):
    assert len({case.name for case in arm.CASES}) == len(arm.CASES)
    for case in arm.CASES:
        assert case.network in catalogue.NETWORKS
        assert (case.sparsity is None) == (case.network in catalogue.PRETRAINED)


def test_patterns_and_files_choose_rows(arm):
    assert arm.select([]) == list(arm.CASES)
    names = [case.name for case in arm.select(["mobilenet_v2-*", str(SCRIPT)])]
    in_float, in_int8 = ["mobilenet_v2-80", "mobilenet_v2-90"], ["-80-int8", "-90-int8"]
    assert names == [*in_float, *(f"mobilenet_v2{name}" for name in in_int8), str(SCRIPT)]
    with pytest.raises(ValueError, match=r"mobilenet_v2-80, .*Received: 'resnet'"):
        arm.select(["resnet"])


def test_inputs_are_of_the_model_s_type(arm, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(quantized_op(pruned((8, 1, 1, 16), 0.5, np.int8))))
    ((_, values),) = arm.random_inputs(path).items()
    assert values.dtype == np.int8
    assert values.min() < -50
    assert values.max() > 50


def test_a_block_that_was_translated_twice_is_counted_twice(arm):
    assert arm.parse_blocks("7f0010 30\n400000 5\n7f0010 12\n") == {0x7F0010: 42, 0x400000: 5}


def test_instructions_go_to_the_function_they_are_in(arm, monkeypatch):
    symbols = [(0x100, "spmm"), (0x400, "depthwise")]
    monkeypatch.setattr(arm, "symbols_of", lambda library: symbols)
    blocks = {0x400100: 1, 0x7F0000: 2, 0x7F0100: 4, 0x7F03FF: 8, 0x7F2FFF: 16, 0x7F3000: 32}
    assert arm.by_function(blocks, MAPS, LIBRARY) == {
        "(outside of tfsparse)": 1 + 32,
        "?": 2,
        "spmm": 4 + 8,
        "depthwise": 16,
    }


def test_a_run_of_few_is_taken_from_a_run_of_twice_as_many(arm, monkeypatch):
    def blocks_of(path, inputs, runs, *_):
        return {0: np.ones(2)}, {0x400000: 1000, 0x7F0100: 7 * runs}, MAPS

    monkeypatch.setattr(arm, "blocks_of", blocks_of)
    monkeypatch.setattr(arm, "symbols_of", lambda library: [(0, "spmm")])
    flags.FLAGS(["arm.py", "--runs=3", "--functions=1"])
    counted = arm.count("model.tflite", {}, LIBRARY)
    assert counted.instructions == 7
    assert counted.functions == {"spmm": 7}


def test_a_row_shows_the_ratio_and_whether_the_promise_is_kept(arm):
    case = arm.Case("mobilenet_v2", 0.8, at_most=0.5)
    default = arm.Count(100e6, {3: np.array([1.0, 4.0])})
    ours = arm.Count(51e6, {3: np.array([1.0, 4.04])})
    row = arm.cells(case, default, ours)
    assert row == ["mobilenet_v2-80", "100.0 M", "51.0 M", "0.510", "0.50 missed", "1.0e-02"]
    assert arm.cells(case, default, arm.Count(49e6, ours.outputs))[4] == "0.50 kept"


def test_a_row_shows_what_the_default_said_when_it_failed(arm):
    default = arm.Count(error="RuntimeError: failed to reshape runtime")
    ours = arm.Count(40e6, {3: np.ones(2)})
    row = arm.cells(arm.Case("mobilenet_v2_convolutional", 0.8), default, ours)
    assert row[1:] == [default.error, "40.0 M", "", "", ""]
    assert arm.cells(arm.Case("model.tflite"), None, ours) == [
        *("model.tflite", "", "40.0 M"),
        *("", "", ""),
    ]


@pytest.mark.download
def test_qemu_counts_the_same_every_time(arm, tmp_path):
    try:
        arm64.root()
        plugin = arm.counter()
    except OSError as error:
        pytest.skip(str(error))
    counts = tmp_path / "counts"
    qemu = ("qemu-aarch64", "-cpu", arm64.CPU, "-plugin", f"{plugin},out={counts}")
    totals = []
    for passes in (1000, 1000, 2000):
        arm64.python("-S", "-c", f"for _ in range({passes}): sum(range(100))", qemu=qemu)
        totals.append(sum(arm.parse_blocks(counts.read_text()).values()))
    once, again, twice = totals
    assert again == pytest.approx(once, rel=1e-3)
    # Each of 1000 further passes adds 100 numbers, of which none takes fewer than 5 instructions.
    assert twice > once + 1000 * 100 * 5
