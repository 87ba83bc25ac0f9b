import keras
import pytest

import tfsparse
from tests.benchmarks.scripts import loaded
from tfsparse.search import CostTable


@pytest.fixture(scope="module")
def script():
    with loaded("phone_table") as module:
        yield module


@pytest.fixture
def model(tmp_path):
    names = {"first": 8, "second": 2}
    layers = [keras.layers.Dense(units, name=name) for name, units in names.items()]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def counting(script, instructions=None, error=""):
    """In place of the emulator: a count by the size of a file."""

    def count_ours(path, inputs):
        with open(path, "rb") as file:
            size = len(file.read())
        return script.arm.Count(instructions=instructions or size, error=error)

    return count_ours


def test_the_table_is_written(script, model, tmp_path, monkeypatch):
    monkeypatch.setattr(script.arm, "count_ours", counting(script))
    flags = script.flags.FLAGS
    flags(["phone_table", f"--output={tmp_path / 'table.json'}", "--sparsities=0.5,0.9"])
    script.main(["phone_table", model])
    table = CostTable.load(tmp_path / "table.json")
    assert table.quantity == "instructions"
    assert table.sparsities == (0, 0.5, 0.9)
    assert [layer.name for layer in table.layers] == ["first", "second"]
    assert table.setting["device"] == "emulated cortex-a76"


def test_what_the_emulated_runtime_says_is_raised(script, model, tmp_path, monkeypatch):
    monkeypatch.setattr(script.arm, "count_ours", counting(script, error="no such operator"))
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    with pytest.raises(RuntimeError, match="no such operator"):
        script.count([path])
