import dataclasses
import types

import pytest

from tests.benchmarks.scripts import loaded


@pytest.fixture(scope="module")
def compress():
    with loaded("compress") as module:
        yield module


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
    found |= {"rows": rows, "peak_bytes": {"plain_training": 100, "search": 104}}
    seconds = {"measurements": 4, "trials": 40, "training": 10}
    compress.show({**found, "seconds": {**seconds, "all": 60}})
    shown = capsys.readouterr().out
    assert "It took 60 s, of these 16.7 % beyond trainings." in shown
    assert "+4.0 % to that of a plain training" in shown
    assert "73.00 %" in shown
    assert "71.00 %" in shown
    assert "Predicted 49.0 %, measured 50.0 %" in shown
    compress.show({**found, "seconds": seconds})
    assert "It took" not in capsys.readouterr().out  # An earlier call took a part of the time.
