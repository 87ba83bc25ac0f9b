"""How often training with masks compiles: once for each set of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ChannelPruning, GradualPruning, PatternPruning, RigL, graph
from tfsparse.prune.channels import masked_channels
from tfsparse.prune.train_step import TrainStep

# That weights grow again is what some of these tests look at.
pytestmark = pytest.mark.filterwarnings("ignore:Pruned layers")

X = np.random.default_rng(0).normal(size=(16, 6, 6, 3)).astype(np.float32)
Y = np.arange(16) % 3

METHODS = {
    "gradual": lambda: GradualPruning(0.5),
    "rigl": lambda: RigL(0.5, frequency=1),
    "pattern": lambda: PatternPruning(),
    "channels": lambda: ChannelPruning("l1", 0.5),
    "bn_gamma": lambda: ChannelPruning("bn_gamma", 0.5),
}


class Traced(keras.layers.Layer):
    """Passes its input on, and counts how often a train step is traced through it."""

    count = 0

    def call(self, inputs, training=False):
        self.count += bool(training) and not isinstance(inputs, keras.KerasTensor)
        return inputs


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(8, 1),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
            Traced(name="traced"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model, *callbacks):
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks))
    return model.get_layer("traced").count


@pytest.mark.parametrize("method", METHODS)
def test_a_second_fit_does_not_compile_again_and_neither_does_a_plain_one(model, method):
    make = METHODS[method]
    plain = fit(model)
    pruned = fit(model, make())
    assert pruned > plain
    assert fit(model, make()) == pruned
    assert fit(model) == pruned
    assert fit(model, make()) == pruned


def test_the_first_fit_is_traced_once(model):
    """Keras 3 alone traces it twice: the optimizer's slots are made while it does."""
    assert fit(model, GradualPruning(0.5)) == 1


def test_an_optimizer_of_other_variables_is_left_to_its_train_step(model):
    class Own(keras.Model):
        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self(data[0], training=True) ** 2)
            variables = self.layers[4].trainable_variables
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, variables), variables, strict=True)
            )
            return {"loss": loss}

    own = Own(model.inputs, model.outputs)
    own.compile("adam")
    own.fit(X, Y, batch_size=4, verbose=0, callbacks=[GradualPruning(0.5)])
    kernel, bias = own.layers[4].trainable_variables
    assert own.optimizer._trainable_variables == [kernel, bias]
    assert np.mean(kernel.numpy() == 0) == 0.5


def test_each_fit_prunes_with_what_was_compiled_before(model):
    kernel = model.layers[3].kernel
    for sparsity in (0.75, 0.25, 0.5):
        pruning = GradualPruning(sparsity)
        fit(model, pruning)
        assert pruning.sparsity == sparsity
        # Weights that an earlier fit has pruned grow again.
        assert np.mean(kernel.numpy() == 0) == sparsity
    fit(model)
    assert np.mean(kernel.numpy() == 0) == 0


def test_other_masks_and_a_new_compile_are_compiled_anew(model):
    first = fit(model, GradualPruning(0.5))
    other = fit(model, GradualPruning(0.5, scope="all"))
    assert other > first
    both = fit(model, GradualPruning(0.5), ChannelPruning("l1", 0.5))
    assert both > other
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert fit(model, GradualPruning(0.5), ChannelPruning("l1", 0.5)) > both


def test_each_set_of_masks_is_compiled_once(model):
    sets = [[GradualPruning(0.5)], [ChannelPruning("l1", 0.5)]]
    sets.append(sets[0] + sets[1])
    for callbacks in sets:
        count = fit(model, *callbacks)
    for callbacks in sets:
        assert fit(model, *callbacks) == count


def test_batches_of_another_size_know_the_masks_they_were_first_trained_with(model):
    x, y = tf.constant(X), tf.constant(Y)
    for size in (4, 8):
        model.fit(x, y, batch_size=size, verbose=0)
        model.fit(x, y, batch_size=size, verbose=0, callbacks=[GradualPruning(0.5)])
        assert np.mean(model.layers[3].kernel.numpy() == 0) == 0.5


def test_train_on_batch_follows_update(model):
    kernel, pruning = model.layers[3].kernel, GradualPruning(0.5)
    model.train_on_batch(X, Y)
    pruning.update(model, step=3, total_steps=4)
    model.train_on_batch(X, Y)
    assert np.mean(kernel.numpy() == 0) == 0.5
    pruning.apply(model)
    model.train_on_batch(X, Y)
    assert np.mean(kernel.numpy() == 0) == 0


def test_the_channels_of_a_model_are_followed_once(model, monkeypatch):
    traced = []
    monkeypatch.setattr(
        masked_channels, "trace", lambda model: traced.append(model) or graph.trace(model)
    )
    for _ in range(2):
        fit(model, ChannelPruning("l1", 0.5))
    assert traced == [model]
    model.compile("sgd", "sparse_categorical_crossentropy")
    fit(model, ChannelPruning("l1", 0.5))
    assert traced == [model, model]


def test_a_context_manager_is_entered_while_a_step_runs(model):
    class Recorder:
        def __enter__(self):
            events.append("entered")

        def __exit__(self, *_):
            events.append("left")

    events, step = [], TrainStep.of(model)
    step.attach({("recorder",): Recorder})
    model.train_on_batch(X, Y)
    assert events == ["entered", "left"]
    with pytest.raises(ValueError, match="shape"):
        model.train_on_batch(X[None], Y)
    assert events == ["entered", "left"] * 2
    step.detach_kind("recorder")
    model.train_on_batch(X, Y)
    assert events == ["entered", "left"] * 2
