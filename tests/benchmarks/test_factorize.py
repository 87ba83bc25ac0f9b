import subprocess
import sys

import keras
import pytest

import tfsparse
from tests.benchmarks.scripts import FOLDER, loaded


@pytest.fixture
def script():
    with loaded("factorize") as module:
        yield module


def test_the_network_has_wide_3x3_convolutions(script):
    model = script.build()
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert all(layer.kernel_size == (3, 3) and layer.filters >= 128 for layer in convolutions)
    assert tfsparse.graph.macs(model) == 43_352_064 + 10 * 256


def test_names_what_there_is():
    command = [sys.executable, FOLDER / "factorize.py", "qr"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Expected svd, asymmetric, tucker2, cp. Received: qr" in result.stdout + result.stderr
