"""What `tfsparse.convert` takes beside Keras models."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.single_op import pruned, run, single_op
from tfsparse import flatbuffer

X = np.random.default_rng(0).random((20, 8, 8, 6), np.float32)


def pruned_model(library, **layer):
    image = library.layers.Input((8, 8, 6), name="image")
    x = library.layers.Conv2D(64, 3, activation="relu", **layer)(image)
    x = library.layers.BatchNormalization()(x)
    x = library.layers.Conv2D(64, 1)(x)
    x = library.layers.GlobalAveragePooling2D()(x)
    model = library.Model(image, library.layers.Dense(12)(x))
    for i, variable in enumerate(v for v in model.trainable_variables if len(v.shape) > 1):
        variable.assign(pruned(variable.shape, 0.8, seed=i))
    return model


def operators(path):
    model = flatbuffer.read(path)
    return [flatbuffer.operator_name(model, op) for op in model.subgraphs[0].operators]


def outputs(path, x=X[:1]):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("library", "name"),
    [(keras, "m.keras"), (keras, "m.h5"), (tf_keras, "m.keras"), (tf_keras, "m.h5")],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_file_of_keras_3_or_of_tf_keras(tmp_path, path, library, name):
    # What only tf_keras reads: Keras 3 has dropped this argument.
    layer = {"groups": 1} if library is keras else {"dynamic": False}
    model = pruned_model(library, **layer)
    model.save(tmp_path / name)
    assert tfsparse.convert(tmp_path / name, path) == path
    assert operators(path).count("DENSIFY") == 3
    np.testing.assert_allclose(outputs(path), model(X[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("library", [keras, tf_keras], ids=lambda library: library.__name__)
def test_a_saved_model_of_keras(tmp_path, path, library):
    model = pruned_model(library)
    model.export(tmp_path / "saved")
    tfsparse.convert(tmp_path / "saved", path)
    assert operators(path).count("DENSIFY") == 3
    np.testing.assert_allclose(outputs(path), model(X[:1]), rtol=1e-4, atol=1e-5)
    tfsparse.convert(tmp_path / "saved", path, batch_size=4)
    np.testing.assert_allclose(outputs(path, X[:4]), model(X[:4]), rtol=1e-4, atol=1e-5)


class TwoSignatures(tf.Module):
    """Two signatures that share their weights."""

    def __init__(self):
        self.kernel = tf.Variable(pruned((40, 64), 0.8))

    @tf.function(input_signature=[tf.TensorSpec((None, 40), tf.float32, "x")])
    def embed(self, x):
        return {"vector": x @ self.kernel}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 40), tf.float32, "z"),
            tf.TensorSpec((), tf.float32, "a"),
        ]
    )
    def scaled(self, z, a):
        return {"vector": a * (z @ self.kernel)}


def test_all_signatures_of_a_saved_model_share_their_sparse_weights(tmp_path, path):
    module = TwoSignatures()
    signatures = {"embed": module.embed, "scaled": module.scaled}
    tf.saved_model.save(module, tmp_path / "saved", signatures=signatures)
    tfsparse.convert(tmp_path / "saved", path)
    model = flatbuffer.read(path)
    sparse = [t for graph in model.subgraphs for t in graph.tensors if t.sparsity is not None]
    assert len(sparse) == 2
    assert len({tensor.buffer for tensor in sparse}) == 1
    interpreter = Interpreter(path)
    x = X.reshape(-1, 40)[:1]
    embed, scaled = (interpreter.get_signature_runner(key) for key in ("embed", "scaled"))
    wanted = x @ module.kernel.numpy()
    np.testing.assert_allclose(embed(x=x)["vector"], wanted, rtol=1e-5)
    np.testing.assert_allclose(
        scaled(z=x, a=np.float32(3))["vector"], 3 * wanted, rtol=1e-5, atol=1e-6
    )
    dense = flatbuffer.read(tfsparse.densify(path, tmp_path / "dense.tflite"))
    assert os.path.getsize(path) < os.path.getsize(tmp_path / "dense.tflite")
    assert len([b for b in dense.buffers if b.data is not None and len(b.data) == 4 * 40 * 64]) == 1


def test_a_saved_model_needs_a_signature(tmp_path, path):
    tf.saved_model.save(tf.Module(), tmp_path / "saved")
    with pytest.raises(ValueError, match=r"with signatures. Received: .*saved.* which has none"):
        tfsparse.convert(tmp_path / "saved", path)


def test_a_tflite_file_may_be_converted_in_its_place(path):
    model = single_op(pruned((64, 100), 0.8))
    model.description = b"made by hand"
    dense = flatbuffer.serialize(model)
    Path(path).write_bytes(dense)
    expected = run(Interpreter(path))
    tfsparse.convert(path, path)
    assert os.path.getsize(path) < 0.4 * len(dense)
    assert flatbuffer.read(path).description == b"made by hand"
    np.testing.assert_array_equal(run(Interpreter(path)), expected)
    once = Path(path).read_bytes()
    tfsparse.convert(path, path)
    assert Path(path).read_bytes() == once
    tfsparse.convert(path, path, encoding="none")
    assert Path(path).read_bytes() == dense


def test_a_layout_that_makes_a_file_larger_is_written_with_a_warning(tmp_path, path, caplog):
    source = tmp_path / "source.tflite"
    source.write_bytes(flatbuffer.serialize(single_op(pruned((64, 100), 0.9))))
    rows = tfsparse.convert(source, tmp_path / "rows.tflite")
    tfsparse.convert(rows, path)
    tfsparse.convert(rows, path, encoding="none")
    assert not caplog.records
    tfsparse.convert(rows, path, encoding=(4, 1))
    assert os.path.getsize(rows) < os.path.getsize(path) < os.path.getsize(source)
    sizes = f"has {os.path.getsize(rows)} bytes, and {os.path.getsize(path)} as it was asked for."
    assert sizes in caplog.text


def test_a_tflite_file_without_zeros_is_copied(tmp_path, path):
    data = flatbuffer.serialize(single_op(pruned((64, 100), 0.1))) + b"what follows"
    (tmp_path / "source").write_bytes(data)
    tfsparse.convert(tmp_path / "source", path)
    assert Path(path).read_bytes() == data


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.tflite", b"nothing of that kind", "are those of none"),
        (
            "m.tflite",
            b"\x1c\0\0\0TFL3" + b"\xff" * 64,
            "damaged or cut short: .*m.tflite, 72 bytes",
        ),
        (
            "m.keras",
            b"PK\3\4 and no more",
            r"Could not load .*m.keras(.|\n)*keras: (.|\n)*tf_keras",
        ),
        ("m.h5", b"\x89HDF and no more", "Could not load .*m.h5"),
        ("m.tflite", b"", "0 bytes"),
    ],
)
def test_another_or_a_damaged_file_is_refused(tmp_path, path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        tfsparse.convert(tmp_path / name, path)
    assert not os.path.exists(path) or name == "model.tflite"


def test_a_cause_of_one_line_is_told_once(tmp_path, path, monkeypatch):
    def fail(message):
        def load_model(*args, **kwargs):
            raise TypeError(message)

        return load_model

    monkeypatch.setattr("keras.models.load_model", fail("no class Net"))
    monkeypatch.setattr("tf_keras.models.load_model", fail("no zip\nbut a file"))
    (tmp_path / "m.keras").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match="Could not load") as caught:
        tfsparse.convert(tmp_path / "m.keras", path)
    assert str(caught.value).count("keras: no class Net") == 1
    assert str(caught.value).count("but a file") == 1


def test_a_folder_that_is_no_saved_model_and_a_missing_file_are_refused(tmp_path, path):
    with pytest.raises(ValueError, match=r"Received: the folder .* has no saved_model.pb"):
        tfsparse.convert(tmp_path, path)
    with pytest.raises(FileNotFoundError, match=r"or a? ?SavedModel|there is none"):
        tfsparse.convert(tmp_path / "missing.keras", path)


def test_a_tflite_file_keeps_its_types(tmp_path, path):
    (tmp_path / "source.tflite").write_bytes(flatbuffer.serialize(single_op(pruned((4, 4), 0))))
    with pytest.raises(
        ValueError, match=r"keeps the types that it has(.*)Received: weights='float3"
    ):
        tfsparse.convert(tmp_path / "source.tflite", path, weights="float32")


def test_a_tflite_file_keeps_its_batch_size(tmp_path, path):
    source = tmp_path / "source.tflite"
    source.write_bytes(flatbuffer.serialize(single_op(pruned((64, 100), 0.8))))
    tfsparse.convert(source, path, batch_size=1)
    for batch_size in (4, None):
        with pytest.raises(
            ValueError, match=rf"Expected the batch size .* has, 1, .*={batch_size}"
        ):
            tfsparse.convert(source, path, batch_size=batch_size)


def test_a_saved_model_keeps_its_batch_size(tmp_path, path):
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, [tf.TensorSpec((3, 4), tf.float32, "x")])
    tf.saved_model.save(module, tmp_path / "saved", signatures=module.double)
    tfsparse.convert(tmp_path / "saved", path, batch_size=3)
    tfsparse.convert(tmp_path / "saved", path)
    np.testing.assert_array_equal(outputs(path, np.ones((3, 4), np.float32)), np.full((3, 4), 2))
    with pytest.raises(ValueError, match=r"Expected the batch size that SavedModel .* has, 3"):
        tfsparse.convert(tmp_path / "saved", path, batch_size=1)


def test_signatures_of_one_function_share_its_subgraph(tmp_path, path):
    model = pruned_model(keras)
    model.export(tmp_path / "saved", verbose=False)
    tfsparse.convert(tmp_path / "saved", path)
    assert len(flatbuffer.read(path).subgraphs) == 1
    interpreter = Interpreter(path)
    assert sorted(interpreter.get_signature_list()) == ["serve", "serving_default"]
    for key in interpreter.get_signature_list():
        (found,) = interpreter.get_signature_runner(key)(image=X[:1]).values()
        np.testing.assert_allclose(found, model(X[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("library", [keras, tf_keras], ids=lambda library: library.__name__)
def test_lookup_tables_are_in_the_file(path, library):
    layers = library.layers
    word = layers.Input((2,), dtype="string")
    number = layers.StringLookup(vocabulary=["a", "b", "c"])(word)
    model = library.Model(word, layers.Dense(4)(layers.Embedding(5, 8)(number)))
    tfsparse.convert(model, path)
    x = np.array([[b"b", b"unknown"]])
    np.testing.assert_allclose(outputs(path, x), model(tf.constant(x)), rtol=1e-5)


def test_operators_that_tflite_lacks_are_named(path):
    """Its tables are of words and numbers."""
    number = keras.Input((1,), dtype="int64")
    lookup = keras.layers.IntegerLookup(vocabulary=[7, 8, 9], output_mode="one_hot")
    model = keras.Model(number, lookup(number), name="numbers")
    with pytest.raises(
        RuntimeError, match=r"could not convert the model 'numbers': TFLite has no .* HashTableV2"
    ):
        tfsparse.convert(model, path)
