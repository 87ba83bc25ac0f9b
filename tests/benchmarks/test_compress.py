import dataclasses
import types

import numpy as np
import pytest

from tests.benchmarks.scripts import loaded
from tfsparse.zoo.datasets import Dataset


@pytest.fixture(scope="module")
def compress():
    with loaded("compress") as module:
        yield module


def test_every_picture_is_for_training_or_for_validation_and_classes_are_mixed(compress):
    x, y = np.arange(400), np.arange(400) // 100
    data = Dataset(x, y, x[:0], y[:0], ("a", "b", "c", "d"))
    (x_train, y_train), (x_validation, y_validation) = compress.parts_of(data)
    np.testing.assert_array_equal(np.sort(np.concatenate([x_train, x_validation])), x)
    np.testing.assert_array_equal(y_train, x_train // 100)
    np.testing.assert_array_equal(y_validation, x_validation // 100)
    assert len(x_validation) == 40
    assert set(y_validation) == set(y_train[:100]) == {0, 1, 2, 3}


def test_one_sparsity_is_found_that_is_as_fast(compress, monkeypatch):
    @dataclasses.dataclass
    class Measured:
        layers: list

        def variant(self, sparsities):
            (sparsity,) = set(sparsities)
            return 1 - sparsity

    # A file is as fast as it has nonzeros.
    monkeypatch.setattr(compress, "speedup", lambda first, second, seconds: first / second)
    measured = Measured([types.SimpleNamespace(name=name) for name in ("a", "b")])
    found = compress.same_latency(measured, 0.3)
    assert found == {"a": pytest.approx(0.7, abs=1e-3), "b": pytest.approx(0.7, abs=1e-3)}


def test_the_settings_are_those_of_the_trial(compress):
    parameters = {"learning_rate": 0.1, "end": 0.5, "distillation": 0.2, "exponent": 1.0}
    settings = compress.settings_of(types.SimpleNamespace(parameters=parameters))
    assert dataclasses.asdict(settings) == {"learning_rate": 0.1, "end": 0.5, "distillation": 0.2}


def test_the_table_has_the_mean_over_seeds(compress, capsys):
    rows = [
        {"name": name, "latency": 0.5, "accuracies": [low, low + 0.02]}
        for name, low in (("search", 0.72), ("uniform", 0.7))
    ]
    found = {"cpu": "some processor", "dense": 0.75, "predicted": 0.49, "measured": 0.5}
    compress.show({**found, "seconds": {"all": 60}, "rows": rows})
    shown = capsys.readouterr().out
    assert "73.00 %" in shown
    assert "71.00 %" in shown
    assert "Predicted 49.0 %, measured 50.0 %" in shown
