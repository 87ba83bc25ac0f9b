"""Dynamic fixed point: lengths with the least errors, and files that compute what was trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.quantize import int8_models as models
from tests.quantize.int8_models import X, fit, gradient, layers, norm
from tfsparse import flatbuffer
from tfsparse.prune.variables import write
from tfsparse.quantize import fixed_point
from tfsparse.quantize.value_ranges import trained_ranges

RNG = np.random.default_rng(0)
SAMPLES = {
    "normal": RNG.normal(size=3000),
    "large": 3e4 * RNG.normal(size=300),
    "small": 1e-4 * RNG.laplace(size=3000),
    "heavy tails": RNG.standard_t(1.5, size=3000),
    "positive": np.maximum(RNG.normal(size=3000), 0),
    "one outlier": np.append(RNG.normal(size=3000), 40.0),
    "powers of two": 2.0 ** -np.arange(8),
    "one value": np.full(10, 0.75),
}


def error(values, length, least):
    """The sum of absolute errors of a fraction length, without TensorFlow."""
    steps = np.clip(np.round(values * 2.0**length), least, 127)
    return np.abs(values - steps / 2.0**length).sum()


@pytest.mark.parametrize("name", SAMPLES)
def test_lengths_of_weights_have_the_least_error(name):
    values = np.float32(SAMPLES[name])
    found = float(fixed_point.weight_length(values))
    errors = [error(values, length, -127) for length in range(-20, 40)]
    assert error(values, found, -127) == pytest.approx(min(errors), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("name", SAMPLES)
def test_limits_of_activations_have_the_least_error(name):
    values = np.float32(SAMPLES[name])
    low, high = fixed_point.limits_of(fixed_point.errors_of_values(values[:, None])).numpy()
    assert low == -128 / 127 * high
    errors = [error(values, length, -128) for length in range(-8, 24)]
    found = error(values, -np.log2(high / 127), -128)
    assert found == pytest.approx(min(errors), rel=1e-4, abs=1e-9)


def test_large_activations_are_sampled():
    values = np.sort(np.random.default_rng(0).normal(size=60_000)).astype(np.float32)
    found = fixed_point.errors_of_values(values).numpy()
    exact = [error(values, length, -128) / values.size for length in range(-8, 24)]
    np.testing.assert_allclose(found, exact, rtol=0.1)
    assert not np.allclose(found, fixed_point.errors_of_values(values[:4096]), rtol=0.1)


def test_zeros_have_a_length():
    zeros = np.zeros((3, 3), np.float32)
    assert np.isfinite(fixed_point.weight_length(zeros))
    np.testing.assert_array_equal(fixed_point.fake_quantize_weights(zeros, np.float32(1)), 0)


def test_products_with_the_factor_are_fixed_point():
    weights = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
    weights[0, 0] = 0
    factor = np.array([0.3, -2, 1, 0, 1e-3], np.float32)
    rounded = fixed_point.fake_quantize_weights(weights, factor).numpy()
    steps = rounded * factor * 2 ** float(fixed_point.weight_length(weights * factor))
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert 63.5 < np.abs(steps).max() <= 127.001
    np.testing.assert_array_equal(rounded[0, 0], 0)
    found = gradient(lambda w: fixed_point.fake_quantize_weights(w, factor), weights)
    np.testing.assert_array_equal(found, 1)


def test_the_converter_is_given_the_same_values():
    weights = np.float32(SAMPLES["heavy tails"])
    length = float(fixed_point.weight_length(weights))
    for_training = fixed_point.fake_quantize_weights(weights, np.float32(1))
    np.testing.assert_allclose(
        fixed_point.for_converter(tf.constant(weights), length), for_training, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(-1.0, 127 / 128)], True),
        ([(-1.0, 127 / 128), (-16.0, 15.875)], True),
        ([(-1.0, 127 / 128), (0.0, 15.875)], False),
        ([(-3.0, 3 * 127 / 128)], False),
        ([], False),
    ],
)
def test_ranges_of_fixed_point_are_known(ranges, expected):
    assert fixed_point.is_fixed_point(ranges) == expected


def network(**options):
    """Each kind of layer that BatchNormalization is folded into, and prescribed ranges."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    inputs = keras.Input((8, 8, 3))
    x = shortcut = norm(layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs), 6.0)
    x = norm(layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x))
    x = layers.SeparableConv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.Add()([layers.BatchNormalization()(x), shortcut])
    x = layers.Conv2D(8, 1, activation="silu", name="pointwise")(x)
    x = layers.Conv2DTranspose(4, 2, 2, activation="relu")(x)
    x = norm(layers.Dense(6)(layers.GlobalAveragePooling2D()(x)))
    model = models.compiled(inputs, layers.Dense(3, activation="softmax")(x), **options)
    for variable in model.variables:
        if "normalization" in variable.path and variable.dtype == "float32":
            values = rng.uniform(0.5, 1.5, variable.shape) * rng.choice([-1, 1], variable.shape)
            is_variance = "variance" in variable.path
            write(variable, (np.abs(values) if is_variance else values).astype(np.float32))
    return model


@pytest.fixture(scope="module")
def trained():
    model = network(run_eagerly=False)
    fit(
        model,
        tfsparse.GradualPruning(0.75, scope="pointwise"),
        tfsparse.QuantizationAwareTraining(fixed_point=True),
        epochs=3,
    )
    return model


@pytest.fixture(scope="module")
def path(trained, tmp_path_factory):
    return tfsparse.convert(trained, tmp_path_factory.mktemp("fixed") / "m.tflite", weights="int8")


def test_the_file_computes_what_was_trained(trained, path):
    models.check_file(path, trained, 3.01, fixed_point=True)


def test_all_scales_are_powers_of_two(path):
    model = flatbuffer.read(path)
    count = 0
    for tensor in model.subgraphs[0].tensors:
        scales = () if tensor.quantization is None else tensor.quantization.scale
        if scales is not None and len(scales):
            count += 1
            np.testing.assert_array_equal(np.frexp(scales)[0], 0.5, err_msg=str(tensor.name))
            if scales[0] != 1 / 256:  # sigmoid and softmax
                np.testing.assert_array_equal(tensor.quantization.zeroPoint, 0)
    assert count > 20


def test_inspect_names_it(path):
    found = tfsparse.inspect(path).weighted
    assert {operator.weights.values for operator in found} == {"fixed point"}


def test_zeros_stay_zeros(trained, path):
    kernel = trained.get_layer("pointwise").kernel.numpy()[0, 0]
    assert np.mean(kernel == 0) == 0.75
    values = max(
        (w for w in models.weights(path) if w.shape == (8, 1, 1, 8)), key=lambda w: (w == 0).mean()
    )
    np.testing.assert_array_equal(values[:, 0, 0][kernel.T == 0], 0)


def test_a_keras_file_is_converted_alike(trained, path, tmp_path):
    trained.save(tmp_path / "m.keras")
    again = tfsparse.convert(tmp_path / "m.keras", tmp_path / "again.tflite", weights="int8")
    np.testing.assert_array_equal(models.run(again, X[:4]), models.run(path, X[:4]))


def test_it_learns_and_validates_in_fixed_point():
    model = network()
    callback = tfsparse.QuantizationAwareTraining(fixed_point=True, freeze_batchnorm=0.5)
    logs = fit(model, callback, epochs=4, validation_data=(X, models.Y)).history
    # With the statistics of batches, and with moving ones.
    assert logs["loss"][1] < logs["loss"][0]
    assert logs["loss"][3] < logs["loss"][2]
    outputs = models.in_int8(model, X, fixed_point=True)
    wanted = keras.losses.sparse_categorical_crossentropy(models.Y, outputs)
    assert logs["val_loss"][-1] == pytest.approx(float(np.mean(wanted)), rel=1e-4)


def test_a_later_training_without_it_has_other_ranges():
    model = models.residual_network()
    for is_fixed in (True, False, True):
        fit(model, tfsparse.QuantizationAwareTraining(fixed_point=is_fixed), epochs=1)
        ranges = trained_ranges(model)
        assert ranges
        assert fixed_point.is_fixed_point(list(ranges.values())) == is_fixed


def test_a_batchnormalization_of_its_own_is_refused():
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="alone")(inputs)
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    with pytest.raises(ValueError, match="Received: alone, in model"):
        fit(models.compiled(inputs, x), tfsparse.QuantizationAwareTraining(fixed_point=True))


def test_it_is_a_bool():
    with pytest.raises(TypeError, match="fixed_point to be a bool"):
        tfsparse.QuantizationAwareTraining(fixed_point="yes")
