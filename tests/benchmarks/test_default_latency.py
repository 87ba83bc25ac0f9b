import re
import subprocess
import sys
from pathlib import Path

import tfsparse
from tfsparse.zoo import architectures

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "default_latency.py"


def run(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prints_prediction_and_measurement(tmp_path):
    model = architectures.small_mobilenet_v2((32, 32, 3), 3)
    path = tfsparse.convert(model, tmp_path / "tiny.tflite")
    result = run(path, "--seconds", 0.1)
    assert result.returncode == 0, result.stderr
    row = re.search(r"tiny.tflite +│ +([\d.]+) │ +([\d.]+) │ +([\d.]+) │", result.stdout)
    assert all(float(figure) > 0 for figure in row.groups())
    assert f"median {row.group(3)}, nine of ten {row.group(3)} to {row.group(3)}" in result.stdout


def test_names_what_there_is():
    result = run("no-such-network")
    assert result.returncode == 1
    assert "neither a file nor one of" in result.stdout + result.stderr
