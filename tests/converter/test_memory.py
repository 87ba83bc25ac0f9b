"""A large model is converted, and made dense, in less than twice its size of memory. Linux."""

import os
import subprocess
import sys

import pytest

from tests.converter.single_op import merged, pruned, single_op
from tfsparse import flatbuffer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Megabytes: enough to stand out from the libraries. `TFSPARSE_MODEL_MB=300` is the real thing.
SIZE = int(os.environ.get("TFSPARSE_MODEL_MB", 60))
PROGRAM = """
import ctypes, sys
from tfsparse.converter import convert, densify

def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))

ctypes.CDLL(None).malloc_trim(0)
before = kilobytes("VmRSS")
change, *arguments = sys.argv[1:]
{"convert": convert.convert, "densify": densify.densify}[change](*arguments)
print(kilobytes("VmHWM") - before)
"""


def peak(change, source, out):
    """Megabytes of resident memory that a change adds to those of a process of its own."""
    command = [sys.executable, "-c", PROGRAM, change, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e3


def test_memory_is_below_twice_the_size_of_the_model(tmp_path):
    layers = [pruned((1250, 2000), 0.8, seed=seed) for seed in range(SIZE // 10)]
    dense, sparse = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(flatbuffer.serialize(merged([single_op(weights) for weights in layers])))
    size = os.path.getsize(dense) / 1e6
    assert size == pytest.approx(SIZE, rel=0.01)
    assert 0.5 * size < peak("convert", dense, sparse) < 2 * size
    assert 0.5 * size < peak("densify", sparse, tmp_path / "again.tflite") < 2 * size
    assert dense.read_bytes() == (tmp_path / "again.tflite").read_bytes()
