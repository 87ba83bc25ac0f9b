import gzip
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name, *arguments, **environment):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def keras_home(tmp_path):
    """A Fashion-MNIST of 64 random pictures, in the format and the place of the real one."""
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part in ("train", "t10k"):
        pictures = random.integers(0, 256, 64 * 28 * 28, np.uint8)
        labels = random.integers(0, 10, 64, np.uint8)
        for name, header, content in (
            (f"{part}-images-idx3-ubyte.gz", 16, pictures),
            (f"{part}-labels-idx1-ubyte.gz", 8, labels),
        ):
            (folder / name).write_bytes(gzip.compress(bytes(header) + content.tobytes()))
    return tmp_path


def test_prune_fashion_mnist(keras_home, tmp_path):
    models = tmp_path / "models"
    result = run(
        "prune_fashion_mnist.py",
        *("--epochs", 1, "--batch", 32, "--output_dir", models),
        KERAS_HOME=str(keras_home),
    )
    assert result.returncode == 0, result.stderr
    assert "sparsity: 0.8" in result.stdout, "the log of fit shows it"
    assert "Accuracy changes by" in result.stdout
    sizes = {path.name: path.stat().st_size for path in models.iterdir()}
    assert sizes["sparse.tflite"] < 0.5 * sizes["dense.tflite"]


def test_prune_and_quantize(keras_home, tmp_path):
    models = tmp_path / "models"
    result = run(
        "prune_and_quantize.py",
        *("--epochs", 1, "--int8_epochs", 1, "--batch", 16, "--output_dir", models),
        KERAS_HOME=str(keras_home),
    )
    assert result.returncode == 0, result.stderr
    assert "int8, trained" in result.stdout
    sizes = {path.name: path.stat().st_size for path in models.iterdir()}
    assert sizes["trained.tflite"] < sizes["float32.tflite"]


@pytest.mark.download
def test_prune_pretrained(tmp_path):
    result = run("prune_pretrained.py", "--output_dir", tmp_path)
    if "could not be downloaded" in result.stderr:
        pytest.skip(result.stderr.strip().splitlines()[0])
    assert result.returncode == 0, result.stderr
    dense, sparse = (line for line in result.stdout.splitlines() if " MB " in line)
    assert "18 of 20     20 of 20" in dense
    assert sparse.endswith("20 of 20"), "no picture loses its class from the best five"


def test_prune_pretrained_runs_nothing_that_a_weights_file_asks_for(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Evil()))
    result = run("prune_pretrained.py", "--weights", path)
    assert result.returncode == 1
    assert "Expected a state dict. Received one with posix.mkdir" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "harm").exists()


def test_prune_pretrained_says_how_to_do_without_a_registry(tmp_path):
    result = run(
        "prune_pretrained.py", "--cache_dir", tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=""
    )
    assert result.returncode == 1
    assert "could not be downloaded" in result.stderr
    assert "--cache_dir" in result.stderr
    assert not list(tmp_path.iterdir()), "nothing half downloaded is left"
