"""One-shot pruning of files: nearer to the original than plain magnitude, exact zeros, errors."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.single_op import merged, pruned, quantized_op, single_op
from tests.mutations import check_refused_or_written, how_many
from tfsparse import flatbuffer
from tfsparse.calibration import examples
from tfsparse.prune import magnitude
from tfsparse.prune.blocks import checked_block_size
from tfsparse.prune.files import prunable_layers

MESSAGES = ("Cannot prune ", "Expected ", "The TFLite file is damaged")


@pytest.fixture(scope="module")
def network():
    """Two blocks of 1x1 and depthwise convolutions, a strided and padded one, and a dense layer."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", activation="relu")(image)
    for channels in (24, 32):
        x = layers.Conv2D(channels, 1, activation="relu")(x)
        x = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.Conv2D(16, 1, bias_initializer="random_normal")(x)
    x = layers.Conv2D(16, 3, 2, padding="same", dilation_rate=1, activation="relu")(x)
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module", params=["float32", "float16"])
def dense(request, network, tmp_path_factory):
    path = tmp_path_factory.mktemp("dense") / f"{request.param}.tflite"
    return tfsparse.convert(network, path, weights=request.param, encoding="none")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.tflite"


def images(count, seed=0):
    """Smooth pictures: neighbouring pixels are alike, as in photographs."""
    noise = np.random.default_rng(seed).standard_normal((count, 4, 4, 3))
    return np.kron(noise, np.ones((1, 3, 3, 1))).astype(np.float32)


def outputs(path, data):
    interpreter = Interpreter(os.fspath(path))
    interpreter.allocate_tensors()
    (image,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for example in data:
        interpreter.set_tensor(image["index"], example.reshape(image["shape"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"]).copy())
    return np.concatenate(found)


def layers_of(path):
    """The weights of each layer, (outputs, inputs), by name."""
    model = flatbuffer.read(tfsparse.densify(path, f"{path}.dense"))
    return {
        layer.name: layer.read(model)[:, : layer.inputs] for layer, _ in prunable_layers.find(model)
    }


def plainly_pruned(source, out, sparsity):
    """The file with the smallest weights of the same layers zero, and nothing corrected."""
    model = flatbuffer.read(source)
    for layer, _ in prunable_layers.find(model)[1:]:
        weights = layer.read(model)
        keep = magnitude.keep_largest(abs(weights[:, : layer.inputs]), sparsity)
        weights[:, : layer.inputs] *= keep
        layer.write(model, weights)
    out.write_bytes(flatbuffer.serialize(model))
    return out


@pytest.mark.parametrize("sparsity", [0.3, 0.6])
def test_outputs_stay_nearer_than_with_plain_magnitude(dense, out, tmp_path, sparsity):
    pruned = tfsparse.prune_file(
        dense, out, representative_dataset=images(64), sparsity=sparsity, scope="all"
    )
    plain = plainly_pruned(dense, tmp_path / "plain.tflite", sparsity)
    unseen = images(32, seed=1)
    expected = outputs(dense, unseen)
    ours, theirs = (abs(outputs(path, unseen) - expected).mean() for path in (pruned, plain))
    assert ours < 0.7 * theirs


@pytest.mark.parametrize("block_size", [1, 4, (1, 4)])
def test_pointwise_layers_get_the_sparsity_and_others_stay(dense, out, block_size):
    assert tfsparse.prune_file(
        dense, out, representative_dataset=images(8), block_size=block_size
    ) == str(out)
    before, after = layers_of(dense), layers_of(out)
    assert list(before) == list(after)
    shapes = [weights.shape for weights in after.values()]
    for number, (old, new) in enumerate(zip(before.values(), after.values(), strict=True)):
        is_pointwise = 0 < number < len(shapes) - 2
        assert np.mean(new == 0) == (0.5 if is_pointwise else 0)
        if not is_pointwise:
            np.testing.assert_array_equal(new, old)
        outputs, inputs = checked_block_size(block_size if is_pointwise else 1)
        blocks = (new == 0).reshape(-1, outputs, new.shape[1] // inputs, inputs)
        assert (blocks == blocks[:, :1, :, :1]).all()


def test_a_file_stored_sparse_gives_the_outputs_of_its_dense_twin(dense, tmp_path):
    sparse = tfsparse.prune_file(
        dense, tmp_path / "a", representative_dataset=images(8), sparsity=0.9, scope="all"
    )
    twin = tfsparse.densify(sparse, tmp_path / "b")
    assert os.path.getsize(sparse) < os.path.getsize(twin)
    np.testing.assert_array_equal(*(outputs(path, images(4)) for path in (sparse, twin)))


def test_a_sparse_file_keeps_its_zeros_and_gets_more(dense, tmp_path):
    once = tfsparse.prune_file(
        dense, tmp_path / "a", representative_dataset=images(8), sparsity=0.5
    )
    twice = tfsparse.prune_file(
        once, tmp_path / "a", representative_dataset=images(8), sparsity=0.8
    )
    names = list(layers_of(dense))[1:-2]
    first, second = layers_of(dense), layers_of(twice)
    assert [np.mean(second[name] == 0).round(1) for name in names] == [0.8] * len(names)
    assert all(first[name].shape == second[name].shape for name in names)


def test_a_mapping_gives_layers_sparsities_of_their_own(dense, out):
    names = list(layers_of(dense))
    tfsparse.prune_file(
        dense, out, representative_dataset=images(8), scope={names[1]: 0.75, names[-1]: 0.25}
    )
    zeros = [np.mean(weights == 0) for weights in layers_of(out).values()]
    assert np.round(zeros, 2).tolist() == [0, 0.75, *[0] * (len(names) - 3), 0.25]


def test_a_bias_that_others_read_is_left_to_them(out, tmp_path):
    weights = pruned((16, 1, 1, 16), 0)
    model = merged([single_op(weights), single_op(weights), single_op(weights + 1)])
    graph = model.subgraphs[0]
    for operator in graph.operators:
        operator.inputs = [operator.inputs[0], operator.inputs[1], 2]
    (tmp_path / "in.tflite").write_bytes(flatbuffer.serialize(model))
    rng = np.random.default_rng(0)
    data = [[rng.random((8, 8, 16), np.float32) for _ in range(3)] for _ in range(4)]
    tfsparse.prune_file(tmp_path / "in.tflite", out, representative_dataset=data, encoding="none")
    after = flatbuffer.read(out)
    biases = [layer.read(after)[:, -1] for layer, _ in prunable_layers.find(after)]
    np.testing.assert_array_equal(biases[0], np.arange(16))
    assert not np.allclose(biases[1], biases[2])


def test_inputs_go_by_name_as_well(out, tmp_path):
    model = merged([single_op(pruned((16, 24), 0, seed=seed)) for seed in range(2)])
    (tmp_path / "in.tflite").write_bytes(flatbuffer.serialize(model))
    names = [name for name, _, _ in examples.inputs_of(model)]
    data = {name: np.random.default_rng(0).random((5, 24), np.float32) for name in names}
    items = [dict(zip(names, row, strict=True)) for row in zip(*data.values(), strict=True)]
    by_name = tfsparse.prune_file(
        tmp_path / "in.tflite", out, representative_dataset=items, scope="all"
    )
    first = Path(by_name).read_bytes()
    tfsparse.prune_file(
        tmp_path / "in.tflite",
        out,
        representative_dataset=lambda: zip(*data.values(), strict=True),
        scope="all",
    )
    assert out.read_bytes() == first


def test_a_model_of_open_sizes_takes_examples_of_any_size(network, out, tmp_path):
    """Of which the file itself says 1, too little for a convolution without padding."""
    layers = keras.layers
    x = image = keras.Input((None, None, 3))
    for channels in (16, 24):
        x = layers.Conv2D(channels, 3 if channels == 16 else 1, activation="relu")(x)
    model = keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    path = tfsparse.convert(model, tmp_path / "in.tflite", batch_size=None)
    data = [images(8)[:, :size] for size in (8, 12)]
    tfsparse.prune_file(path, out, representative_dataset=data, encoding="none")
    assert [np.mean(weights == 0) for weights in layers_of(out).values()] == [0, 0.5, 0]


def test_a_model_that_takes_batches_of_several(out, tmp_path):
    """Any number of examples, and what they give is that of the same examples one by one."""
    layers = [keras.layers.Conv2D(16, 1), keras.layers.Conv2D(24, 1)]
    model = keras.Sequential([keras.Input((12, 12, 3)), *layers])
    found = []
    for batch_size in (1, 3):
        path = tfsparse.convert(model, tmp_path / "in.tflite", batch_size=batch_size)
        tfsparse.prune_file(path, out, representative_dataset=images(6).astype(np.float64))
        found += [layers_of(out)]
    for one, several in zip(*(weights.values() for weights in found), strict=True):
        np.testing.assert_allclose(one, several, atol=0.05)
    tfsparse.prune_file(path, out, representative_dataset=images(7))


def test_a_layer_behind_a_loop(out, tmp_path):
    model = keras.Sequential(
        [keras.Input((5, 4)), keras.layers.GRU(16), keras.layers.Dense(8), keras.layers.Dense(8)]
    )
    path = tfsparse.convert(model, tmp_path / "in.tflite")
    data = np.random.default_rng(0).random((6, 5, 4), np.float32)
    tfsparse.prune_file(path, out, representative_dataset=data, scope="all", encoding="none")
    assert [np.mean(weights == 0) for weights in layers_of(out).values()] == [0.5, 0.5]


def test_both_runtimes_give_the_same_file(out, tmp_path):
    path = tmp_path / "in.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 24), 0))))
    data = np.random.default_rng(0).random((5, 24), np.float32)
    files = set()
    for runtime in ("litert", "tf"):
        tfsparse.prune_file(path, out, representative_dataset=data, scope="all", runtime=runtime)
        files.add(out.read_bytes())
    assert len(files) == 1


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], ValueError, "at least one example. Received: none"),
        (np.zeros((0, 12, 12, 3)), ValueError, "at least one example"),
        (np.zeros((4, 12, 12, 4)), ValueError, r"of shape \(1, 12, 12, 3\) .*\(12, 12, 4\)"),
        (np.zeros((12, 12)), ValueError, "Expected examples of shape"),
        (np.full((2, 12, 12, 3), np.nan), ValueError, "finite numbers .* NaN"),
        (np.full((2, 12, 12, 3), "a"), ValueError, "Expected float32 numbers"),
        ([[np.zeros((12, 12, 3))] * 2], ValueError, "examples of 1 arrays.* Received: 2"),
        ("images.npy", TypeError, "dataset to be an array .*Received: <class 'str'>"),
        (None, TypeError, "Received: <class 'NoneType'>"),
    ],
)
def test_data_that_does_not_fit_is_refused(dense, out, data, error, message):
    with pytest.raises(error, match=message):
        tfsparse.prune_file(dense, out, representative_dataset=data)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sparsity": 1}, ValueError, r"sparsity to be in \[0, 1\)"),
        ({"sparsity": "half"}, TypeError, "sparsity to be a float"),
        ({"block_size": 3}, ValueError, "block_size to be 1, 2 or 4"),
        ({"encoding": "coo"}, ValueError, "encoding to be one of"),
        ({"scope": "some"}, ValueError, "scope to be 'pointwise', '3x3'.* Received: 'some'"),
        ({"scope": {"no_such_layer": 0.5}}, ValueError, "no_such_layer"),
        ({"runtime": "torch"}, ValueError, "^Expected runtime to be one of"),
    ],
)
def test_wrong_options_are_refused(dense, out, options, error, message):
    with pytest.raises(error, match=message):
        tfsparse.prune_file(dense, out, representative_dataset=images(1), **options)


@pytest.fixture(scope="module")
def dense_int8(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("dense") / "int8.tflite"
    data = images(64)
    options = {"weights": "int8", "representative_dataset": data, "encoding": "none"}
    return tfsparse.convert(network, path, **options)


def integers_of(path):
    """The int8 weights of each layer and their scales, by name."""
    model = flatbuffer.read(tfsparse.densify(path, f"{path}.dense"))
    return {
        layer.name: (flatbuffer.constant(model, layer.weights), layer.steps)
        for layer, _ in prunable_layers.find(model)
    }


@pytest.mark.parametrize("block_size", [1, (1, 4)])
def test_int8_weights_get_zeros_and_keep_their_scales(dense_int8, out, block_size):
    tfsparse.prune_file(
        dense_int8, out, representative_dataset=images(16), scope="all", block_size=block_size
    )
    before, after = integers_of(dense_int8), integers_of(out)
    assert list(before) == list(after)
    for (old, old_scales), (new, new_scales) in zip(before.values(), after.values(), strict=True):
        assert new.dtype == np.int8
        assert new.min() >= -127
        np.testing.assert_array_equal(new_scales, old_scales)
        # A weight that is kept may be rounded to zero.
        assert 0.5 <= np.mean(new == 0) < 0.55
        inputs = checked_block_size(block_size)[1]
        if old.shape[-1] % inputs == 0:
            assert np.mean((new == 0).reshape(-1, inputs).all(axis=1)) >= 0.5


def test_an_int8_file_stays_nearer_than_one_of_the_smallest_weights(dense_int8, out, tmp_path):
    options = {"representative_dataset": images(64), "scope": "all"}
    pruned = tfsparse.prune_file(dense_int8, out, **options)
    plain = plainly_pruned(dense_int8, tmp_path / "plain.tflite", 0.5)
    unseen = images(32, seed=1)
    expected = outputs(dense_int8, unseen)
    ours, theirs = (abs(outputs(path, unseen) - expected).mean() for path in (pruned, plain))
    assert ours < 0.7 * theirs


def test_int8_weights_of_float_activations_are_pruned(out, tmp_path):
    model = quantized_op(pruned((16, 24), 0, np.int8))
    for tensor in (model.subgraphs[0].tensors[0], *model.subgraphs[0].tensors[2:]):
        tensor.type, tensor.quantization = flatbuffer.schema.TensorType.FLOAT32, None
    model.buffers[2] = flatbuffer.buffer(np.zeros(16, np.float32))
    (tmp_path / "in.tflite").write_bytes(flatbuffer.serialize(model))
    data = np.random.default_rng(0).random((5, 24), np.float32)
    tfsparse.prune_file(tmp_path / "in.tflite", out, representative_dataset=data, scope="all")
    ((weights, _),) = integers_of(out).values()
    assert 0.5 <= np.mean(weights == 0) < 0.55


@pytest.mark.parametrize(
    ("scales", "zero_points", "message"),
    [
        ([0.0], [0], "a scale that is no positive number"),
        ([np.nan], [0], "a scale that is no positive number"),
        ([0.1] * 3, [0] * 3, "weights with 3 scales"),
        ([0.1], [5], "a zero point that is not 0"),
        ([], [], "weights with 0 scales"),
    ],
)
def test_int8_weights_without_meaning_are_refused(out, tmp_path, scales, zero_points, message):
    model = quantized_op(pruned((16, 24), 0, np.int8))
    parameters = model.subgraphs[0].tensors[1].quantization
    parameters.scale, parameters.zeroPoint = np.float32(scales), np.int64(zero_points)
    (tmp_path / "in.tflite").write_bytes(flatbuffer.serialize(model))
    data = np.zeros((1, 24), np.int8)
    with pytest.raises(ValueError, match=message):
        tfsparse.prune_file(tmp_path / "in.tflite", out, representative_dataset=data, scope="all")


def test_layers_that_must_stay_are_named(out, tmp_path):
    model = merged([single_op(pruned((16, 1, 1, 16), 0)), single_op(pruned((8, 1, 1, 4), 0))])
    model.subgraphs[0].tensors[4].shape = [1, 8, 8, 8]  # two groups
    model.subgraphs[0].tensors[3].name = b"grouped"
    (tmp_path / "in.tflite").write_bytes(flatbuffer.serialize(model))
    data = [[np.ones((8, 8, 16), np.float32), np.ones((8, 8, 8), np.float32)]]
    with pytest.warns(UserWarning, match="is a grouped convolution"):
        tfsparse.prune_file(tmp_path / "in.tflite", out, representative_dataset=data, scope="all")


def test_a_damaged_file_is_refused_or_pruned_whole(tmp_path):
    def prune(source, out):
        tfsparse.prune_file(
            source, out, representative_dataset=np.ones((2, 24), np.float32), scope="all"
        )

    data = flatbuffer.serialize(single_op(pruned((16, 24), 0)))
    check_refused_or_written(data, how_many(100), tmp_path, MESSAGES, prune)
