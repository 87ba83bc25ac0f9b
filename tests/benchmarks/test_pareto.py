import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "pareto.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_networks_are_trained_once_and_measured_in_each_run(pictures, tmp_path):
    models, out = tmp_path / "models", tmp_path / "out.json"
    arguments = ("--dense", 0.5, "--sparse", 1, "--epochs", 1, "--int8_epochs", 1)
    arguments += ("--data", pictures, "--models", models, "--seconds", 0.1, "--json", out)
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    dense, sparse = json.loads(out.read_text())["networks"]
    for network in (dense, sparse):
        assert set(network["accuracy"]) == {"float32", "calibrated", "int8"}
        assert all(accuracy in (0, 0.25, 0.5, 0.75, 1) for accuracy in network["accuracy"].values())
        assert network["latency"]["int8"]["tfsparse"] > 0
        assert network["file_bytes"]["int8"] < network["file_bytes"]["float32"]
    assert dense["sparsity"] == 0
    # Of its kernels, those of 1x1 convolutions are about nine tenths.
    assert 0.6 < sparse["sparsity"] < 0.8

    written = {path: path.stat().st_mtime_ns for path in models.iterdir()}
    assert len(written) == 2 * 4, "of each network three files and what was measured of it"
    again = run(*arguments)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in models.iterdir()} == written
    assert again.stdout.startswith("small_mobilenet_v2, strides 2, 1 epochs and 1 in int8, picture")


def network(width, accuracy, milliseconds, pruned=0.0):
    """A network of the same accuracy and latency in all its files, as a JSON file has it."""
    latency = {"tfsparse": milliseconds, "default": 2 * milliseconds}
    return {
        **{"network": "small_mobilenet_v2", "width": width, "stem_strides": 2, "pruned": pruned},
        **{"epochs": 8, "int8_epochs": 2, "seed": 0, "data": "cifar10", "versions": {}},
        "accuracy": dict.fromkeys(("float32", "calibrated", "int8"), accuracy),
        "file_bytes": dict.fromkeys(("float32", "calibrated", "int8"), 50_000),
        **{"parameters": 10_000, "sparsity": pruned, "macs": 2_000_000, "cpu_seconds": 60.0},
        "latency": dict.fromkeys(("float32", "int8"), latency),
    }


def test_a_sparse_network_is_compared_with_dense_ones_of_its_latency(tmp_path):
    networks = [
        network(1, 0.6, 0.1),
        network(2, 0.8, 0.4),
        network(3, 0.75, 0.2, pruned=0.8),  # Dense networks reach 70 % at the latency between.
        network(4, 0.9, 0.8, pruned=0.8),  # No dense one is as slow.
    ]
    results = tmp_path / "results.json"
    setting = {"cpu": "a CPU", "runtime": "a runtime", "waited": 0.0}
    results.write_text(json.dumps({"networks": networks, **setting}))
    figure = tmp_path / "figure.svg"
    found = run("--table", results, "--figure", figure)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0].endswith("8 epochs and 2 in int8, cifar10, a CPU, a runtime:")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:]]
    assert [row[0] for row in rows] == ["dense 1", "dense 2", "sparse 3", "sparse 4"]
    assert "0.200" in rows[2]
    assert "0.400" in rows[2]
    # TFLite's default takes twice as long for the dense ones.
    assert rows[2][-3:] == ["50 kB", "+5.0", "+15.0"]
    assert rows[3][-3:] == ["50 kB", "", "+10.0"]
    drawn = figure.read_text()
    for label in ("int8, dense, by TFLite", "int8, dense", "int8, sparse", "float32, dense"):
        assert f">{label}</text>" in drawn
    run("--table", results, "--figure", figure)
    assert figure.read_text() == drawn, "the same results are the same file"


def test_the_page_shows_the_results_that_are_kept(tmp_path):
    docs, figure = SCRIPT.parents[1] / "docs", tmp_path / "figure.svg"
    found = run("--table", docs / "pareto.json", "--figure", figure)
    assert found.stdout.split("\n", 2)[2].strip() in (docs / "pareto.md").read_text()
    labels = [line.strip() for line in figure.read_text().splitlines() if "</text>" in line]
    kept = (docs / "pareto.svg").read_text()
    assert all(label in kept for label in labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small"], "Expected flags only. Received: small"),
        (["--dense", "a,1"], "--dense takes numbers. Received: a,1"),
        (["--data", "nowhere", "--models", "nowhere"], "Received: 'nowhere'"),
        (["--table", "nowhere.json"], "nowhere.json"),
    ],
)
def test_says_what_is_wrong_with_its_arguments(arguments, message):
    result = run(*arguments)
    assert result.returncode == 1
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
