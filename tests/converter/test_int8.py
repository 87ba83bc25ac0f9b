import os
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.test_sources import X, outputs, pruned_model
from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model

# The other tests start the process that calibrates, and TensorFlow in it.
here = pytest.mark.usefixtures("calibrate_here")


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


@here
def test_the_file_is_smaller_than_the_dense_one_and_gives_its_outputs(tmp_path, model):
    options = {"weights": "int8", "representative_dataset": X}
    sparse = tfsparse.convert(model, tmp_path / "sparse.tflite", **options)
    dense = tfsparse.densify(sparse, tmp_path / "dense.tflite")
    assert os.path.getsize(sparse) < 0.95 * os.path.getsize(dense)
    np.testing.assert_array_equal(outputs(sparse), outputs(dense))
    wanted = np.array(model(X[:1]))
    np.testing.assert_allclose(outputs(dense), wanted, atol=0.05 * np.ptp(wanted))


def two_inputs(sizes=(5, 7)):
    inputs = [keras.Input((size,), name=name) for name, size in zip("za", sizes, strict=True)]
    return keras.Model(inputs, keras.layers.Add()([keras.layers.Dense(3)(x) for x in inputs]))


def spans_of_inputs(path):
    """What int8 spans of each input: what was seen of it."""
    graph = flatbuffer.read(path).subgraphs[0]
    return [
        255 * graph.tensors[op.outputs[0]].quantization.scale[0]
        for index in graph.inputs
        for op in graph.operators
        if op.inputs[0] == index
    ]


Z, A = np.full((4, 1, 5), 2, np.float32), np.full((4, 1, 7), 30, np.float32)


@here
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
    np.testing.assert_allclose(spans_of_inputs(path), [2, 30], rtol=0.02)
    names = [d["name"] for d in Interpreter(path).get_input_details()]
    assert ["_z" in name for name in names] == [True, False]


@here
def test_inputs_of_a_folder_are_by_name(tmp_path):
    """A SavedModel has them sorted: those of a list would be swapped, and fit all the same."""
    two_inputs(sizes=(5, 5)).export(tmp_path / "saved", verbose=False)
    source, path = tmp_path / "saved", tmp_path / "m.tflite"
    pairs = list(zip(Z, A[..., :5], strict=True))
    for dataset in (pairs, [list(pair) for pair in pairs], lambda: iter(pairs)):
        message = r"dictionaries of the inputs \['a', 'z'\].* Received: (tuple|list)"
        with pytest.raises(ValueError, match=message):
            tfsparse.convert(source, path, weights="int8", representative_dataset=dataset)
    named = [{"z": z, "a": a} for z, a in pairs]
    tfsparse.convert(source, path, weights="int8", representative_dataset=named)
    np.testing.assert_allclose(spans_of_inputs(path), [30, 2], rtol=0.02)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Z, r"examples of 2 arrays, for \['z', 'a'\]"),
        ([], "representative_dataset with at least one example. Received: none"),
        ([(Z[0], np.nan * A[0])], "finite numbers for input a. Received: NaN"),
    ],
)
def test_a_dataset_must_fit_the_model(tmp_path, dataset, message):
    path = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=message):
        tfsparse.convert(two_inputs(), path, weights="int8", representative_dataset=dataset)


@here
def test_examples_and_batches_of_any_size_and_type_give_one_file(tmp_path):
    """Also where a Flatten, as here, fixes the size of the batch."""
    image = keras.Input((8, 8, 6))
    model = keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(image)))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 6), np.uint8)
    floats = pixels.astype(np.float32)
    files = set()
    for dataset in (floats, pixels, [floats[:13].astype(np.float64), floats[13:]]):
        path = tfsparse.convert(
            model, tmp_path / "m.tflite", weights="int8", representative_dataset=dataset
        )
        files.add(Path(path).read_bytes())
    assert len(files) == 1


@here
def test_examples_of_other_lengths_all_count(tmp_path):
    sequence = keras.Input((None, 5))
    model = keras.Model(sequence, keras.layers.GlobalMaxPooling1D()(sequence))
    dataset = [np.full((length, 5), length) for length in (3, 7, 3)]
    path = tfsparse.convert(
        model, tmp_path / "m.tflite", weights="int8", representative_dataset=dataset
    )
    graph = flatbuffer.read(path).subgraphs[0]
    (quantize, *_) = graph.operators
    assert 255 * graph.tensors[quantize.outputs[0]].quantization.scale[0] == pytest.approx(7)
    interpreter = Interpreter(path)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (1, 9, 5))
    interpreter.allocate_tensors()
    interpreter.set_tensor(
        interpreter.get_input_details()[0]["index"], np.full((1, 9, 5), 6, np.float32)
    )
    interpreter.invoke()
    (result,) = interpreter.get_output_details()
    np.testing.assert_allclose(interpreter.get_tensor(result["index"]), 6, atol=0.02)


@here
def test_a_folder_that_keras_exports_has_one_function_with_two_names(tmp_path, model):
    model.export(tmp_path / "saved", verbose=False)
    path = tfsparse.convert(
        tmp_path / "saved", tmp_path / "m.tflite", weights="int8", representative_dataset=X
    )
    wanted = np.array(model(X[:1]))
    interpreter = Interpreter(path)
    assert sorted(interpreter.get_signature_list()) == ["serve", "serving_default"]
    for key in interpreter.get_signature_list():
        (found,) = interpreter.get_signature_runner(key)(image=X[:1]).values()
        np.testing.assert_allclose(found, wanted, atol=0.05 * np.ptp(wanted))


def test_a_crash_of_tensorflow_is_an_error(tmp_path):
    """Of its calibrator, on the loop of a recurrent layer."""
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.GRU(6)])
    dataset = np.ones((2, 5, 4), np.float32)
    with pytest.raises(RuntimeError, match=r"calibration crashed \(SIG.*unroll=True"):
        tfsparse.convert(
            model, tmp_path / "m.tflite", weights="int8", representative_dataset=dataset
        )
    assert not (tmp_path / "m.tflite").exists()
