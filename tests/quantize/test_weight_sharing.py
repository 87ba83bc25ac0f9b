"""Weights share values in the model, during a training, and in the file."""

import keras
import numpy as np
import pytest
from keras import layers

import tfsparse
from tests.quantize import small
from tests.quantize.small import compiled, data
from tfsparse import flatbuffer
from tfsparse.prune.train_step import TrainStep


def network(seed=0):
    return small.network(("conv_1", "conv_2", "dense"), seed)


def kernels(model):
    return [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]


def counts(model):
    return [len(np.unique(kernel)) for kernel in kernels(model)]


def fit(model, *callbacks, epochs=2, **options):
    return model.fit(*data(), 8, epochs, verbose=0, callbacks=list(callbacks), **options)


def pruned_network():
    model = compiled(network())
    fit(model, epochs=1)  # gives BatchNormalization statistics of its own
    tfsparse.GradualPruning(0.5, scope="all").apply(model)
    return model


def test_training_moves_centroids_and_keeps_zeros_and_clusters():
    model = pruned_network()
    zeros = [kernel == 0 for kernel in kernels(model)]
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(kernels(model))
    )
    fit(model, tfsparse.WeightSharing(bits=3), watch)
    for step in seen:
        for kernel, zero in zip(step, zeros, strict=True):
            np.testing.assert_array_equal(kernel == 0, zero)
            assert 4 < len(np.unique(kernel)) <= 8
    # Weights that were equal stay so, and moved.
    for first, last in zip(seen[0], seen[-1], strict=True):
        assert len(np.unique(np.stack([first.ravel(), last.ravel()]), axis=1).T) <= 8
        assert np.abs(first - last).max() > 1e-4


def test_a_centroid_gets_the_sum_of_the_gradients_of_its_weights():
    rate = 1e-3
    model = compiled(network(), keras.optimizers.SGD(rate))
    tfsparse.WeightSharing(2, scope=lambda layer: layer.name == "dense").apply(model)
    twin = compiled(keras.models.clone_model(model), keras.optimizers.SGD(rate))
    twin.set_weights(model.get_weights())
    before = kernels(model)[-1]
    sharing = tfsparse.WeightSharing(2, scope=lambda layer: layer.name == "dense")
    x, y = data(8)
    model.fit(x, y, 8, verbose=0, callbacks=[sharing])
    # The other layers train as usual, so that the first step has the same gradients.
    twin.fit(x, y, 8, verbose=0)
    gradient = (before - kernels(twin)[-1]) / rate
    for value in np.unique(before):
        members = before == value
        moved = (before - kernels(model)[-1])[members] / rate
        np.testing.assert_allclose(moved, gradient[members].sum(), rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("weights", ["float32", "float16"])
def test_the_file_has_as_few_values(weights, tmp_path):
    model = pruned_network()
    fit(model, tfsparse.WeightSharing(bits=4))
    path = tfsparse.convert(model, tmp_path / "m.tflite", weights=weights)
    read = flatbuffer.read(path)
    found = []
    for operator in tfsparse.inspect(path).weighted:
        tensor = read.subgraphs[0].tensors[operator.weights.index]
        found.append(len(np.unique(flatbuffer.constant(read, tensor))))
    assert len(found) == 3
    assert 8 < max(found) <= 16
    expected = model.predict(data()[0], verbose=0)
    interpreter = tfsparse.Interpreter(path)
    interpreter.allocate_tensors()
    for x, y in zip(data()[0], expected, strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
        interpreter.invoke()
        output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(output[0], y, atol=1e-4 if weights == "float32" else 2e-2)


def test_apply_shares_and_returns_the_error():
    model = pruned_network()
    x = data()[0]
    expected = model.predict(x, verbose=0)
    errors = [tfsparse.WeightSharing(bits).apply(clone(model)) for bits in (1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert 0 < errors[-1] < 0.01 < errors[0] < 1
    tfsparse.WeightSharing(8).apply(model)
    assert max(counts(model)) <= 256
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=0.02)


def clone(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def test_bits_by_layer_and_scope():
    model = pruned_network()
    tfsparse.WeightSharing({"conv_2": 4, "dense": 2}).apply(model)
    assert 4 < counts(model)[1] <= 16
    assert 2 < counts(model)[2] <= 4
    assert counts(model)[0] > 100
    model = pruned_network()
    tfsparse.WeightSharing(2, scope="all_but_first").apply(model)
    assert max(counts(model)[1:]) <= 4
    assert counts(model)[0] > 100


def test_sharing_begins_when_it_is_to():
    model = compiled(network())
    fit(model, epochs=1)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(max(counts(model)))
    )
    # The model has trained for 4 steps.
    fit(model, tfsparse.WeightSharing(3, begin=8), watch)
    assert [count > 8 for count in seen] == [True] * 3 + [False] * 5


def test_pruning_and_sharing_in_one_fit():
    model = compiled(network())
    pruning = tfsparse.GradualPruning(
        schedule=tfsparse.PolynomialDecay(0.6, end=0.5, frequency=1), scope="all"
    )
    fit(model, pruning, tfsparse.WeightSharing(3, begin=0.5))
    assert max(counts(model)) <= 8
    for kernel in kernels(model):
        assert np.mean(kernel == 0) == pytest.approx(0.6, abs=0.02)


def test_a_resumed_training_goes_on_from_its_values(tmp_path):
    model = pruned_network()
    fit(model, tfsparse.WeightSharing(3), epochs=1)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    before = kernels(again)
    first = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: first or first.extend(kernels(again))
    )
    fit(again, tfsparse.WeightSharing(3), watch, epochs=2, initial_epoch=1)
    for a, b in zip(before, first, strict=True):
        np.testing.assert_array_equal(a, b)
    assert max(counts(again)) <= 8


def test_the_same_train_step_serves_a_second_fit():
    model = pruned_network()
    fit(model, tfsparse.WeightSharing(3), epochs=1)
    compiled_steps = dict(TrainStep.of(model)._steps)
    fit(model, tfsparse.WeightSharing(3), epochs=1)
    assert TrainStep.of(model)._steps == compiled_steps
    assert max(counts(model)) <= 8


def test_the_model_is_a_plain_one_afterwards():
    model = pruned_network()
    fit(model, tfsparse.WeightSharing(3))
    assert all(
        layer.kernel.constraint is None for layer in model.layers if hasattr(layer, "kernel")
    )
    assert not any("call" in vars(layer) for layer in model.layers)
    with pytest.warns(UserWarning, match="give fit the same WeightSharing"):
        fit(model, epochs=1)
    assert max(counts(model)) > 8


def test_averages_of_weights_share_values_too():
    optimizer = keras.optimizers.Adam(use_ema=True, ema_momentum=0.5)
    model = compiled(network(), optimizer)
    fit(model, epochs=1)
    fit(model, tfsparse.WeightSharing(3), keras.callbacks.SwapEMAWeights())
    assert max(counts(model)) <= 8
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            assert np.all(layer.gamma.numpy() == 1)


def test_weights_of_before_are_told():
    model = pruned_network()
    before = model.get_weights()
    restore = keras.callbacks.LambdaCallback(on_train_end=lambda logs: model.set_weights(before))
    with pytest.warns(UserWarning, match="share no values"):
        fit(model, tfsparse.WeightSharing(3), restore, epochs=1)


def test_a_normalization_that_is_shared_is_told():
    inputs = keras.Input((4,))
    dense = layers.Dense(4)
    x = layers.BatchNormalization()(dense(inputs))
    model = keras.Model(inputs, layers.BatchNormalization()(dense(x)))
    with pytest.warns(UserWarning, match=r"called more than once.*dense"):
        tfsparse.WeightSharing(2).apply(model)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bits": 0}, ValueError, "bits to be an int from 1 to 8. Received: 0"),
        ({"bits": 9}, ValueError, "Received: 9"),
        ({"bits": {"dense": 2.5}}, ValueError, r"bits\['dense'\] to be an int"),
        ({"scope": {"dense": 0.5}}, TypeError, "goes into bits"),
        ({"scope": "some"}, ValueError, "Expected scope"),
        # No mapping is advised, which would be refused.
        ({"scope": "some"}, ValueError, "'all', or a function of a layer. Received: 'some'"),
        ({"begin": 1.5}, ValueError, "begin"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        tfsparse.WeightSharing(**arguments)


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match=r"'dens' in bits.*Did you mean 'dense'"):
        tfsparse.WeightSharing({"dens": 3}).apply(network())


def test_a_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Subclassed()
    model(np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="subclassed"):
        tfsparse.WeightSharing().apply(model)
