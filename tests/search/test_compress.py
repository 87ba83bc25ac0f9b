"""Searches of a small network for MACs, which are counted and not timed."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsparse
from tfsparse.quantize.value_ranges import trained_ranges
from tfsparse.search import CostTable, TargetOutOfReachError, measure_costs, search, study
from tfsparse.search.plan import Plan
from tfsparse.search.prepared import Prepared
from tfsparse.search.training import Trainer

pytest.importorskip("optuna")


def compress(trained, folder, **options):
    model, data = trained
    options = {"target": {"macs": 0.5}, "trials": 3, "epochs": 2, "final_epochs": 2} | options
    return tfsparse.compress(model, data, data, directory=folder, batch_size=32, **options)


@pytest.fixture(scope="module")
def searched(trained, tmp_path_factory):
    """A search's folder and result, and the weights that its model had before."""
    folder = tmp_path_factory.mktemp("search")
    before = trained[0].get_weights()
    return folder, compress(trained, folder), before


def test_the_result_meets_the_target_and_is_written(searched, trained):
    folder, result, _ = searched
    assert 0.4 < result.fraction <= 0.5
    assert result.cost == pytest.approx(0.5 * result.dense, rel=0.1)
    inspection = tfsparse.inspect(result.path)
    assert inspection.totals.nonzero_macs == pytest.approx(result.cost, rel=0.01)
    again = keras.models.load_model(result.model_path)
    x, y = trained[1]
    assert again.evaluate(x, y, verbose=0)[1] == pytest.approx(result.value)
    for name, sparsity in result.sparsities.items():
        zeros = np.mean(again.get_layer(name).kernel.numpy() == 0)
        assert zeros == pytest.approx(sparsity, abs=0.01)
    assert {path.name for path in folder.iterdir()} >= {"best.keras", "best.tflite", "report.html"}


def test_the_record_has_every_trial(searched):
    folder, result, _ = searched
    record = json.loads((folder / "result.json").read_text())
    assert [trial["number"] for trial in record["trials"]] == [0, 1, 2]
    # The first has the defaults.
    assert record["trials"][0]["parameters"]["exponent"] == 0.5
    assert record["trials"][0]["metric"] == pytest.approx(result.trials[0].metric)
    assert "best.tflite: macs" in str(result)


def test_the_page_shows_trials_and_layers(searched):
    page = (searched[0] / "report.html").read_text()
    assert page.count("<circle") == 3
    for name in ("stem", "wide", "narrow", "head"):
        assert f"<th>{name}</th>" in page
    assert "Dark: the best trial" in page


def test_the_model_itself_does_not_change(searched, trained):
    model, _ = trained
    for now, then in zip(model.get_weights(), searched[2], strict=True):
        np.testing.assert_array_equal(now, then)
    assert model.optimizer is not searched[1].model.optimizer


def test_the_same_call_goes_on_where_it_ended(searched, trained, monkeypatch):
    folder, result, _ = searched
    monkeypatch.setattr(search, "prepare", None)  # nothing is measured again
    again = compress(trained, folder, trials=4)
    assert [trial.number for trial in again.trials] == [0, 1, 2, 3]
    assert [trial.metric for trial in again.trials[:3]] == [one.metric for one in result.trials]


def test_an_interrupted_search_keeps_what_is_finished(trained, tmp_path, monkeypatch):
    once = Trainer.fine_tune

    def interrupted(*args):
        if seen:
            raise KeyboardInterrupt
        seen.append(once(*args))
        return seen[-1]

    seen = []
    monkeypatch.setattr(Trainer, "fine_tune", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compress(trained, tmp_path)
    assert not (tmp_path / "best.tflite").exists()
    monkeypatch.setattr(Trainer, "fine_tune", once)
    monkeypatch.setattr(search, "prepare", None)  # nothing is measured again
    result = compress(trained, tmp_path)
    assert sum(trial.metric is not None for trial in result.trials) == 3
    first, interrupted, again, *_ = result.trials
    assert first.metric is not None
    assert interrupted.state == "failed"
    assert again.metric is not None
    assert again.parameters == interrupted.parameters


def test_a_folder_of_another_search_is_refused(searched, trained):
    with pytest.raises(ValueError, match="is of a search for another model, or with another"):
        compress(trained, searched[0], target={"macs": 0.4})


def test_the_same_seed_gives_the_same_result(searched, trained, tmp_path):
    result = compress(trained, tmp_path)
    assert result.sparsities == searched[1].sparsities
    for one, other in zip(result.trials, searched[1].trials, strict=True):
        assert one.parameters == other.parameters
        assert one.metric == pytest.approx(other.metric, abs=0.02)


def test_int8_is_trained_for_without_calibration_data(searched, trained, tmp_path, monkeypatch):
    # What int8 files cost is measured by others.
    found = searched[1]
    plan = Plan(dataclasses.replace(found.table, weights="int8"), found.sensitivity)
    kept = Prepared({"plain": plan}, found.dense, 0.5 * found.dense, found.reference, 0.0)
    monkeypatch.setattr(search, "prepare", lambda *_: kept)
    monkeypatch.setattr(search, "measured_of", lambda *_, **__: ({"plain": None}, None))
    options = {"trials": 1, "epochs": 1, "final_epochs": 1, "table": plan.table}
    result = compress(trained, tmp_path, weights="int8", **options)
    assert trained_ranges(result.model)
    kernels = [one.weights for one in tfsparse.inspect(result.path).products]
    assert {kernel.dtype for kernel in kernels} == {"int8"}


def test_trials_choose_among_methods(trained, tmp_path):
    options = {"trials": 2, "epochs": 1, "final_epochs": 1, "target": {"macs": 0.6}}
    result = compress(trained, tmp_path, methods=["gradual", "factorize"], **options)
    assert [one.parameters["method"] for one in result.trials] == ["gradual", "factorize"]
    factors = [any("factor" in name for name in one.sparsities) for one in result.trials]
    assert factors == [False, True]
    assert any("factor" in name for name in result.sparsities) == (result.method == "factorize")
    inspection = tfsparse.inspect(result.path)
    assert inspection.totals.nonzero_macs == pytest.approx(result.cost, rel=0.02)
    assert f"with the method {result.method}" in (tmp_path / "report.html").read_text()
    with pytest.raises(ValueError, match="is of a search for another model"):
        compress(trained, tmp_path, **options)


def test_channels_are_cut_to_a_smaller_model_that_is_trained(trained, tmp_path):
    options = {"trials": 1, "epochs": 1, "final_epochs": 1, "target": {"macs": 0.4}}
    result = compress(trained, tmp_path, methods="channels", **options)
    assert 0.3 < result.fraction <= 0.4 * (1 + search.TOLERANCE)
    macs = tfsparse.graph.macs(result.model)
    assert macs == pytest.approx(result.cost)
    assert macs == tfsparse.inspect(result.path).totals.macs
    sizes = {"stem": 16, "wide": 32, "narrow": 16}
    for name, size in sizes.items():
        left = result.model.get_layer(name).filters
        assert left == size - round(result.sparsities[name] * size)
    assert result.trials[0].metric is not None
    assert result.value > 0.3
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Groups of channels</h2>" in page
    assert "can be saved" in page
    options["target"] = {"macs": 0.01}
    with pytest.raises(TargetOutOfReachError, match="every group of channels at its cheapest"):
        compress(trained, tmp_path / "b", methods="channels", **options)


def test_an_archive_is_a_target(trained, tmp_path):
    options = {"trials": 1, "epochs": 2, "final_epochs": 2, "target": {"archive": 0.5}}
    result = compress(trained, tmp_path, methods="sharing", **options)
    assert result.cost == pytest.approx((tmp_path / "best.tflite.pack").stat().st_size)
    assert result.fraction <= 0.5 * (1 + search.TOLERANCE)
    assert len(np.unique(result.model.get_layer("wide").kernel.numpy())) <= 32


@pytest.mark.parametrize("attempts", [2, 1])
def test_a_layer_that_gets_denser_begins_anew(attempts, trained, tmp_path, monkeypatch):
    """A result that costs too much is trained again, and other layers may then be pruned."""
    first = {"stem": 0.0, "wide": 0.9, "narrow": 0.0, "head": 0.0}
    then = first | {"wide": 0.0, "narrow": 0.9}
    tolerances = [-1.0, 10.0]  # The first file costs too much, the second does not.
    monkeypatch.setattr(search, "ATTEMPTS", attempts)
    write = search.Search._write

    def written(self, model):
        monkeypatch.setattr(search, "TOLERANCE", tolerances.pop(0))
        monkeypatch.setattr(Plan, "sparsities", lambda *_: then)
        return write(self, model)

    monkeypatch.setattr(Plan, "sparsities", lambda *_: first)
    monkeypatch.setattr(search.Search, "_write", written)
    # Weights that grow from zero would give a warning, which is an error in tests.
    result = compress(trained, tmp_path, target={"macs": 0.9}, trials=1)
    wide, narrow = (result.model.get_layer(name).kernel.numpy() for name in ("wide", "narrow"))
    if attempts == 1:  # What was trained stays as it is.
        assert np.mean(wide == 0) == pytest.approx(0.9, 0.01)
        return
    assert np.mean(narrow == 0) == pytest.approx(0.9, 0.01)
    correlation = np.corrcoef(wide.ravel(), trained[0].get_layer("wide").kernel.numpy().ravel())
    assert correlation[0, 1] > 0.9


def test_a_loss_of_accuracy_is_kept(trained, tmp_path):
    result = compress(trained, tmp_path, target={"accuracy_loss": 0.5}, trials=2)
    assert result.reference - result.value <= 0.5
    assert all("fraction" in trial.parameters for trial in result.trials)


def test_what_is_out_of_reach_is_said_at_once(trained, tmp_path):
    with pytest.raises(TargetOutOfReachError, match=r"which is 0\.05 of the dense model's"):
        compress(trained, tmp_path, target={"macs": 0.01})


def test_a_table_of_another_device_takes_the_place_of_times(trained, tmp_path):
    model, _ = trained
    table = measure_costs(
        model,
        "instructions",
        count=lambda paths: [Path(path).stat().st_size for path in paths],
        setting={"device": "one that counts bytes"},
    )
    table.save(tmp_path / "device.json")
    result = compress(
        trained,
        tmp_path / "search",
        target={"latency": 0.6},
        trials=1,
        table=CostTable.load(tmp_path / "device.json"),
    )
    assert result.table.setting["device"] == "one that counts bytes"
    assert Path(result.path).stat().st_size == pytest.approx(0.6 * result.dense, rel=0.05)


def test_a_table_of_something_else_is_refused(trained, tmp_path):
    table = measure_costs(trained[0], "macs", sparsities=(0.5,))
    with pytest.raises(ValueError, match=r"quantity 'latency' or 'instructions'.*'macs'"):
        compress(trained, tmp_path / "a", target={"latency": 0.5}, table=table)
    with pytest.raises(ValueError, match=r"block_size \(4, 1\).*\(1, 1\)"):
        compress(trained, tmp_path / "b", block_size=4, table=table)
    other = dataclasses.replace(table.layers[0], name="elsewhere")
    table = dataclasses.replace(table, layers=(other, *table.layers[1:]))
    with pytest.raises(ValueError, match=r"of this model's layers: stem.*with elsewhere"):
        compress(trained, tmp_path / "c", table=table)


def test_trainings_that_fail_end(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "run_trial", lambda trial, task: float("nan"))
    with pytest.raises(RuntimeError, match="accuracy to be a number after training"):
        compress(trained, tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": {"speed": 1}}, ValueError, "Expected one of latency"),
        ({"trials": 0}, ValueError, "trials to be a positive int"),
        ({"metric": "recall"}, ValueError, "Expected metric to be one .*accuracy"),
        ({"sampler": "luck"}, ValueError, "Expected a sampler"),
    ],
)
def test_arguments_out_of_range(trained, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        compress(trained, tmp_path, **options)


def test_a_model_that_is_not_compiled_is_refused(trained, tmp_path):
    model = keras.Model(trained[0].inputs, trained[0].outputs)
    with pytest.raises(ValueError, match="compiled with an optimizer and a loss"):
        tfsparse.compress(model, trained[1], trained[1], target={"macs": 0.5}, directory=tmp_path)
