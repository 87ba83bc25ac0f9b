import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert import interpreter as litert

import tfsparse
from tests.converter.single_op import run
from tfsparse import flatbuffer
from tfsparse.converter import sources

LIBRARIES = {"keras": keras, "tf_keras": tf_keras}


def prune(model, sparsity=0.8):
    """Zeroes the smallest weights of every kernel, as any pruning method would leave them."""
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            values = np.array(variable)
            variable.assign(values * (abs(values) >= np.quantile(abs(values), sparsity)))
    return model


def sequential(library):
    layers = library.layers
    return library.Sequential([layers.Input((40,)), layers.Dense(64), layers.Dense(3)])


def called_sequential(library):
    model = library.Sequential([library.layers.Dense(64), library.layers.Dense(3)])
    model(np.ones((5, 40), np.float32))
    return model


def functional(library):
    image = library.layers.Input((8, 8, 40), name="image")
    x = library.layers.Conv2D(64, 1)(image)
    x = library.layers.BatchNormalization()(x)
    x = library.layers.DepthwiseConv2D(3)(x)
    x = library.layers.Conv2DTranspose(16, 2)(x)
    return library.Model(image, library.layers.Conv2D(32, 3, activation="relu")(x))


def nested(library):
    image = library.layers.Input((8, 8, 40))
    x = library.layers.GlobalAveragePooling2D()(functional(library)(image))
    return library.Model(image, library.Sequential([library.layers.Dense(64)])(x))


def subclassed(library):
    class Model(library.Model):
        def __init__(self):
            super().__init__()
            self.hidden = library.layers.Dense(64)
            self.dropout = library.layers.Dropout(0.5)

        def call(self, inputs, training=False):
            return self.dropout(self.hidden(inputs), training=training)

    model = Model()
    model(np.ones((5, 40), np.float32))
    return model


def two_inputs(library):
    z = library.layers.Input((40,), name="z")
    a = library.layers.Input((20,), name="a")
    both = library.layers.Concatenate()([z, a])
    outputs = [library.layers.Dense(units)(both) for units in range(1, 13)]
    return library.Model([z, a], outputs)


MODELS = [sequential, called_sequential, functional, nested, subclassed, two_inputs]


def operators(path):
    model = flatbuffer.read(path)
    return [flatbuffer.operator_name(model, op) for op in model.subgraphs[0].operators]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.tflite")


@pytest.fixture(scope="module")
def small():
    return prune(functional(keras))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("build", MODELS)
def test_a_converted_model_gives_the_outputs_of_the_keras_model(path, build, library):
    model = prune(build(LIBRARIES[library]))
    assert tfsparse.convert(model, path) == path
    interpreter = litert.Interpreter(path)
    outputs = run(interpreter)
    inputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_input_details()]
    expected = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    expected = expected if isinstance(expected, list) else [expected]
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, np.array(wanted), rtol=1e-4, atol=1e-5)


def test_a_sequential_model_converts_where_keras_cannot_name_its_input(path, monkeypatch):
    def unnamed(model):
        raise ValueError("The layer has never been called.")  # as Keras 3.1

    monkeypatch.setattr(keras.Sequential, "input", property(unnamed))
    assert tfsparse.convert(sequential(keras), path) == path


@pytest.mark.parametrize("runtime", [tf.lite, litert])
@pytest.mark.parametrize("weights", ["float32", "float16"])
def test_a_sparse_file_is_smaller_and_runs_like_the_dense_one(tmp_path, small, runtime, weights):
    sparse = tfsparse.convert(small, tmp_path / "sparse.tflite", weights=weights)
    dense = tfsparse.convert(small, tmp_path / "dense.tflite", weights=weights, encoding="none")
    assert os.path.getsize(sparse) < 0.5 * os.path.getsize(dense)
    np.testing.assert_array_equal(run(runtime.Interpreter(sparse)), run(runtime.Interpreter(dense)))


def test_kernels_are_densified_before_their_use(path, small):
    tfsparse.convert(small, path)
    kinds = ["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_2D"]
    assert operators(path) == [name for kind in kinds for name in ("DENSIFY", kind)]


def test_float16_kernels_are_densified_before_they_are_widened(path, small):
    tfsparse.convert(small, path, weights="float16")
    names = operators(path)
    assert names.count("DENSIFY") == 4
    assert all(names[i + 1] == "DEQUANTIZE" for i, name in enumerate(names) if name == "DENSIFY")


def test_mobilenet_v2_with_80_percent_zeros_takes_0_3_of_the_dense_file(tmp_path):
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    sparse = tfsparse.convert(prune(model), tmp_path / "sparse.tflite")
    dense = tfsparse.densify(sparse, tmp_path / "dense.tflite")
    assert os.path.getsize(sparse) <= 0.30 * os.path.getsize(dense)


def test_a_model_wrapped_by_tfmot_converts_without_the_wrappers(path):
    tfmot = pytest.importorskip("tensorflow_model_optimization")
    model = prune(sequential(tf_keras))
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(model)
    tfsparse.convert(wrapped, path)
    assert operators(path) == ["DENSIFY", "FULLY_CONNECTED"] * 2
    assert [type(layer).__name__ for layer in wrapped.layers] == ["PruneLowMagnitude"] * 2


@pytest.mark.parametrize("batch_size", [1, 4, np.int64(3)])
def test_all_shapes_are_static_for_the_batch_size(path, batch_size):
    tfsparse.convert(nested(keras), path, batch_size=batch_size)
    model = flatbuffer.read(path)
    assert model.subgraphs[0].tensors[0].shape.tolist() == [batch_size, 8, 8, 40]
    assert all(tensor.shapeSignature is None for tensor in model.subgraphs[0].tensors)
    assert not {"SHAPE", "STRIDED_SLICE", "PACK"} & set(operators(path))


def test_an_open_batch_can_be_resized(path, small):
    interpreter = litert.Interpreter(tfsparse.convert(small, path, batch_size=None))
    (details,) = interpreter.get_input_details()
    assert details["shape_signature"].tolist() == [-1, 8, 8, 40]
    interpreter.resize_tensor_input(details["index"], (5, 8, 8, 40))
    assert run(interpreter)[0].shape == (5, 5, 5, 32)


def test_other_open_dimensions_stay_open_until_the_model_is_called_on_a_shape(path):
    layers = [keras.layers.Conv2D(64, 3), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((None, None, 8)), *layers])
    tfsparse.convert(model, path)
    (details,) = litert.Interpreter(path).get_input_details()
    assert details["shape_signature"].tolist() == [1, -1, -1, 8]

    image = keras.Input((16, 16, 8))
    tfsparse.convert(keras.Model(image, model(image)), path)
    (details,) = litert.Interpreter(path).get_input_details()
    assert details["shape_signature"].tolist() == [1, 16, 16, 8]


def test_the_signature_has_the_names_of_the_inputs_and_of_a_dict_of_outputs(path):
    image = keras.Input((40,), name="image")
    outputs = {"scores": keras.layers.Dense(3)(image), "boxes": keras.layers.Dense(4)(image)}
    tfsparse.convert(keras.Model({"image": image}, outputs), path)
    runner = litert.Interpreter(path).get_signature_runner("serving_default")
    result = runner(image=np.ones((1, 40), np.float32))
    assert {name: value.shape for name, value in result.items()} == {
        "scores": (1, 3),
        "boxes": (1, 4),
    }


def test_nothing_is_printed(path, small, capfd):
    tfsparse.convert(small, path)
    assert capfd.readouterr() == ("", "")


def test_a_failed_conversion_says_why_and_leaves_no_file(tmp_path, capfd):
    layer = keras.layers.Lambda(lambda x: tf.numpy_function(np.cos, [x], tf.float32))
    model = keras.Sequential([keras.Input((4,)), layer], name="strange")
    with pytest.raises(RuntimeError, match=r"could not convert the model 'strange'(.|\n)*PyFunc"):
        tfsparse.convert(model, tmp_path / "model.tflite")
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


def test_a_recurrent_layer_needs_a_batch_size(path):
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.GRU(6)])
    with pytest.raises(RuntimeError, match="a loop, as recurrent layers have it, needs a batch_si"):
        tfsparse.convert(model, path, batch_size=None)
    tfsparse.convert(model, path)


@pytest.mark.parametrize("wrong", [None, 3, keras.Model, keras.layers.Dense(3)])
def test_only_models_and_paths_are_taken(path, wrong):
    with pytest.raises(TypeError, match=r"Expected a keras.Model or .* the path of .* Received: "):
        tfsparse.convert(wrong, path)


def test_only_the_tensorflow_backend_is_taken(path, small, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"TensorFlow backend. Received: one on 'jax'"):
        tfsparse.convert(small, path)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_must_be_built(path, library):
    model = LIBRARIES[library].Sequential([LIBRARIES[library].layers.Dense(3)])
    with pytest.raises(ValueError, match=r"model 'sequential.*' is not built. Call it on data"):
        tfsparse.convert(model, path)


def test_a_call_with_several_arguments_needs_a_functional_model(path):
    class Sum(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, one, other, training=None):
            return self.dense(one) + self.dense(other)

    model = Sum()
    x = np.ones((1, 4), np.float32)
    model(x, x)
    with pytest.raises(ValueError, match="takes one, other, and Keras knows the shape"):
        tfsparse.convert(model, path)
    inputs = keras.Input((4,)), keras.Input((4,))
    tfsparse.convert(keras.Model(inputs, model(*inputs)), path)


def test_strings_of_a_subclassed_model_need_a_functional_one(path):
    class Words(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")

        def call(self, words):
            return self.table(words)

    model = Words()
    model(tf.constant([["a"]]))
    with pytest.raises(RuntimeError, match=r"casts no strings.* Call it on a keras\.Input of"):
        tfsparse.convert(model, path)
    inputs = keras.Input((1,), dtype="string")
    tfsparse.convert(keras.Model(inputs, model(inputs)), path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size to be at least 1. Received: 0"),
        ({"batch_size": -2}, ValueError, "batch_size to be at least 1. Received: -2"),
        ({"batch_size": 1.5}, TypeError, "batch_size to be an integer, None or 'auto'. .*: 1.5"),
        ({"batch_size": True}, TypeError, "an integer, None or 'auto'. Received: True"),
        ({"weights": "int8"}, ValueError, "Expected a representative_dataset for weights='int8'"),
        ({"representative_dataset": []}, ValueError, "for weights='int8', and for no other"),
        ({"encoding": "coo"}, ValueError, r"encoding to be one of .*auto.* Received: .*'coo'"),
        ({"encoding": (4,)}, ValueError, r"or a block of .*such as \(4, 1\). Received: .*\(4,\)"),
        ({"encoding": (4, 0)}, ValueError, "or a block of"),
        ({"encoding": True}, ValueError, "or a block of"),
        ({"weights": "int4"}, ValueError, "weights to be one of .* Received: weights='int4'"),
    ],
)
def test_wrong_options_are_refused(path, small, options, error, message):
    with pytest.raises(error, match=message):
        tfsparse.convert(small, path, **options)


def test_a_path_that_cannot_be_written_is_refused_before_the_conversion(
    tmp_path, small, monkeypatch
):
    monkeypatch.setattr(sources, "load", lambda *_: pytest.fail("too late"))
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        tfsparse.convert(small, tmp_path / "missing" / "model.tflite")
