import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tfsparse
from tests.benchmarks.scripts import loaded
from tfsparse.zoo import architectures, catalogue

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "x86.py"
# As callgrind writes it: `spmm` runs 30 instructions itself and 7 in `memcpy`.
CALLGRIND = """\
version: 1
events: Ir

ob=/lib/ours.so
fl=???
fn=tfsparse::spmm<1>::operator=(int)
0 20
cob=/lib/libc.so
cfn=memcpy
calls=2 0
0 7
0 10

ob=/lib/libc.so
fn=memcpy
0 7

totals: 37
"""


@pytest.fixture(scope="module")
def x86():
    with loaded("x86") as module:
        yield module


def test_every_case_is_a_network_with_a_name_of_its_own(x86):
    assert len({case.name for case in x86.CASES}) == len(x86.CASES)
    for case in x86.CASES:
        assert case.network in catalogue.NETWORKS
        assert (case.sparsity is None) == (case.network in catalogue.PRETRAINED)


def test_instructions_of_a_call_are_those_of_the_function_called(x86):
    assert x86.parse(CALLGRIND) == {
        ("/lib/ours.so", "tfsparse::spmm<1>::operator=(int)"): 30,
        ("/lib/libc.so", "memcpy"): 7,
    }


def test_another_machine_is_refused(x86, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(OSError, match="This one is aarch64"):
        x86.counter.__wrapped__()


def test_counts_both_runtimes(x86, tmp_path):
    if platform.machine() != "x86_64":
        pytest.skip(f"callgrind counts on {platform.machine()}, but not these kernels")
    if not shutil.which("valgrind"):
        pytest.skip("nothing to count with: apt-get install valgrind")
    model = architectures.small_mobilenet_v2((32, 32, 3), 3)
    path = tfsparse.convert(model, tmp_path / "tiny.tflite")
    command = [sys.executable, SCRIPT, path, "--functions", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "SpmmPass" in result.stdout
    row = next(line for line in result.stdout.splitlines() if "tiny.tflite" in line)
    default, ours, ratio, promise, difference = (cell.strip() for cell in row.split("│")[2:-1])
    assert float(default.removesuffix(" M")) > 0
    assert float(ratio) == pytest.approx(
        float(ours.removesuffix(" M")) / float(default.removesuffix(" M")), rel=0.2
    )
    assert promise == ""
    assert float(difference) < 1e-5
