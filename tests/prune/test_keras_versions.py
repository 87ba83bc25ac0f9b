"""Each callback trains with the oldest Keras and with 3.6, which calls callbacks otherwise.

They are put before the one that is installed, which all other tests use, on the path of a process
of their own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfsparse.files import cache_folder
from tfsparse.zoo import downloads

ROOT = Path(__file__).parents[2]


def train(folder):
    """Runs each_callback.py with a folder first on the path, and returns what it prints."""
    path = os.pathsep.join(map(str, [folder, ROOT]))
    run = subprocess.run(
        [sys.executable, "-m", "tests.prune.each_callback"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def check(results):
    sparsities = {"gradual": 0.5, "rigl": 0.5, "pattern": 5 / 9, "channels": 0.5, "dcp": 0.5}
    for name, sparsity in sparsities.items():
        assert results[name] == pytest.approx([sparsity, sparsity]), name
    logs = ["distillation_loss", "loss", "sparsity", "student_loss", "val_loss"]
    assert results["distilled"] == {"logs": logs, "zeros": 0.5}
    assert results["ranges"] == 5, "of the input and of four operators"


@pytest.mark.download
@pytest.mark.parametrize("version", ["3.0.0", "3.6.0"])
def test_other_versions_of_keras(version):
    try:
        folder = downloads.package(f"keras=={version}", cache_folder())
    except OSError as error:
        pytest.skip(str(error))
    results = train(folder)
    assert results["keras"] == version
    check(results)
