import os

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.test_sources import X, outputs, pruned_model
from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model


@pytest.fixture(scope="module")
def model():
    return pruned_model(keras)


def weights_of(path):
    """The dense int8 weights of a file and their zero points, layer by layer."""
    model = flatbuffer.read(path)
    densify_model(model)
    graph = model.subgraphs[0]
    tensors = [
        graph.tensors[op.inputs[1]]
        for op in graph.operators
        if flatbuffer.operator_name(model, op) in ("CONV_2D", "FULLY_CONNECTED")
    ]
    return [(flatbuffer.constant(model, t), t.quantization.zeroPoint) for t in tensors]


def test_every_zero_stays_a_zero(tmp_path, model):
    path = tfsparse.convert(
        model, tmp_path / "model.tflite", weights="int8", representative_dataset=X
    )
    kernels = [np.array(v) for v in model.trainable_variables if len(v.shape) > 1]
    for kernel, (values, zero_points) in zip(kernels, weights_of(path), strict=True):
        assert values.dtype == np.int8
        assert not zero_points.any()
        kernel = np.moveaxis(kernel, -1, 0).reshape(values.shape)
        assert not values[kernel == 0].any()
        assert np.mean(kernel == 0) > 0.7


def test_the_file_is_smaller_than_the_dense_one_and_gives_its_outputs(tmp_path, model):
    options = {"weights": "int8", "representative_dataset": X}
    sparse = tfsparse.convert(model, tmp_path / "sparse.tflite", **options)
    dense = tfsparse.densify(sparse, tmp_path / "dense.tflite")
    assert os.path.getsize(sparse) < 0.95 * os.path.getsize(dense)
    np.testing.assert_array_equal(outputs(sparse), outputs(dense))
    wanted = np.array(model(X[:1]))
    np.testing.assert_allclose(outputs(dense), wanted, atol=0.05 * np.ptp(wanted))


def two_inputs():
    inputs = [keras.Input((5,), name="z"), keras.Input((7,), name="a")]
    return keras.Model(inputs, keras.layers.Add()([keras.layers.Dense(3)(x) for x in inputs]))


Z, A = np.full((4, 1, 5), 2, np.float32), np.full((4, 1, 7), 30, np.float32)


@pytest.mark.parametrize(
    "dataset",
    [
        [{"z": z, "a": a} for z, a in zip(Z, A, strict=True)],
        list(zip(Z, A, strict=True)),
        lambda: ([z, a] for z, a in zip(Z, A, strict=True)),
        ((z[0], a[0]) for z, a in zip(Z, A, strict=True)),
    ],
    ids=["dictionaries", "tuples", "function", "iterator of examples"],
)
def test_a_dataset_of_several_inputs_is_by_name_or_in_order(tmp_path, dataset):
    path = tfsparse.convert(
        two_inputs(), tmp_path / "m.tflite", weights="int8", representative_dataset=dataset
    )
    graph = flatbuffer.read(path).subgraphs[0]
    # int8 spans what was seen of each input.
    spans = [
        255 * graph.tensors[op.outputs[0]].quantization.scale[0]
        for index in graph.inputs
        for op in graph.operators
        if op.inputs[0] == index
    ]
    np.testing.assert_allclose(spans, [2, 30], rtol=0.02)
    names = [d["name"] for d in Interpreter(path).get_input_details()]
    assert ["_z" in name for name in names] == [True, False]


def test_a_dataset_must_fit_the_model(tmp_path):
    path = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=r"the inputs \['z', 'a'\]. Received: one with \['z'\]"):
        tfsparse.convert(two_inputs(), path, weights="int8", representative_dataset=Z)
    with pytest.raises(ValueError, match="Received: an empty one"):
        tfsparse.convert(two_inputs(), path, weights="int8", representative_dataset=[])
