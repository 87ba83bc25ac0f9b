"""Weights are ternary in the model from some step on, and in the file."""

import itertools

import keras
import numpy as np
import pytest

import tfsparse
from tests.prune.interrupt import Interrupt
from tests.quantize.small import compiled, data, fit, kernels, network
from tfsparse import flatbuffer
from tfsparse.prune.train_step import TrainStep

CALLBACK = tfsparse.TernaryQuantization


def are_ternary(model):
    return {name: len(np.unique(k)) == 3 and 0 in k for name, k in kernels(model).items()}


MIDDLE = {"first": False, "second": True, "third": True, "last": False}


def watch(model, found, look=kernels):
    return keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: found.append(look(model))
    )


def test_the_model_is_ternary_after_each_step_and_trains():
    model, seen = compiled(network(), keras.optimizers.Adam(0.01)), []
    fit(model, CALLBACK(scale_rate=0.01), watch(model, seen), epochs=4)
    assert are_ternary(model) == MIDDLE
    first, last = seen[0]["second"], seen[-1]["second"]
    for step in seen:
        assert len(np.unique(step["second"])) == 3
    assert np.mean(np.sign(first) != np.sign(last)) > 0.01
    assert abs(first.max() / last.max() - 1) > 1e-4
    assert abs(first.min() / last.min() - 1) > 1e-4


def test_one_step_has_the_gradients_of_the_paper():
    rate, scale_rate = 0.1, 0.01
    model = compiled(network(), keras.optimizers.SGD(rate))
    CALLBACK(scope=lambda layer: layer.name == "last").apply(model)
    ternary = kernels(model)["last"]
    # Values that differ, so that factors do.
    ternary[ternary < 0] *= 2
    model.get_layer("last").kernel.assign(ternary)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile(keras.optimizers.SGD(rate), model.loss)
    callback, seen = CALLBACK(scope=lambda layer: layer.name == "last", scale_rate=scale_rate), []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(callback._masks[0]._latent.numpy())
    )
    x, y = data(8)
    model.fit(x, y, 8, verbose=0, callbacks=[callback, look])
    twin.fit(x, y, 8, verbose=0)
    gradient = (ternary - kernels(twin)["last"]) / rate
    wp, wn = ternary.max(), -ternary.min()
    # The first step of Adam is as long as its rate, against the sign of the gradient.
    sums = gradient[ternary > 0].sum(), -gradient[ternary < 0].sum()
    wp, wn = (w * np.exp(-scale_rate * np.sign(s)) for w, s in zip((wp, wn), sums, strict=True))
    after = kernels(model)["last"]
    np.testing.assert_allclose([after.max(), -after.min()], [wp, wn], rtol=1e-4)
    factors = np.where(ternary > 0, wp, np.where(ternary < 0, wn, (wp + wn) / 2)) * 2 / (wp + wn)
    np.testing.assert_allclose((ternary - seen[0]) / rate, gradient * factors, atol=1e-4)


def test_weight_decay_is_that_of_the_latent_weights():
    model = compiled(network(), keras.optimizers.SGD(0.5, weight_decay=0.2))
    for name in ("first", "third", "last"):
        model.get_layer(name).trainable = False
    model.get_layer("last").kernel.assign(np.zeros((12, 4)))  # no gradients
    model.compile(model.optimizer, model.loss)
    callback, seen = CALLBACK(scope="3x3"), []
    before = kernels(model)["second"]
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            next(
                m for m in callback._masks if m.variable is model.get_layer("second").kernel
            )._latent.numpy()
        )
    )
    model.fit(*data(8), 8, verbose=0, callbacks=[callback, look])
    np.testing.assert_allclose(seen[0], 0.9 * before, rtol=1e-4, atol=1e-6)


def test_validation_is_of_the_ternary_network():
    model = compiled(network())
    history = fit(model, CALLBACK(), validation_data=data()).history
    assert history["val_loss"][-1] == pytest.approx(
        model.evaluate(*data(), 32, verbose=0), abs=1e-4
    )


def test_apply_takes_the_nearest_values():
    model = network()
    before = kernels(model)["second"]
    zeros = CALLBACK(0.3).apply(model)
    after = kernels(model)["second"]
    np.testing.assert_array_equal(
        after == 0, np.abs(before) <= np.float32(0.3) * np.abs(before).max()
    )
    assert after.max() == pytest.approx(before[after > 0].mean(), rel=1e-5)
    assert after.min() == pytest.approx(before[after < 0].mean(), rel=1e-5)
    found = [kernels(model)[name] for name in ("second", "third")]
    assert zeros == pytest.approx(np.mean(np.concatenate([k.ravel() for k in found]) == 0))


def test_it_begins_when_it_is_to():
    model, seen = compiled(network()), []
    fit(model, CALLBACK(begin=0.5), watch(model, seen, are_ternary))
    # Updates are made after a step.
    assert [step["second"] for step in seen] == [False] * 3 + [True] * 5


def test_an_interrupted_training_leaves_ternary_weights_and_goes_on():
    model = compiled(network())
    with pytest.raises(KeyboardInterrupt):
        fit(model, CALLBACK(), Interrupt(1))
    assert are_ternary(model) == MIDDLE
    fit(model, CALLBACK())
    assert are_ternary(model) == MIDDLE
    assert all(
        layer.kernel.constraint is None for layer in model.layers if hasattr(layer, "kernel")
    )


def test_a_resumed_training_goes_on_from_its_values(tmp_path):
    model, seen = compiled(network()), []
    fit(model, CALLBACK(), epochs=1)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(kernels(again))
    )
    fit(again, CALLBACK(), look, initial_epoch=1)
    np.testing.assert_allclose(seen[0]["second"], kernels(model)["second"], rtol=1e-6)
    assert are_ternary(again) == MIDDLE


def test_a_second_fit_has_the_same_step_and_latent_weights():
    model = compiled(network())
    fit(model, CALLBACK(), epochs=1)
    step = TrainStep.of(model)
    compiled_steps, (part, *_) = dict(step._steps), step._parts.values()
    latent = part._latent.numpy()
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(part._latent.numpy())
    )
    fit(model, CALLBACK(), look, epochs=1)
    assert step._steps == compiled_steps
    np.testing.assert_array_equal(seen[0], latent)
    assert len(np.unique(latent)) > 100


def test_a_training_without_it_is_told():
    model = compiled(network())
    fit(model, CALLBACK())
    with pytest.warns(UserWarning, match="give fit the same TernaryQuantization"):
        fit(model, epochs=1)


def test_averages_of_weights_are_ternary_too():
    model = compiled(network(), keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5))
    fit(model, CALLBACK(), keras.callbacks.SwapEMAWeights(), validation_data=data())
    assert are_ternary(model) == MIDDLE


def test_gradients_that_add_up_change_nothing_in_between():
    optimizer = keras.optimizers.Adam(0.01, gradient_accumulation_steps=2)
    model, seen = compiled(network(), optimizer), []
    fit(model, CALLBACK(), watch(model, seen))
    assert are_ternary(model) == MIDDLE
    equal = [np.array_equal(a["second"], b["second"]) for a, b in itertools.pairwise(seen)]
    assert equal == [False, True] * 3 + [False]


@pytest.mark.parametrize(("weights", "most"), [("float32", 3 * 12), ("int8", 5)])
def test_the_file_has_as_few_values(weights, most, tmp_path):
    model = compiled(network())
    fit(model, CALLBACK())
    options = {"representative_dataset": data()[0]} if weights == "int8" else {}
    path = tfsparse.convert(model, tmp_path / "m.tflite", weights=weights, **options)
    read = flatbuffer.read(path)
    found = {}
    for operator in tfsparse.inspect(path).weighted:
        tensor = read.subgraphs[0].tensors[operator.weights.index]
        values = flatbuffer.constant(read, tensor)
        found[values.shape] = len(np.unique(values)), np.mean(values == 0)
    few = [counts for shape, counts in found.items() if shape == (12, 3, 3, 12)]
    assert few
    for count, zeros in few:
        assert 3 <= count <= most
        assert zeros == pytest.approx(np.mean(kernels(model)["third"] == 0), abs=0.05)


def test_weights_of_before_are_told():
    model = compiled(network())
    before = model.get_weights()
    restore = keras.callbacks.LambdaCallback(on_train_end=lambda logs: model.set_weights(before))
    with pytest.warns(UserWarning, match="not ternary"):
        fit(model, CALLBACK(), restore, epochs=1)
    assert not any(are_ternary(model).values())


def test_pruning_in_the_same_fit_is_refused():
    with pytest.raises(ValueError, match=r"without a constraint.*second"):
        fit(compiled(network()), tfsparse.GradualPruning(0.5, scope="3x3"), CALLBACK())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"threshold": 0.0}, ValueError, r"threshold to be a float in \(0, 1\)"),
        ({"threshold": 1.0}, ValueError, "Received: 1.0"),
        ({"threshold": "much"}, TypeError, "threshold to be a float"),
        ({"scale_rate": 0.0}, ValueError, "scale_rate to be a float in"),
        ({"scope": {"last": 0.5}}, TypeError, "no layer has a number"),
        ({"scope": "some"}, ValueError, "all_but_first_and_last"),
        ({"begin": 1.5}, ValueError, "begin"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        CALLBACK(**arguments)
