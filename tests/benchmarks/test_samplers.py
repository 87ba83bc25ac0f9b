import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from absl import flags

from tests.benchmarks.scripts import FOLDER, loaded
from tfsparse.search.cost_table import CostTable, LayerCosts

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def samplers():
    with loaded("samplers") as module:
        flags.FLAGS.mark_as_parsed()
        yield module


def run(*arguments):
    command = [sys.executable, FOLDER / "samplers.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def small_network(path):
    """Saves a network that trains in a second, in place of the one that the script trains."""
    layers = [
        keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
        keras.layers.Conv2D(16, 1, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(path)


def test_each_sampler_searches_once_with_the_same_trials(pictures, tmp_path):
    small_network(tmp_path / "dense.keras")
    out, figure = tmp_path / "out.json", tmp_path / "out.svg"
    arguments = ("--data", pictures, "--output_dir", tmp_path, "--samplers", "random,tpe")
    arguments += ("--trials", 2, "--epochs", 1, "--macs", 0.5, "--json", out, "--figure", figure)
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    found = json.loads(out.read_text())
    assert list(found["accuracies"]) == ["random", "tpe"]
    # The first trial has the defaults, whatever the sampler is.
    assert found["accuracies"]["random"][0] == found["accuracies"]["tpe"][0]
    assert all(len(values) == 2 for values in found["accuracies"].values())
    assert 0 <= found["by_hand"] <= 1
    assert "by hand" in result.stdout
    assert ">tpe</text>" in figure.read_text()
    (record,) = tmp_path.glob("tpe/*/result.json")
    written = record.stat().st_mtime_ns
    again = run("--table", out)
    assert again.stdout == result.stdout
    assert run(*arguments).returncode == 0
    assert record.stat().st_mtime_ns == written


def test_the_page_has_the_figure_and_the_numbers_of_the_kept_results(samplers):
    docs = FOLDER.parent / "docs"
    found = json.loads((docs / "samplers.json").read_text())
    page = (docs / "compress.md").read_text()
    for name, values in found["accuracies"].items():
        best = 100 * samplers.best_so_far(values)
        assert f"| {name} | {best[0]:.1f} % | {best[4]:.1f} % | {best[-1]:.1f} % |" in page
    assert f"| one sparsity for all layers | {100 * found['by_hand']:.1f} % | | |" in page
    assert "![Best accuracy so far over the trials of each sampler](samplers.svg)" in page


def test_trials_that_did_not_end_are_left_out(samplers):
    states = ("complete", "failed", "pruned", "running", "complete")
    trials = [{"state": state, "metric": 0.1 * n} for n, state in enumerate(states)]
    assert samplers.accuracies({"trials": trials}) == [0.0, None, 0.4]
    assert len(samplers.accuracies({"trials": 30 * trials[:1]})) == 10  # of --trials


def test_an_unknown_sampler_is_an_error_before_any_training(pictures, tmp_path):
    result = run("--data", pictures, "--output_dir", tmp_path / "out", "--samplers", "tpe,grid")
    assert result.returncode == 1
    assert "Expected a sampler: tpe, gp, cmaes, ddpg, random. Received: 'grid'" in result.stderr
    assert not (tmp_path / "out").exists()


def test_trials_that_were_stopped_early_are_never_the_best(samplers):
    best = samplers.best_so_far([None, 0.5, None, 0.4, 0.6])
    np.testing.assert_array_equal(best, [np.nan, 0.5, 0.5, 0.5, 0.6])


def test_one_sparsity_brings_the_costs_to_a_fraction(samplers):
    layers = LayerCosts("a", 10, (60.0, 30.0, 6.0)), LayerCosts("b", 10, (20.0, 10.0, 2.0))
    table = CostTable("macs", "float32", (1, 1), (0.0, 0.5, 0.9), layers, 20.0, (100, 60, 28), {})
    assert samplers.one_sparsity(table, 0.6) == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_missing_file_of_results_is_named(tmp_path):
    result = run("--table", tmp_path / "none.json")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert str(tmp_path / "none.json") in result.stderr.splitlines()[-1]
