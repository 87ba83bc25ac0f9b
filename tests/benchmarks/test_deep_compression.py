import subprocess
import sys

import numpy as np
import pytest

from tests.benchmarks.scripts import FOLDER, loaded


@pytest.fixture
def script():
    with loaded("deep_compression") as module:
        yield module


@pytest.mark.parametrize(("name", "weights"), [("lenet_300_100", 266_610), ("lenet_5", 431_080)])
def test_the_networks_are_those_of_the_paper(script, name, weights):
    model = script.build(name)
    assert model.count_params() == weights
    layers = {layer.name: layer.kernel for layer in model.layers if layer.weights}
    assert set(layers) == set(script.SPARSITIES[name])
    kept = sum(
        int(np.prod(layers[layer].shape)) * (1 - sparsity)
        for layer, sparsity in script.SPARSITIES[name].items()
    )
    # Han et al. 2016, tables 2 and 3: 8 % of the weights remain in both.
    assert kept / weights == pytest.approx(0.08, abs=0.005)


def test_pictures_come_from_a_file(script, tmp_path):
    arrays = {f"x_{part}": np.full((5, 28, 28), 51, np.uint8) for part in ("train", "test")}
    arrays |= {"y_train": np.arange(5), "y_test": np.ones(5)}
    np.savez(tmp_path / "mnist.npz", **arrays)
    script.flags.FLAGS(["script", f"--data={tmp_path}/mnist.npz", "--limit=3"])
    (x, y), (_, labels) = script.pictures()
    np.testing.assert_allclose(x, np.full((3, 28, 28, 1), 0.2), rtol=1e-6)
    assert (list(y), list(labels)) == ([0, 1, 2], [1, 1, 1])


def test_names_what_there_is():
    command = [sys.executable, FOLDER / "deep_compression.py", "alexnet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Expected lenet_300_100, lenet_5. Received: alexnet" in result.stdout + result.stderr
