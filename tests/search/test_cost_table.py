import dataclasses

import pytest

from tfsparse.search import CostTable
from tfsparse.search.cost_table import LayerCosts

TABLE = CostTable(
    quantity="latency",
    weights="float32",
    block_size=(1, 1),
    sparsities=(0.0, 0.5, 0.9),
    layers=(LayerCosts("a", 100, (4e-3, 2e-3, 1e-3)), LayerCosts("b", 50, (1e-3, 1e-3, 5e-4))),
    rest=1e-3,
    whole=(6e-3, 4.4e-3, 2.5e-3),
    setting={"cpu": "some processor"},
)


def test_the_cost_is_the_sum_over_layers_and_the_rest():
    assert TABLE.cost({}) == pytest.approx(6e-3)
    assert TABLE.cost({"a": 0.5, "b": 0.9}) == pytest.approx(3.5e-3)
    assert TABLE.cost({"a": 0.7}) == pytest.approx(1e-3 + 1.5e-3 + 1e-3)
    assert TABLE.least == pytest.approx(2.5e-3)


def test_quantities_have_titles():
    assert TABLE.title == "Latency"
    assert dataclasses.replace(TABLE, quantity="macs").title == "MACs"


def test_the_error_is_that_of_the_sum_against_the_whole():
    assert TABLE.error == pytest.approx(1 - 4.0 / 4.4)


def test_the_error_is_also_that_of_different_sparsities_in_turn():
    # a has 0.5 and b 0.9: a sum of 3.5 ms.
    assert dataclasses.replace(TABLE, mixed=3.5e-3).error == pytest.approx(TABLE.error)
    assert dataclasses.replace(TABLE, mixed=5e-3).error == pytest.approx(0.3)


@pytest.mark.parametrize("changes", [{}, {"pruned": "channels", "mixed": 3e-3}])
def test_it_is_kept_as_a_file(tmp_path, changes):
    table = dataclasses.replace(TABLE, **changes)
    table.save(tmp_path / "table.json")
    assert CostTable.load(tmp_path / "table.json") == table


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"layers": 3}'])
def test_another_file_is_refused(text):
    with pytest.raises(ValueError, match="Expected a cost table"):
        CostTable.from_json(text)


def test_an_unknown_quantity_is_refused():
    text = TABLE.to_json().replace('"latency"', '"weight"')
    with pytest.raises(ValueError, match="Expected a quantity of latency"):
        CostTable.from_json(text)


def test_it_prints_layers_by_sparsity():
    text = str(TABLE)
    assert "latency in µs by sparsity" in text
    assert text.splitlines()[2].split() == ["a", "100", "4,000", "2,000", "1,000"]
    assert "9.1 % off" in text


@pytest.mark.parametrize(
    ("quantity", "cost", "text"),
    [("latency", 1.5e-3, "1.50 ms"), ("size", 1500.0, "1.50 kB"), ("macs", 2e6, "2.00 M MACs")],
)
def test_amounts_have_units(quantity, cost, text):
    assert dataclasses.replace(TABLE, quantity=quantity).amount(cost) == text
