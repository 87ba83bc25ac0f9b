"""What `tfsparse.explain` says of a model: what the delegate takes, how, and why not the rest."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsparse
from tests.converter.single_op import merged, pruned, quantized_op, single_op, with_custom_operator
from tests.delegate import networks
from tests.delegate.outputs import explain
from tfsparse import flatbuffer
from tfsparse.runtime import explain as explain_module
from tfsparse.runtime.interpreter import open_reporting


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = networks.randomize(networks.mobile_net(), 0.8)
    return tfsparse.convert(model, tmp_path_factory.mktemp("runtime") / "model.tflite")


def test_tells_every_layer(path):
    found = explain(path)
    pointwise = [layer for layer in found.layers if layer.weights and layer.weights[1:3] == (1, 1)]
    assert len(pointwise) == 7
    for layer in pointwise:
        assert layer.taken
        assert layer.encoded
        assert 0.7 < layer.sparsity < 0.9
        assert layer.kernel.startswith("sparse")
        assert layer.seconds is None
    assert len(found.parts) == 1
    table = str(found)
    assert "DEPTHWISE_CONV_2D" in table
    assert "80 % stored sparse" in table
    assert "runs" in found.summary()


def cpu_computes_in_float16():
    """Whether Linux lists the instructions of arm64 for float16 vectors."""
    features = re.search(r"^Features\s*:(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return features is not None and "asimdhp" in features[1].split()


def test_float16_is_used_or_float32_and_that_said(path):
    assert not explain(path).lacks_fp16
    assert "which has no float16" not in explain(path).summary()
    found = explain(path, options={"precision": "fp16"})
    if cpu_computes_in_float16():
        assert found.isa.endswith("fp16")
        assert not found.lacks_fp16
        assert "which has no float16" not in found.summary()
    else:
        assert found.isa == explain(path).isa
        assert found.lacks_fp16
        assert f"({found.isa}, which has no float16)" in found.summary()


def test_measures(path):
    layers = explain(path, measure=True, runs=3).layers
    timed = [layer for layer in layers if layer.seconds is not None]
    assert len(timed) > 10
    assert all(0 < layer.seconds < 1 for layer in timed)


def one_convolution(tmp_path, sparsity):
    inputs = networks.image(56, 64)
    model = keras.Model(inputs, keras.layers.Conv2D(256, 1)(inputs))
    return tfsparse.convert(networks.randomize(model, sparsity), tmp_path / "model.tflite")


def test_leaves_what_tflite_runs_faster(tmp_path):
    """Dense, and by kernels without SIMD: slower on any machine, however busy it is."""
    path = one_convolution(tmp_path, 0.0)
    (layer,) = tfsparse.explain(path, options={"isa": "portable"}).layers
    assert not layer.taken
    assert "TFLite's default is about as fast or faster" in layer.reason
    (layer,) = tfsparse.explain(path, options={"isa": "portable", "auto": False}).layers
    assert layer.taken


@pytest.mark.parametrize("shape", [(16, 24), (16, 1, 1, 24)])
def test_quantised_operators_are_taken_in_int8_only(tmp_path, shape):
    path = tmp_path / "model.tflite"
    weights = pruned(shape, 0.8, np.int8)
    path.write_bytes(flatbuffer.serialize(quantized_op(weights)))
    tfsparse.convert(path, path)
    assert all(layer.taken for layer in explain(path).layers)
    path.write_bytes(flatbuffer.serialize(quantized_op(weights, "INT16")))
    (layer,) = explain(path).layers
    assert layer.reason == "computes in int16"


def test_a_reason_stands_once_below_the_table(tmp_path):
    path = tmp_path / "model.tflite"
    weights = pruned((64, 1, 1, 64), 0.8, np.int8)
    models = [quantized_op(weights, "INT16") for _ in range(2)]
    path.write_bytes(flatbuffer.serialize(merged(models)))
    found = explain(path)
    ((reason, layers),) = found.reasons().items()
    assert layers == list(found.layers)
    table, reasons, summary = str(found).split("\n\n")
    rows = table.splitlines()[1:]
    assert len(rows) == len(layers) > 1
    assert all(row.endswith("TFLite (1)") for row in rows)
    assert reasons == f"(1) {len(layers)} operators: {reason}"
    assert f"runs 0 of {len(layers)} operators; the rest stays with TFLite." in summary


def test_counts_only_nonzero_multiplications(path):
    layer = next(layer for layer in explain(path).layers if layer.kernel.startswith("sparse"))
    nonzeros = np.prod(layer.weights) * (1 - layer.sparsity)
    assert layer.macs == pytest.approx(nonzeros * 12 * 12)


def test_operators_that_only_the_default_delegate_runs_are_no_error(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(with_custom_operator(pruned((16, 1, 1, 64), 0.8))))
    for measure in (False, True):
        convolution, custom = explain(path, measure=measure).layers
        assert convolution.kernel.startswith("sparse")
        assert custom.operator == "Convolution2DTransposeBias"
        assert custom.reason == "operator is not supported"


def test_an_operator_that_nobody_knows_is_an_error(tmp_path):
    model = with_custom_operator(pruned((16, 1, 1, 64), 0.8))
    model.operatorCodes[-1].customCode = "MyOp"
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(model))
    with pytest.raises(RuntimeError, match="MyOp"):
        explain(path)


@pytest.fixture(scope="module")
def open_path(tmp_path_factory):
    return networks.open_sizes(tmp_path_factory.mktemp("open") / "open.tflite")


def test_parts_are_the_same_before_and_after_their_sizes_are_computed(open_path):
    planned, ran = explain(open_path), explain(open_path, measure=True, runs=1)
    assert len(planned.parts) == len(ran.parts) == 2
    assert [layer.taken for layer in planned.layers] == [layer.taken for layer in ran.layers]
    waiting = [layer.name for layer in planned.layers if not layer.planned]
    assert len(waiting) == 3, "what reads the enlarged image"
    assert str(planned).count("tfsparse, planned when the model runs") == 3
    assert "Planned when the model runs, which computes their sizes: 3;" in planned.summary()
    assert all(layer.planned and layer.seconds for layer in ran.layers if layer.name in waiting)
    assert "planned" not in str(ran)


def test_says_what_the_cuts_between_parts_cost(open_path, path):
    found = explain(open_path, measure=True, runs=1)
    taken = [layer.index for layer in found.layers if layer.taken]
    assert sorted(i for part in found.parts for i in part.operators) == taken
    for part in found.parts:
        assert 0 < part.layout_seconds < part.seconds
        assert part.default_seconds > 0
    layers = sum(layer.seconds or 0 for layer in found.layers)
    layouts = sum(part.layout_seconds for part in found.parts)
    assert sum(part.seconds for part in found.parts) == pytest.approx(layers + layouts)
    assert "Changes of layout where parts begin and end take" in found.summary()
    assert "Changes of layout" not in explain(path, measure=True, runs=1).summary()


def test_sizes_that_a_file_leaves_open_can_be_given(open_path):
    macs = {}
    for shapes in (None, (1, 112, 112, 3), {"image": (2, 112, 112, 3)}):
        found = explain(open_path, shapes=shapes)
        macs[str(shapes)] = found.layers[0].macs
        assert found.assumed_shapes == ({} if shapes else {"image": (1, 224, 224, 3)})
        assert ("image as 1x224x224x3. --shape" in str(found)) == (shapes is None)
    usual, one, two = macs.values()
    assert (usual, two) == (pytest.approx(4 * one), pytest.approx(2 * one))


@pytest.mark.parametrize("by_name", [False, True])
def test_the_delegate_decides_for_the_shapes_of_an_option(open_path, by_name):
    macs = []
    for shape in ((1, 224, 224, 3), (1, 112, 112, 3), (2, 112, 112, 3)):
        shapes = {"image": shape} if by_name else shape
        options = {"auto": False, "input_shapes": shapes}
        _, delegate = open_reporting(open_path, options=options)  # Nothing is resized or run yet.
        parts = delegate.report()["partitions"]
        steps = [step for part in parts for step in part.get("steps", [])]
        macs.append(sum(step["macs"] for step in steps))
    usual, one, two = macs
    assert usual > 0
    assert (usual, two) == (pytest.approx(4 * one), pytest.approx(2 * one))
    options["input_shapes"] = {"image": (2, 112)} if by_name else (2, 112)
    with pytest.raises(ValueError, match="expected 4 sizes for input 'image', received 2"):
        open_reporting(open_path, options=options)


def test_operators_of_several_subgraphs_have_different_numbers(tmp_path):
    path = networks.branches(tmp_path / "model.tflite")
    found = explain(path, measure=True, runs=1)
    numbers = [line.split()[0] for line in str(found).split("\n\n")[0].splitlines()[1:]]
    assert len(set(numbers)) == len(numbers) == len(found.layers)
    assert {"0", "1:0", "2:0"} <= set(numbers)
    convolutions = [layer for layer in found.layers if layer.operator == "CONV_2D"]
    assert [layer.subgraph for layer in convolutions] == [0, 1, 2]
    main, *branches = (layer.seconds for layer in convolutions)
    assert main > 0
    assert branches.count(None) == 1, "the branch that did not run has no time"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("größe".encode(), "größe"), (b"gr\xf6sse", "gr\N{REPLACEMENT CHARACTER}sse")],
)
def test_names_are_those_of_the_file(tmp_path, name, shown):
    model = single_op(pruned((16, 64), 0.8))
    model.subgraphs[0].tensors[3].name = name
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(model))
    assert explain(path).layers[-1].name == shown


def test_files_take_turns_when_they_are_measured(tmp_path, monkeypatch):
    paths, turns = [], []
    for name in "ab":
        paths.append(tmp_path / name)
        paths[-1].write_bytes(flatbuffer.serialize(single_op(pruned((16, 64), 0.8))))

    def recording(path, *args, **kwargs):
        interpreter, delegate = open_reporting(path, *args, **kwargs)
        invoke = interpreter.invoke
        interpreter.invoke = lambda: (turns.append(path.name), invoke())
        return interpreter, delegate

    monkeypatch.setattr(explain_module, "open_reporting", recording)
    found = explain_module.explain_in_turn(paths, measure=True, runs=2, options={"auto": False})
    assert [Path(one.path).name for one in found] == ["a", "b"]
    assert all(one.layers[-1].seconds > 0 for one in found)
    assert "".join(turns) == "bbaaaabb", "each goes first in turn, and twice, for warm caches"


def test_small_times_have_digits(path):
    found = explain(path, measure=True, runs=3)
    microseconds = [line.split()[-2:] for line in str(found).splitlines() if "GFLOP/s" not in line]
    assert not any("0" in cells for cells in microseconds)
