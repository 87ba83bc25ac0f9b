import keras
import numpy as np

from tfsparse import flatbuffer
from tfsparse.prune.scope import select
from tfsparse.search.file_layers import convert_and_match, with_zeros


def matched(model, tmp_path):
    path = tmp_path / "model.tflite"
    found = convert_and_match(model, select(model, "all"), path)
    return flatbuffer.read(path), {layer.name: layer for layer in found}


def test_every_kernel_is_found_whatever_is_folded_into_it(trained, tmp_path):
    model, _ = trained
    before = model.get_weights()
    file, layers = matched(model, tmp_path)
    assert {name: layer.size for name, layer in layers.items()} == {
        "stem": 576,
        "wide": 512,
        "narrow": 512,
        "head": 64,
    }
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    # The file has the model's own weights: of the stem times the factor of its normalization.
    (tensor,) = layers["stem"].tensors
    norm = model.get_layer("stem_norm")
    factor = norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)
    kernel = (model.get_layer("stem").kernel.numpy() * np.array(factor)).transpose(3, 0, 1, 2)
    stored = flatbuffer.constant(file, file.subgraphs[0].tensors[tensor])
    np.testing.assert_allclose(stored, kernel, rtol=1e-4, atol=1e-6)


def test_equal_layers_are_told_apart(tmp_path):
    inputs = keras.Input((8,))
    x = inputs
    for name in ("first", "second", "third"):
        x = keras.layers.Dense(8, activation="relu", name=name)(x)
    model = keras.Model(inputs, x)
    file, layers = matched(model, tmp_path)
    for name, layer in layers.items():
        (tensor,) = layer.tensors
        stored = flatbuffer.constant(file, file.subgraphs[0].tensors[tensor])
        np.testing.assert_array_equal(stored, model.get_layer(name).kernel.numpy().T)


def test_a_layer_that_is_used_twice_has_two_outputs(tmp_path):
    inputs = keras.Input((8,))
    shared = keras.layers.Dense(8, activation="relu", name="shared")
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(shared(shared(inputs))))
    layers = matched(model, tmp_path)[1]
    assert len(layers["shared"].outputs) == 2
    assert len(layers["head"].outputs) == 1


def test_a_normalization_with_factors_of_zero_hides_no_kernel(tmp_path):
    inputs = keras.Input((4, 4, 4))
    x = keras.layers.Conv2D(8, 1, name="hidden")(inputs)
    norm = keras.layers.BatchNormalization(gamma_initializer="zeros")
    model = keras.Model(inputs, norm(x))
    assert list(matched(model, tmp_path)[1]) == ["hidden"]
    np.testing.assert_array_equal(norm.gamma, np.zeros(8))


def test_the_smallest_weights_of_each_layer_become_zero(trained, tmp_path):
    model, _ = trained
    file, layers = matched(model, tmp_path)
    chosen = [layers["wide"], layers["head"]]
    tensors = file.subgraphs[0].tensors
    before = [flatbuffer.constant(file, tensors[one.tensors[0]]).copy() for one in chosen]
    untouched = flatbuffer.constant(file, tensors[layers["narrow"].tensors[0]]).copy()
    with_zeros(file, chosen, [0.75, 0.5])
    for layer, weights, sparsity in zip(chosen, before, (0.75, 0.5), strict=True):
        now = flatbuffer.constant(file, tensors[layer.tensors[0]])
        limit = np.quantile(np.abs(weights), sparsity)
        np.testing.assert_array_equal(now, np.where(np.abs(weights) > limit, weights, 0))
    now = flatbuffer.constant(file, tensors[layers["narrow"].tensors[0]])
    np.testing.assert_array_equal(now, untouched)


def test_blocks_become_zero_as_a_whole(trained, tmp_path):
    file, layers = matched(trained[0], tmp_path)
    with_zeros(file, [layers["wide"]], [0.5], (4, 1))
    weights = flatbuffer.constant(file, file.subgraphs[0].tensors[layers["wide"].tensors[0]])
    zeros = (weights.reshape(8, 4, 16) == 0).sum(axis=1)
    assert set(zeros.ravel()) == {0, 4}
