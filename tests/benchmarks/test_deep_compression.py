import subprocess
import sys

import numpy as np
import pytest

from tests.benchmarks.scripts import FOLDER, loaded


@pytest.fixture
def script():
    with loaded("deep_compression") as module:
        yield module


def run(*arguments):
    command = [sys.executable, FOLDER / "deep_compression.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "weights"), [("lenet_300_100", 266_610), ("lenet_5", 431_080)])
def test_the_networks_are_those_of_the_paper(script, name, weights):
    network = script.NETWORKS[name]
    model = network.build()
    assert model.count_params() == weights
    layers = {layer.name: layer.kernel for layer in model.layers if layer.weights}
    sparsities = network.pruning["scope"]
    assert set(layers) == set(sparsities)
    kept = sum(
        int(np.prod(layers[layer].shape)) * (1 - sparsity) for layer, sparsity in sparsities.items()
    )
    # Han et al. 2016, tables 2 and 3: 8 % of the weights remain in both.
    assert kept / weights == pytest.approx(0.08, abs=0.005)


def test_pictures_come_from_a_file(script, tmp_path):
    x = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    arrays = {f"x_{part}": x for part in ("train", "test")}
    arrays |= {"y_train": np.arange(5), "y_test": np.arange(5) + 1}
    np.savez(tmp_path / "mnist.npz", **arrays)
    script.flags.FLAGS(["script", f"--data={tmp_path}/mnist.npz", "--limit=3"])
    data = script.pictures(script.NETWORKS["lenet_5"])
    for pictures, labels, first in (
        (data.x_train, data.y_train, 0),
        (data.x_test, data.y_test, 1),
    ):
        assert pictures.shape == (3, 28, 28, 1)
        assert len(set(labels)) == 3
        np.testing.assert_array_equal(pictures[:, 5, 7, 0], labels - first)
    np.testing.assert_allclose(script.scale_gray(np.uint8([0, 51])), [0, 0.2], rtol=1e-6)


def rows_of(output):
    """The cells of a table as rich prints it."""
    lines = [line for line in output.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.mark.parametrize(("name", "zeros"), [("lenet_300_100", "91.8%"), ("resnet20", "79.9%")])
def test_a_network_has_a_row_for_each_stage(pictures, tmp_path, name, zeros):
    if name != "resnet20":
        rng = np.random.default_rng(1)
        x, y = rng.integers(0, 256, (8, 28, 28), np.uint8), np.arange(8)
        pictures = tmp_path / "mnist.npz"
        np.savez(pictures, x_train=x, y_train=y, x_test=x, y_test=y)
    models = tmp_path / "models"
    epochs = "--epochs=1", "--prune_epochs=1", "--share_epochs=1", "--bits=4"
    result = run(name, "--data", pictures, "--models", models, *epochs)
    assert result.returncode == 0, result.stderr
    assert f"{name}, pruned:" in result.stdout
    _, pruned, shared = rows = rows_of(result.stdout)
    assert [row[:2] for row in rows] == [[name, stage] for stage in ("dense", "pruned", "shared")]
    assert [row[3] for row in rows] == ["0.0%", zeros, zeros]
    assert int(shared[4]) <= 16 < int(pruned[4].replace(",", ""))
    sizes = [int(row[-1].split()[0].replace(",", "")) for row in rows]
    assert sizes[0] > 2 * sizes[1] > 4 * sizes[2]
    # Networks in the folder that were trained alike are not trained again.
    again = run(name, "--data", pictures, "--models", models, *epochs)
    assert "shared:" not in again.stdout
    assert [row[:5] for row in rows_of(again.stdout)] == [row[:5] for row in rows]
    if name != "resnet20":
        other = run(name, "--data", pictures, "--models", models, *epochs, "--bits=2")
        assert "shared:" in other.stdout
        assert "pruned:" not in other.stdout
        assert int(rows_of(other.stdout)[2][4]) <= 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alexnet"], "Expected lenet_300_100, lenet_5, resnet20. Received: alexnet"),
        (["lenet_5", "resnet20", "--data", "arrays.npz"], "Expected folders of pictures"),
        (["--data", "array.npy"], "Expected an .npz file with x_train, "),
        (["--data", "other.npz"], "Expected an .npz file with x_train, "),
    ],
)
def test_says_what_is_wrong_with_its_arguments(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    x, y = np.zeros((3, 28, 28), np.uint8), np.arange(3)
    np.savez("arrays.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    np.savez("other.npz", x_train=x, y_train=y)
    np.save("array.npy", x)
    result = run(*arguments)
    assert result.returncode == 1
    output = result.stdout + result.stderr
    assert message in output
    assert "dense:" not in output
    assert "Traceback" not in output
