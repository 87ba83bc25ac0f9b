import numpy as np
import pytest

import tfsparse
from tfsparse import flatbuffer
from tfsparse.search import measure, measure_costs
from tfsparse.search.byte_counts import num_bytes
from tfsparse.search.measured import Measured


@pytest.fixture(scope="module")
def measured(trained):
    return Measured(trained[0])


def test_macs_are_those_of_nonzero_weights(measured):
    table = measure_costs(measured, "macs", sparsities=(0.5, 0.75))
    assert table.sparsities == (0, 0.5, 0.75)
    dense = {"stem": 64 * 576, "wide": 64 * 512, "narrow": 64 * 512, "head": 64}
    assert {layer.name: layer.costs[0] for layer in table.layers} == dense
    assert {layer.name: layer.costs[2] for layer in table.layers} == {
        name: macs / 4 for name, macs in dense.items()
    }
    assert table.error < 1e-9


def test_sizes_are_those_of_the_file_of_a_pruned_model(measured, trained, tmp_path):
    model, _ = trained
    table = measure_costs(measured, "size", sparsities=(0.5, 0.9))
    before = model.get_weights()
    tfsparse.GradualPruning(scope={"wide": 0.9, "stem": 0.5}).apply(model)
    path = tfsparse.convert(model, tmp_path / "pruned.tflite")
    model.set_weights(before)
    size = (tmp_path / "pruned.tflite").stat().st_size
    assert path
    assert table.cost({"wide": 0.9, "stem": 0.5}) == pytest.approx(size, rel=0.02)
    assert table.error < 0.02


@pytest.mark.parametrize("bits", [None, 3])
def test_archives_are_those_of_pruned_and_shared_weights(measured, bits, tmp_path):
    model = measured if bits is None else measured.sharing(bits)
    table = measure_costs(model, "archive", sparsities=(0.5, 0.9))
    sparsities = [0.9, 0.5, 0.0, 0.0]
    content = model.variant(sparsities)
    (tmp_path / "model.tflite").write_bytes(content)
    tfsparse.pack(tmp_path / "model.tflite", tmp_path / "packed")
    size = (tmp_path / "packed").stat().st_size
    assert num_bytes(content, "archive") == size
    names = [layer.name for layer in measured.layers]
    assert table.cost(dict(zip(names, sparsities, strict=True))) == pytest.approx(size, rel=0.1)
    file = model.parsed(sparsities)
    values = flatbuffer.constant(file, file.subgraphs[0].tensors[model.layers[1].tensors[0]])
    assert (len(np.unique(values)) <= 8) == (bits == 3)


def test_latency_has_a_time_for_each_layer(measured):
    table = measure_costs(measured, sparsities=(0.9,))
    assert table.unit == "s"
    assert all(cost > 0 for layer in table.layers for cost in layer.costs)
    assert min(table.whole) > 0
    assert {"cpu", "num_threads", "runtime", "tfsparse"} <= set(table.setting)


def test_another_device_counts_whole_files(measured):
    asked = []

    def count(paths):
        """A device on which every nonzero weight costs 3, and all else 1,000."""
        asked.extend(paths)
        return [1000 + 3 * nonzeros(path) for path in paths]

    table = measure_costs(measured, "instructions", sparsities=(0.5, 0.75), count=count)
    # A file for each sparsity of all layers, and one for each of a single layer.
    # And one with these sparsities in turn.
    assert len(asked) == 3 + 1 + 4 * 2
    assert table.error < 1e-9
    assert table.cost({}) == 1000 + 3 * (576 + 512 + 512 + 64)
    assert table.cost({"wide": 0.75}) == table.cost({}) - 3 * 384


def test_a_group_of_channels_has_what_it_saves_and_all_save_together(trained):
    table = measure_costs(trained[0], "macs", pruned="channels")
    assert [(layer.name, layer.size) for layer in table.layers] == [
        ("stem", 16),
        ("wide", 32),
        ("narrow", 16),
    ]
    assert table.sparsities == (0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
    dense = 64 * (576 + 512 + 512) + 64
    half = 64 * (576 // 2 + 512 // 4 + 512 // 4) + 32
    assert (table.whole[0], table.whole[4]) == (dense, half)
    assert table.cost(dict.fromkeys(("stem", "wide", "narrow"), 0.5)) == pytest.approx(half)
    # Alone the first saves half of two layers, and the second half of two others.
    saved = [layer.costs[0] - layer.costs[4] for layer in table.layers]
    assert saved[0] / saved[1] == pytest.approx((576 + 512) / (512 + 512))
    mixed = 64 * (576 * 14 / 16 + 14 * 24 + 24 * 10) + 40
    assert table.mixed == mixed
    turns = {"stem": 0.125, "wide": 0.25, "narrow": 0.375}
    assert table.error == pytest.approx(abs(table.cost(turns) / mixed - 1))


def test_files_with_fewer_channels_are_those_that_are_counted(trained):
    def count(paths):
        return [tfsparse.inspect(path).totals.nonzero_macs for path in paths]

    options = {"pruned": "channels", "sparsities": (0.5,)}
    expected = measure_costs(trained[0], "macs", **options)
    found = measure_costs(trained[0], "instructions", count=count, **options)
    assert found.layers == expected.layers
    assert found.whole == expected.whole


def test_many_files_are_timed_a_few_at_a_time_and_compared_with_the_first(monkeypatch):
    clocks = iter((1.0, 2.0))  # the processor is slower the second time
    together = []

    def fastest(files, seconds):
        clock = next(clocks)
        together.append(len(files))
        return [clock * file for file in files]

    monkeypatch.setattr(measure, "_interpreters", lambda paths, *_: paths)
    monkeypatch.setattr(measure.timing, "fastest", fastest)
    assert measure._times(range(1, 12), 1, None) == pytest.approx(1e-3 * np.arange(1, 12))
    assert together == [1 + measure.AT_ONCE, 1 + 10 - measure.AT_ONCE]


def nonzeros(path):
    inspection = tfsparse.inspect(path)
    return sum(
        one.weights.zeros.size - one.weights.zeros.zeros
        for one in inspection.products
        if one.weights
    )


def test_int8_files_have_smaller_kernels(trained):
    model, (x, _) = trained
    options = {"weights": "int8", "representative_dataset": x}
    table = measure_costs(model, "size", sparsities=(0.8,), **options)
    assert table.weights == "int8"
    assert {layer.name: layer.costs[0] for layer in table.layers}["stem"] == 576


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantity": "watts"}, "one of latency, size, archive, macs. Received: 'watts'"),
        ({"quantity": "instructions"}, "Received: 'instructions'"),
        ({"pruned": "layers"}, "pruned to be one of weights, channels. Received: 'layers'"),
        ({"sparsities": (1.0,)}, r"sparsities in \[0, 1\)"),
        ({"sparsities": ()}, r"sparsities in \[0, 1\)"),
    ],
)
def test_arguments_out_of_range(measured, arguments, message):
    with pytest.raises(ValueError, match=message):
        measure_costs(measured, **arguments)


def test_zeros_may_be_in_blocks(measured):
    content = measured.variant([0.5] * len(measured.layers), (4, 1))
    assert np.frombuffer(content, np.uint8).size < len(measured.variant([0.0] * 4))
