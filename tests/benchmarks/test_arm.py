import numpy as np
import pytest
from absl import flags

from tests.benchmarks.scripts import loaded
from tests.delegate import arm64
from tfsparse.zoo import catalogue

MAPS = """\
400000-500000 r-xp 00000000 00:00 1 /usr/bin/python3.11
7f0000-7f2000 r-xp 00000000 00:00 2 /tmp/libtfsparse_delegate.so
7f2000-7f3000 rw-p 00002000 00:00 2 /tmp/libtfsparse_delegate.so
7f3000-7f4000 rw-p 00000000 00:00 0
"""
LIBRARY = "/tmp/libtfsparse_delegate.so"


@pytest.fixture(scope="module")
def arm():
    with loaded("arm") as module:
        yield module


def test_every_promise_is_of_a_case(arm):
    names = {case.name for case in arm.CASES}
    assert all(names >= set(promised) for promised in arm.AT_MOST.values())


def test_every_case_is_a_network_with_a_name_of_its_own(arm):
    assert len({case.name for case in arm.CASES}) == len(arm.CASES)
    for case in arm.CASES:
        assert case.network in catalogue.NETWORKS
        assert (case.sparsity is None) == (case.network in catalogue.PRETRAINED)


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


def test_counts_are_of_one_inference_of_several(arm, monkeypatch):
    def blocks_of(path, inputs, runs, *_):
        return {0: np.ones(2)}, {0x400000: 5 * runs, 0x7F0100: 7 * runs}, MAPS

    monkeypatch.setattr(arm, "blocks_of", blocks_of)
    monkeypatch.setattr(arm, "symbols_of", lambda library: [(0, "spmm")])
    flags.FLAGS(["arm.py", "--runs=3", "--functions=2"])
    counted = arm.count("model.tflite", {}, LIBRARY)
    assert counted.instructions == 12
    assert counted.functions == {"spmm": 7, "(outside of tfsparse)": 5}


@pytest.mark.download
def test_qemu_counts_between_two_marks(arm, tmp_path):
    try:
        arm64.root()
        plugin, marks = arm.counter(), arm.marks()
    except OSError as error:
        pytest.skip(str(error))
    counts = tmp_path / "counts"
    qemu = ("qemu-aarch64", "-cpu", arm64.CPU, "-plugin", f"{plugin},out={counts}")
    totals = []
    for passes in (1000, 1000, 2000):
        program = f"""
import ctypes
marks = ctypes.CDLL({str(marks)!r})
marks.start()
for _ in range({passes}):
    sum(range(100))
marks.stop()
"""
        arm64.python("-S", "-c", program, qemu=qemu)
        totals.append(sum(arm.parse_blocks(counts.read_text()).values()))
    once, again, twice = totals
    assert again == pytest.approx(once, rel=1e-3)
    # Nothing but the passes: the start of Python takes more.
    assert twice == pytest.approx(2 * once, rel=0.02)
    # Each pass adds 100 numbers, of which none takes fewer than 5 instructions.
    assert once > 1000 * 100 * 5
