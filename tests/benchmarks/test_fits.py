import importlib.util
import io
from pathlib import Path

import pytest
from rich.console import Console

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fits.py"


@pytest.fixture(scope="module")
def fits():
    specification = importlib.util.spec_from_file_location("fits", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def models(fits, monkeypatch):
    """Replaces the training; a list for each model, with the names of the callbacks of each fit."""
    models = []

    def make_fit(steps, batch_size, clock):
        called = []
        models.append(called)

        def fit(*callbacks):
            called.append([type(callback).__name__ for callback in callbacks])
            return 2.0 if called[-1] == ["RigL"] else 1.0

        return fit

    monkeypatch.setattr(fits, "make_fit", make_fit)
    return models


def measure(fits, models, rounds):
    return fits.measure(["RigL"], 1, models, rounds, 1, "cpu", Console(file=io.StringIO()))


def test_each_first_fit_is_of_a_new_model(fits, models):
    firsts, laters = measure(fits, 2, 3)
    assert list(firsts) == list(laters) == ["plain", fits.CONTROL, "RigL"]
    assert {len(seconds) for seconds in firsts.values()} == {2}
    assert {len(seconds) for seconds in laters.values()} == {3}
    assert sorted(map(len, models)) == [1, 1, 1, 4, 4, 4]


def test_a_callback_that_does_nothing_has_a_row(fits, models):
    output = Console(file=io.StringIO(), width=120)
    output.print(fits.table_of(*measure(fits, 2, 3), "cpu"))
    rows = output.file.getvalue().splitlines()
    (control,) = [row for row in rows if fits.CONTROL in row]
    (rigl,) = [row for row in rows if "RigL" in row]
    assert control.count("1.000 (1.000-1.000)") == 2
    assert rigl.count("2.000 (2.000-2.000)") == 2
