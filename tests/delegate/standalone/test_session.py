"""Files that run without TFLite have the outputs of the delegate, and others are refused."""

import ctypes
import re
import shutil
import threading
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.delegate import networks, random_graphs
from tests.delegate.cpp import CXX, ROOT
from tests.delegate.graph_builder import GraphBuilder, describe
from tests.delegate.int8_graphs import quantize
from tests.delegate.int8_layers import computed_values
from tests.delegate.outputs import ALWAYS, check_close, explain, invoke, random_inputs, resize
from tests.delegate.runs import write
from tests.delegate.standalone.library import Model, Refused, library
from tests.delegate.test_outputs import NETWORKS, WHOLE
from tfsparse import flatbuffer

pytestmark = pytest.mark.skipif(shutil.which(CXX) is None, reason=f"no C++ compiler {CXX}")


def check_same(path, shapes=None):
    """Asserts that a file has the delegate's outputs. Returns the module's description of it."""
    interpreter = tfsparse.Interpreter(path, num_threads=1, options=ALWAYS)
    for detail in interpreter.get_input_details():
        if shapes:
            interpreter.resize_tensor_input(detail["index"], shapes[detail["name"]])
    interpreter.allocate_tensors()
    model = Model(path.read_bytes(), shapes)
    threaded = Model(path.read_bytes(), shapes, num_threads=2)
    operators = {operator["operator"] for operator in model.describe()["operators"]}
    for seed in (0, 1):
        inputs = random_inputs(interpreter, seed)
        expected = invoke(interpreter, inputs)
        # Random graphs may have outputs that are all zero, or overflow.
        if not all(0 < np.abs(one).max() < np.inf for one in expected.values()):
            hypothesis.reject()
        actual = model.run(inputs)
        check_close(actual, expected)
        with_threads = threaded.run(inputs)
        check_close(with_threads, expected)
        for name, value in with_threads.items():
            # Each thread groups the rows of transposed convolutions from its first one on.
            if "TRANSPOSE_CONV" not in operators:
                np.testing.assert_array_equal(value, actual[name], err_msg=name)
    return model.describe()


def converted(folder, name, **options):
    model = networks.randomize(NETWORKS[name](), 0.8)
    return Path(tfsparse.convert(model, folder / "model.tflite", **options))


@pytest.mark.parametrize("name", WHOLE)
def test_networks(tmp_path, name):
    description = check_same(converted(tmp_path, name))
    assert all(operator["taken"] for operator in description["operators"])


@pytest.mark.parametrize("options", [{"encoding": "none"}, {"weights": "float16"}])
def test_encodings_of_the_weights(tmp_path, options):
    description = check_same(converted(tmp_path, "mobilenet_v2_like", **options))
    kernels = [step["kernel"] for step in description["steps"]]
    assert sum(kernel.startswith("sparse") for kernel in kernels) >= 7


def test_int8(tmp_path):
    model = networks.randomize(networks.mobile_net(size=32), 0.8)
    images = np.random.default_rng(0).random((4, 1, 32, 32, 3), np.float32)
    path = tmp_path / "int8.tflite"
    tfsparse.convert(model, path, weights="int8", representative_dataset=lambda: images)
    check_same(path)


def test_open_sizes(tmp_path):
    def network(image):
        x = tf.nn.conv2d(image, networks.sparse_weights(3, 3, 3, 16), 2, "SAME")
        return tf.nn.conv2d(x, networks.sparse_weights(1, 1, 16, 8), 1, "SAME")

    spec = tf.TensorSpec([None, None, None, 3], name="image")
    path = networks.convert_function(network, tmp_path / "open.tflite", spec)
    (given,) = tfsparse.Interpreter(path).get_input_details()
    with pytest.raises(Refused, match=f"input '{given['name']}' has open dimensions"):
        Model(path.read_bytes())
    for shape in ((1, 16, 16, 3), (2, 21, 17, 3)):
        check_same(path, {given["name"]: shape})
    with pytest.raises(Refused, match=r"expected a shape of 4 dimensions .* received \[1, 16\]"):
        Model(path.read_bytes(), {given["name"]: (1, 16)})


def test_refuses_sizes_that_only_the_run_computes(tmp_path):
    path = networks.open_sizes(tmp_path / "open.tflite")
    with pytest.raises(Refused, match="cannot run SHAPE 'Shape': its output is read outside"):
        Model(path.read_bytes())


def test_times_every_step(tmp_path):
    path = converted(tmp_path, "mobilenet_v2_like")
    model = Model(path.read_bytes())
    assert {step["seconds"] for step in model.describe()["steps"]} == {None}
    model.run(random_inputs(resize(tfsparse.Interpreter(path), None)), measure=True)
    assert all(step["seconds"] > 0 for step in model.describe()["steps"])


def test_describes_inputs_outputs_and_operators(tmp_path):
    path = converted(tmp_path, "mobilenet_v2_like")
    description = Model(path.read_bytes()).describe()
    interpreter = tfsparse.Interpreter(path)
    for kind in ("input", "output"):
        (detail,) = getattr(interpreter, f"get_{kind}_details")()
        (one,) = description[f"{kind}s"]
        assert one == {
            "name": detail["name"],
            "type": "float32",
            "shape": detail["shape"].tolist(),
        }
    layers = explain(path).layers
    assert len(layers) == len(description["operators"])
    for layer, operator in zip(layers, description["operators"], strict=True):
        assert operator["index"] == layer.index
        assert operator["operator"] == layer.operator
        assert operator["name"] == layer.name
        if layer.weights is not None:
            assert tuple(operator["weights"]) == layer.weights
            assert operator["sparsity"] == pytest.approx(layer.sparsity)
            assert operator["encoded"] == layer.encoded


def test_refuses_with_the_operator_and_the_reason(tmp_path):
    path = converted(tmp_path, "around_unknown_operators")
    message = r"cannot run (SIN|COS) '.*': operator is not supported \(and \d more\)"
    with pytest.raises(Refused, match=message):
        Model(path.read_bytes())


def sum_of_inputs(path, dtype=np.float32, inputs=(0,), outputs=(1,)):
    """Writes a graph of an input, tensor 0, and its sum with itself, tensor 1."""
    builder = GraphBuilder()
    x = builder.input((1, 4), dtype)
    builder.operator("ADD", [x, x], (1, 4), dtype)
    return write(builder.finish(inputs, outputs), path).read_bytes()


def test_refuses_integers(tmp_path):
    with pytest.raises(Refused, match="cannot run ADD 't1': is not arithmetic on shapes"):
        Model(sum_of_inputs(tmp_path / "ints.tflite", np.int32))


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ({"inputs": (0, 0)}, "input 't0' .* is listed twice"),
        ({"outputs": (1, 1)}, "output 't1' .* is listed twice"),
        ({"outputs": (0,)}, "output 't0' .* is both input and output"),
        ({"inputs": (0, 1)}, "input 't1' .* is both input and output"),
        ({"outputs": ()}, "without outputs"),
    ],
    ids=str,
)
def test_refuses_inputs_and_outputs(tmp_path, ends, message):
    assert Model(sum_of_inputs(tmp_path / "sum.tflite")).describe()["outputs"][0]["name"] == "t1"
    with pytest.raises(Refused, match=message):
        Model(sum_of_inputs(tmp_path / "wrong.tflite", **ends))


def test_refuses_what_nothing_writes(tmp_path):
    builder = GraphBuilder()
    x, missing = builder.input((1, 4)), builder.input((1, 4))
    y = builder.operator("ADD", [x, missing], (1, 4))
    model = builder.finish([x], [y])
    model.subgraphs[0].inputs = [x]
    path = write(model, tmp_path / "missing.tflite")
    with pytest.raises(Refused, match="reads a tensor that no earlier node writes"):
        Model(path.read_bytes())


def test_would_notice_allocations_of_workers():
    loaded, size = library(), ctypes.c_size_t(1)
    loaded.CountAllocations()
    loaded.TfSparseAllocate(size)
    assert loaded.AllocationsElsewhere() == 0
    worker = threading.Thread(target=loaded.TfSparseAllocate, args=(size,))
    worker.start()
    worker.join()
    assert loaded.AllocationsElsewhere() == 1


def test_names_operators_as_the_schema_does():
    """Those without a reader; readers have names of their own."""
    codes = vars(flatbuffer.schema.BuiltinOperator)
    names = {code: name for name, code in codes.items() if isinstance(code, int)}
    source = (ROOT / "delegate" / "standalone" / "operator_names.cc").read_text()
    assert re.findall(r'"([A-Z]\w+)"', source) == [names[code] for code in sorted(names)]


def test_random_graphs(tmp_path):
    counts = {True: 0, False: 0}

    @hypothesis.settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @hypothesis.given(random_graphs.graphs())
    def check_one(graph):
        hypothesis.note(describe(graph))
        path = write(graph, tmp_path / "graph.tflite")
        try:
            check_same(path)
            counts[True] += 1
        except Refused:
            assert not all(layer.taken for layer in explain(path).layers)
            counts[False] += 1

    check_one()
    assert counts[True] >= 20


def test_random_int8_graphs(tmp_path):
    """To the bit, where the delegate takes all; TFLite's kernels may differ by one code."""
    counts = {True: 0, False: 0}

    @hypothesis.settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @hypothesis.given(random_graphs.graphs())
    def check_one(graph):
        model = quantize(graph, computed_values(graph, tmp_path), 0)
        hypothesis.note(describe(model))
        path = write(model, tmp_path / "graph.tflite")
        taken = all(layer.taken for layer in explain(path).layers)
        counts[taken] += 1
        if taken:
            interpreter = tfsparse.Interpreter(path, num_threads=1, options=ALWAYS)
            interpreter.allocate_tensors()
            inputs = random_inputs(interpreter)
            expected = invoke(interpreter, inputs)
            for num_threads in (1, 2):
                actual = Model(path.read_bytes(), num_threads=num_threads).run(inputs)
                for name, value in expected.items():
                    np.testing.assert_array_equal(actual[name], value, err_msg=name)

    check_one()
    assert counts[True] >= 10
