"""The Bazel build makes a delegate that TFLite loads, and downloads nothing for it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate

import tfsparse
from tfsparse import architectures, timing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def library():
    if not shutil.which("bazel"):
        pytest.skip("bazel is not installed: apt-get install bazel-bootstrap")
    result = subprocess.run(
        [
            *("bazel", "--batch", "build", "--experimental_repository_disable_download"),
            "//:libtfsparse_delegate.so",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return ROOT / ".bazel" / "bin" / "libtfsparse_delegate.so"


def test_the_library_runs_a_network_as_the_default_does(library, tmp_path):
    path = tfsparse.convert(
        architectures.small_mobilenet_v2((16, 16, 3), 4), tmp_path / "model.tflite"
    )
    default = Interpreter(path)
    sparse = Interpreter(path, experimental_delegates=[load_delegate(str(library), {"auto": "0"})])
    for interpreter in (default, sparse):
        interpreter.allocate_tensors()
    timing.set_random_inputs([default, sparse])
    assert timing.output_difference(default, sparse) < 1e-4
    assert sparse._get_ops_details()[-1]["op_name"] == "DELEGATE"
