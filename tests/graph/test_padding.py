import types

import keras
import numpy as np
import pytest

import tfsparse
from tests.graph.shrinking import randomize
from tfsparse.zoo import architectures

L = keras.layers


def padded(model):
    """The model with symmetric padding, once it is checked that shapes, weights and model stay."""
    before = model.get_weights()
    result = tfsparse.symmetric_padding(model)
    assert result.output_shape == model.output_shape
    for others in model.get_weights(), result.get_weights():
        for ours, theirs in zip(before, others, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return result


def sequential(*layers, shape):
    model = keras.Sequential([L.Input(shape), *layers])
    randomize(model)
    return model


def image(shape, examples=2):
    return np.random.default_rng(0).normal(size=(examples, *shape)).astype(np.float32)


def windows(x, size, stride, pad):
    """The windows that a kernel sees: (examples, rows, columns, height, width, channels)."""
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    found = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return np.moveaxis(found[:, ::stride, ::stride], 3, -1)


@pytest.mark.parametrize(
    ("pixels", "size", "stride"), [(16, 3, 2), (16, 5, 2), (16, 7, 2), (17, 3, 3)]
)
def test_a_convolution_is_padded_on_all_sides(pixels, size, stride):
    x = image((pixels, pixels, 3))
    model = sequential(L.Conv2D(4, size, stride, padding="same"), shape=x.shape[1:])
    kernel, bias = model.get_weights()
    seen = windows(x, size, stride, size // 2)
    expected = np.einsum("bijhwc,hwcf->bijf", seen, kernel) + bias
    result = padded(model)
    np.testing.assert_allclose(result(x), expected, atol=1e-4)
    assert not np.allclose(model(x), expected, atol=1e-2)
    assert [type(layer) for layer in result.layers] == [L.ZeroPadding2D, L.Conv2D]
    assert result.layers[1].name == model.layers[0].name


def test_depthwise_and_separable_convolutions_are_too():
    x = image((8, 8, 3))
    model = sequential(L.DepthwiseConv2D(3, 2, padding="same"), shape=(8, 8, 3))
    kernel, bias = model.get_weights()
    expected = np.einsum("bijhwc,hwc->bijc", windows(x, 3, 2, 1), kernel[..., 0]) + bias
    np.testing.assert_allclose(padded(model)(x), expected, atol=1e-5)
    model = sequential(L.SeparableConv2D(4, 3, 2, padding="same"), shape=(8, 8, 3))
    kernel, pointwise, bias = model.get_weights()
    expected = np.einsum("bijhwc,hwc->bijc", windows(x, 3, 2, 1), kernel[..., 0])
    np.testing.assert_allclose(padded(model)(x), expected @ pointwise[0, 0] + bias, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(15, 3, 2), (8, 4, 2), (8, 1, 2), (9, 3, 3)]
)
def test_nothing_changes_where_same_is_symmetric(size, kernel, stride):
    model = sequential(L.Conv2D(4, kernel, stride, padding="same"), shape=(size, size, 3))
    x = image((size, size, 3))
    result = padded(model)
    np.testing.assert_array_equal(result(x), model(x))
    assert result.layers[-1].padding == "valid"


def test_open_sizes_are_padded_and_exact_where_they_are_odd():
    model = sequential(L.Conv2D(4, 3, 2, padding="same"), shape=(None, None, 3))
    result = padded(model)
    odd = image((7, 9, 3))
    np.testing.assert_array_equal(result(odd), model(odd))
    even = image((8, 10, 3))
    assert result(even).shape == model(even).shape
    assert not np.allclose(result(even), model(even))


def test_zero_padding_in_front_becomes_symmetric():
    sides = L.ZeroPadding2D(((0, 1), (0, 1)))
    model = sequential(sides, L.Conv2D(4, 3, 2), shape=(8, 8, 3))
    result = padded(model)
    assert [layer.name for layer in result.layers] == [layer.name for layer in model.layers]
    assert result.layers[0].padding == ((1, 1), (1, 1))
    x = image((8, 8, 3))
    kernel, bias = model.get_weights()
    expected = np.einsum("bijhwc,hwcf->bijf", windows(x, 3, 2, 1), kernel) + bias
    np.testing.assert_allclose(result(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "size"),
    [
        # An output of other size.
        ([L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3, 2)], 9),
        ([L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3, 2)], None),
        # No strides, or no convolution.
        ([L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3)], 8),
        ([L.ZeroPadding2D(((0, 1), (0, 1))), L.MaxPooling2D(3, 2)], 8),
        ([L.Conv2D(4, 3, padding="same")], 8),
        # No symmetric padding gives outputs of the same size.
        ([L.Conv2D(4, 4, 2, padding="same")], 9),
        ([L.Conv2D(4, 2, 2, padding="same")], None),
    ],
)
def test_other_layers_stay(layers, size):
    layers = [keras.saving.deserialize_keras_object(L.serialize(x)) for x in layers]
    model = sequential(*layers, shape=(size, size, 3))
    result = padded(model)
    assert [layer.get_config() for layer in result.layers] == [
        layer.get_config() for layer in model.layers
    ]


def test_zero_padding_that_others_read_stays():
    inputs = L.Input((8, 8, 3))
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(inputs)
    model = keras.Model(inputs, [L.Conv2D(4, 3, 2)(x), L.MaxPooling2D(3, 2)(x)])
    assert padded(model).layers[1].padding == ((0, 1), (0, 1))


def test_a_network_of_keras_becomes_the_one_made_for_xnnpack():
    shape = (64, 64, 3)
    model = keras.applications.MobileNetV2(weights=None, input_shape=shape, classes=10)
    randomize(model)
    wanted = architectures.mobilenet_v2_padded(L.Input(shape), classes=10)
    wanted.set_weights(model.get_weights())
    x = image(shape)
    for layer in model.layers + wanted.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.momentum = 0.0
    wanted(x, training=True)  # so that outputs differ between images
    model.set_weights(wanted.get_weights())
    result = padded(model)
    np.testing.assert_allclose(result(x), wanted(x), atol=1e-5)
    assert np.abs(model(x) - result(x)).max() > 1e-2


def test_shared_and_nested_layers_stay_shared():
    stem = L.Conv2D(4, 3, 2, padding="same", activation="relu", name="stem")
    block = keras.Sequential([L.Input((None, None, 3)), stem, L.Conv2D(3, 1)], name="block")
    first, second = L.Input((8, 8, 3)), L.Input((16, 16, 3))
    model = keras.Model([first, second], [block(first), block(second), stem(first)])
    randomize(model)
    before = model.get_weights()
    result = tfsparse.symmetric_padding(model)
    assert [x.shape for x in result.outputs] == [x.shape for x in model.outputs]
    assert len(result.get_weights()) == len(before)
    nested = result.get_layer("block")
    assert [x.name for x in nested.layers[:2]] == ["stem_padding", "stem"]
    assert result.get_layer("stem") is nested.get_layer("stem")
    x = image((8, 8, 3))
    kernel, bias = stem.get_weights()
    expected = np.einsum("bijhwc,hwcf->bijf", windows(x, 3, 2, 1), kernel) + bias
    outputs = result([x, image((16, 16, 3))])
    np.testing.assert_allclose(outputs[2], np.maximum(expected, 0), atol=1e-5)


def test_live_objects_and_what_is_compiled_are_kept():
    def activation(x):
        return keras.ops.relu(x) + 1

    model = sequential(
        L.Conv2D(4, 3, 2, padding="same", activation=activation, dtype="mixed_float16"),
        L.GlobalAveragePooling2D(),
        shape=(8, 8, 3),
    )
    model.layers[0].trainable = False
    model.compile("adam", keras.losses.MeanSquaredError())
    result = padded(model)
    assert result.get_layer(model.layers[0].name).activation is activation
    assert not result.get_layer(model.layers[0].name).trainable
    assert result.layers[0].dtype_policy.name == "mixed_float16"
    assert result.loss is model.loss
    assert result.optimizer is not model.optimizer


class OwnConvolution(L.Conv2D):
    def call(self, x):
        return super().call(x) + 1


class Block(L.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = L.DepthwiseConv2D(3, 2, padding="same", name="inner")

    def call(self, x):
        return self.inner(x)


class Doubled(L.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (lambda: OwnConvolution(4, 3, 2, padding="same", name="own"), r"'own' \(OwnConvolution\)"),
        (lambda: Block(name="block"), r"'inner' \(DepthwiseConv2D\) in 'block' \(Block\)"),
    ],
)
def test_convolutions_of_custom_layers_are_refused(layer, names):
    with pytest.raises(ValueError, match=names):
        tfsparse.symmetric_padding(sequential(layer(), shape=(8, 8, 3)))


def test_other_custom_layers_are_copied():
    model = sequential(Doubled(), L.Conv2D(4, 3, 2, padding="same"), shape=(7, 7, 3))
    x = image((7, 7, 3))
    np.testing.assert_array_equal(padded(model)(x), model(x))


def test_a_layer_that_cannot_be_copied_is_refused():
    class Scaled(L.Layer):
        def __init__(self, by=1.0, **options):
            super().__init__(**options)
            self.held = types.SimpleNamespace(factor=by)

        def get_config(self):
            return {"name": self.name}

        def call(self, x):
            return self.held.factor * x

    model = sequential(Scaled(3.0), L.Conv2D(4, 3, 2, padding="same"), shape=(8, 8, 3))
    with pytest.raises(ValueError, match=r"cannot be made anew.*Scaled"):
        tfsparse.symmetric_padding(model)


def test_subclassed_models_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    model = Own()
    model.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match="subclassed"):
        tfsparse.symmetric_padding(model)
