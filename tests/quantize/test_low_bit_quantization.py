"""Weights are signed powers of two times a scale after a training with ADMM."""

import itertools

import keras
import numpy as np
import pytest

import tfsparse
from tests.quantize.int8_models import run
from tests.quantize.small import compiled, data, fit, kernels, network
from tfsparse.quantize.powers_of_two import project

CALLBACK = tfsparse.LowBitQuantization


def codes(kernel):
    """Each weight over the smallest one."""
    sizes = np.abs(kernel)
    return kernel / sizes[sizes > 0].min()


@pytest.mark.parametrize(("bits", "allowed"), [(2, [0, 1]), (3, [0, 1, 2, 4])])
def test_a_projection_has_the_codes_and_nearly_the_least_error(bits, allowed):
    weights = np.random.default_rng(0).normal(size=200).astype(np.float32)
    rounded, found = project(weights, bits)
    assert set(np.unique(np.abs(found))) <= set(allowed)
    candidates = np.array(sorted({*allowed, *(-a for a in allowed)}))

    def error(scale):
        return np.sum((weights - scale * candidates[nearest(scale)]) ** 2)

    def nearest(scale):
        return np.abs(weights[:, None] - scale * candidates).argmin(axis=1)

    scale = np.sum(weights * found) / np.sum(found**2)
    np.testing.assert_allclose(rounded, scale * found, rtol=1e-6)
    np.testing.assert_array_equal(candidates[nearest(scale)], found)
    best = min(error(s) for s in np.linspace(0.05, 3, 600))
    assert np.sum((weights - rounded) ** 2) <= 1.1 * best


def test_zeros_stay_zeros():
    rounded, found = project(np.zeros((3, 3), np.float32), 2)
    assert not rounded.any()
    assert not found.any()


def test_weights_are_pulled_and_then_rounded():
    model, seen = compiled(network(), keras.optimizers.Adam(1e-3)), []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(kernels(model))
    )
    fit(model, CALLBACK(3, rho=1.0, end=0.5, frequency=1), watch, epochs=4)
    steps = [step["second"] for step in seen]
    distances = [np.linalg.norm(k - project(k, 3)[0]) / np.linalg.norm(k) for k in steps]
    assert distances[5] < 0.97 * distances[0]
    assert max(distances[8:]) < 1e-5
    for step in steps[8:]:
        assert set(np.round(np.abs(codes(step)), 4).ravel()) <= {0, 1, 2, 4}
        np.testing.assert_array_equal(np.sign(step), np.sign(steps[-1]))
    scales = [np.abs(step).max() for step in steps[8:]]
    assert all(a != b for a, b in itertools.pairwise(scales))
    assert len(np.unique(kernels(model)["first"])) > 100


def test_apply_returns_the_error():
    methods = {"hashing": 1, "two_step": 2}
    callbacks = [CALLBACK(bits) for bits in (2, 3, 4)]
    callbacks += [CALLBACK(bits, method=method) for method, bits in methods.items()]
    *errors, binary, ternary = [callback.apply(network()) for callback in callbacks]
    assert errors == sorted(errors, reverse=True)
    assert 0.05 < errors[-1] < errors[0] < 0.6
    assert ternary < binary < 0.6
    assert ternary < errors[0], "a scale for each channel"


@pytest.mark.parametrize(
    ("method", "bits", "allowed", "name"),
    [("hashing", 1, {1}, "binary"), ("two_step", 2, {0, 1}, "ternary")],
)
def test_codes_of_outputs_stay_and_reach_the_file(method, bits, allowed, name, tmp_path):
    model, seen = compiled(network(), keras.optimizers.Adam(1e-3)), []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(kernels(model)["second"])
    )
    fit(model, watch, CALLBACK(bits, method=method, end=0.5), epochs=4)
    assert len(np.unique(seen[6])) > 100
    for step in seen[8:]:
        sizes = np.abs(step) / np.abs(step).max(axis=(0, 1, 2))
        assert set(np.round(sizes, 4).ravel()) == allowed
        np.testing.assert_array_equal(np.sign(step), np.sign(seen[-1]))
    scales = [np.abs(step).max(axis=(0, 1, 2)) for step in seen[8:]]
    assert all((a != b).all() for a, b in itertools.pairwise(scales))
    nearest = network()
    nearest.set_weights(model.get_weights())
    nearest.get_layer("second").kernel.assign(seen[7])
    CALLBACK(bits, method=method).apply(nearest)
    assert (np.sign(kernels(nearest)["second"]) != np.sign(seen[8])).any(), "inputs count"
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    assert tfsparse.inspect(path).weighted[1].weights.values == name
    x = data(4)[0]
    np.testing.assert_allclose(run(path, x), model.predict(x, verbose=0), atol=1e-4)


def test_layers_whose_inputs_are_not_seen_are_named():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.SeparableConv2D(4, 3, name="separable")(x)
    outputs = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    model = compiled(keras.Model(inputs, outputs))
    with pytest.raises(ValueError, match="separable: its class is SeparableConv2D"):
        fit(model, CALLBACK(1, method="hashing"))


def test_a_training_without_it_is_told():
    model = compiled(network())
    fit(model, CALLBACK(2))
    with pytest.warns(UserWarning, match="give fit a LowBitQuantization with end=0"):
        fit(model, epochs=1)


def test_a_later_training_keeps_the_codes():
    model = compiled(network())
    fit(model, CALLBACK(3))
    before = kernels(model)["second"]
    fit(model, CALLBACK(3, end=0.0))
    np.testing.assert_array_equal(
        np.round(codes(before)), np.round(codes(kernels(model)["second"]))
    )


def test_weights_of_before_are_told():
    model = compiled(network())
    before = model.get_weights()
    restore = keras.callbacks.LambdaCallback(on_train_end=lambda logs: model.set_weights(before))
    with pytest.warns(UserWarning, match="not of few bits"):
        model.fit(*data(), 8, 2, verbose=0, callbacks=[CALLBACK(), restore])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bits": 1}, ValueError, "bits to be an int from 2 to 4"),
        ({"method": "hashing"}, ValueError, "Expected bits=1 with method='hashing'"),
        ({"method": "round"}, ValueError, "method to be one of"),
        ({"rho": 0}, ValueError, "rho to be above 0"),
        ({"rho": "much"}, TypeError, "rho to be a float"),
        ({"scope": {"last": 0.5}}, TypeError, "no layer has a number"),
        ({"begin": 0.8}, ValueError, "begin"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        CALLBACK(**arguments)
