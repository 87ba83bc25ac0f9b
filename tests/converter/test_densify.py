import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

import tfsparse
from tests.converter.single_op import merged, pruned, quantized_op, run, single_op
from tests.downloads import mediapipe_files
from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model
from tfsparse.converter.layouts import encode_as
from tfsparse.converter.sparsify import sparsify
from tfsparse.flatbuffer.encoding import decode, encode

LAYOUTS = ("auto", "csr", (4, 1), (1, 4), (2, 2))


def random_weights(rng, dtype):
    shape = rng.integers(1, 12, 4) * rng.choice([1, 4], 4)
    shape[1:3] = rng.choice([1, 1, 3])
    weights = pruned(shape, rng.choice([0, 0.5, 0.8, 0.95, 1]), dtype, seed=rng.integers(2**32))
    if rng.random() < 0.3:
        weights[rng.integers(len(weights))] = 0
    if np.dtype(dtype).kind == "f" and rng.random() < 0.3:
        weights.flat[rng.integers(weights.size)] = rng.choice([np.nan, np.inf, 6e-8])
    return weights


def sparse_tensors(model):
    return [t for graph in model.subgraphs for t in graph.tensors if t.sparsity is not None]


@pytest.mark.parametrize("dtype", sorted(set(flatbuffer.DTYPES.values()), key=str))
def test_every_type_comes_back_bit_for_bit(dtype):
    rng = np.random.default_rng(7)
    for _ in range(30):
        weights = random_weights(rng, dtype)
        for layout in LAYOUTS:
            assert decode(encode_as(weights, layout)).tobytes() == weights.tobytes()


def test_minus_zero_comes_back_as_zero():
    weights = np.array([[-0.0, 1.0]], np.float32)
    assert decode(encode_as(weights, "auto")).tobytes() == np.float32([0, 1]).tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_thousand_tensors_come_back_bit_for_bit_in_the_same_file(layout):
    rng = np.random.default_rng(3)
    models = [
        single_op(random_weights(rng, rng.choice([np.float32, np.float16]))) for _ in range(140)
    ]
    models += [quantized_op(random_weights(rng, np.int8)) for _ in range(60)]
    model = merged(models)
    dense = flatbuffer.serialize(model)
    assert sparsify(model, layout) > 30
    sparse = flatbuffer.serialize(model)
    assert len(sparse) < len(dense)
    model = flatbuffer.parse(sparse)
    densify_model(model)
    assert flatbuffer.serialize(model) == dense


@pytest.mark.parametrize("runtime", [tf.lite, litert])
def test_outputs_in_plain_tflite_are_those_of_the_dense_file(tmp_path, runtime):
    rng = np.random.default_rng(5)
    shapes = [(32, 3, 3, 16), (24, 300), (8, 1, 1, 20), (64, 100)]
    models = [
        single_op(pruned(shape, 0.8, dtype, rng.integers(99)))
        for shape in shapes
        for dtype in (np.float32, np.float16)
    ]
    models += [quantized_op(pruned(shape, 0.8, np.int8)) for shape in shapes if len(shape) == 4]
    paths = {name: str(tmp_path / f"{name}.tflite") for name in ("source", "sparse", "dense")}
    with open(paths["source"], "wb") as file:
        file.write(flatbuffer.serialize(merged(models)))
    for layout in ("auto", (4, 1)):
        tfsparse.convert(paths["source"], paths["sparse"], encoding=layout)
        tfsparse.densify(paths["sparse"], paths["dense"])
        expected = run(runtime.Interpreter(paths["source"]))
        for name in ("sparse", "dense"):
            outputs = run(runtime.Interpreter(paths[name]))
            for output, wanted in zip(outputs, expected, strict=True):
                np.testing.assert_array_equal(output, wanted)


def test_weights_that_an_operator_reads_sparse_become_dense():
    weights = pruned((16, 24), 0.8)
    model = single_op(weights)
    dense = flatbuffer.serialize(model)
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encode(weights), 0)
    graph = model.subgraphs[0]
    graph.tensors[1] = graph.tensors.pop()
    graph.tensors[1].name = b"weights"
    del graph.operators[0], model.operatorCodes[1]
    assert densify_model(model) == 1
    assert flatbuffer.serialize(model) == dense


def test_tensors_are_renumbered_everywhere():
    schema, weights = flatbuffer.schema, pruned((16, 24), 0.8)
    model = single_op(weights)
    graph = model.subgraphs[0]
    graph.operators[0].intermediates = [-1]
    model.signatureDefs = [
        schema.SignatureDefT(
            signatureKey="serve", outputs=[schema.TensorMapT(name="y", tensorIndex=3)]
        )
    ]
    dense = flatbuffer.serialize(model)
    flatbuffer.replace_by_densify(model, graph, 1, encode(weights), 0)
    # The sparse constant first, as other converters have it.
    graph.tensors.insert(0, graph.tensors.pop())
    graph.inputs, graph.outputs = [1], [4]
    graph.operators[0].inputs, graph.operators[0].outputs = [0], [2]
    graph.operators[1].inputs, graph.operators[1].outputs = [1, 2, 3], [4]
    model.signatureDefs[0].outputs[0].tensorIndex = 4
    densify_model(model)
    assert flatbuffer.serialize(model) == dense


def test_a_model_that_counts_its_operators_is_refused(tmp_path):
    weights = pruned((16, 24), 0.8)
    model = single_op(weights)
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encode(weights), 0)
    name = "model_control_dependencies"
    model.metadata = [flatbuffer.schema.MetadataT(name=name, buffer=0)]
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(model))
    with pytest.raises(ValueError, match="counts on the operators that it has"):
        tfsparse.densify(path, path)


def test_a_dense_file_is_copied(tmp_path):
    path, out = tmp_path / "model.tflite", tmp_path / "out.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 24), 0))) + b"appended")
    assert tfsparse.densify(path, out) == str(out)
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.download
def test_googles_files_run_alike_sparse_and_dense(tmp_path):
    for path in mediapipe_files():
        auto = tfsparse.convert(path, tmp_path / "auto.tflite")
        dense = tfsparse.densify(auto, tmp_path / "dense.tflite")
        assert os.path.getsize(auto) <= os.path.getsize(path)
        source, made = flatbuffer.read(path), flatbuffer.read(dense)
        assert not sparse_tensors(made)
        assert bool(source.archive) == bool(made.archive)
        values = constants(made)
        for name, wanted in constants(source).items():
            np.testing.assert_array_equal(values[name], wanted, f"{path.name}: {name}")
        if path.read_bytes() == Path(auto).read_bytes() == Path(dense).read_bytes():
            continue
        expected = run(litert.Interpreter(str(path)))
        for file in (auto, dense):
            for output, wanted in zip(run(litert.Interpreter(file)), expected, strict=True):
                np.testing.assert_array_equal(output, wanted, path.name)


def constants(model):
    """The dense value of every constant that an operator but DENSIFY reads, by tensor name."""
    densify_model(model)
    graph = model.subgraphs[0]
    return {
        tensor.name: flatbuffer.constant(model, tensor)
        for tensor in graph.tensors
        if flatbuffer.dtype_name(tensor) and flatbuffer.is_constant(model, tensor)
    }
