"""Pruning without `fit`: one-shot, or in a training loop of one's own."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ConstantSparsity, GradualPruning, PolynomialDecay


def zeros(model, name="project"):
    return float(np.mean(model.get_layer(name).kernel.numpy() == 0))


@pytest.mark.parametrize(
    "pruning",
    [GradualPruning(0.5), GradualPruning(schedule=ConstantSparsity(0.5))],
    ids=["final_sparsity", "constant"],
)
def test_prune_once(make_model, pruning):
    model = make_model(compiled=False)
    before = model.get_layer("project").kernel.numpy()
    assert pruning.apply(model) == 0.5
    after = model.get_layer("project").kernel.numpy()
    assert zeros(model) == zeros(model, "expand") == 0.5
    kept = after != 0
    np.testing.assert_array_equal(after[kept], before[kept])
    assert np.abs(before[~kept]).max() < np.abs(before[kept]).min()


def train(keras, model, data, pruning, compiled, steps, **arguments):
    """Trains for some steps and returns the sparsity found after each."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    train_step = tf.function(train_step) if compiled else train_step
    found = []
    for step in range(steps):
        pruning.update(model, step, **arguments)
        train_step(*data)
        found.append(zeros(model))
    return found


@pytest.mark.parametrize("compiled", [True, False], ids=["tf_function", "eager"])
def test_custom_training_loop(keras, make_model, data, compiled):
    model = make_model(compiled=False)
    kernel = model.get_layer("project").kernel
    pruning = GradualPruning(0.8)
    found = train(keras, model, data, pruning, compiled, 8, total_steps=8)
    assert found[0] == 0
    assert found == sorted(found)
    assert found[6:] == [0.8, 0.8]
    assert pruning.apply(model) == 0.8
    assert kernel.constraint is None


def test_train_on_batch(make_model, data):
    model = make_model()
    model.train_on_batch(*data)
    pruning = GradualPruning(schedule=ConstantSparsity(0.5, begin=1))
    for step in range(3):
        pruning.update(model, step)
        model.train_on_batch(*data)
        assert zeros(model) == (0.5 if step else 0)


def test_a_step_compiled_too_early_is_noticed(keras, make_model, data):
    model = make_model(compiled=False)
    optimizer = keras.optimizers.SGD(0.1)

    @tf.function
    def train_step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    train_step(data[0])
    pruning = GradualPruning(schedule=PolynomialDecay(0.8, 0.5, begin=0, end=2))
    pruning.update(model, 0)
    train_step(data[0])
    with pytest.warns(UserWarning, match="no longer zero"):
        pruning.update(model, 1)


def test_fractions_need_the_total(make_model):
    with pytest.raises(ValueError, match=r"end=0.75 is a fraction of .*total_steps"):
        GradualPruning(0.5).update(make_model(compiled=False), 0)


def test_a_schedule_that_does_not_say_where_it_ends_needs_a_step(make_model):
    model = make_model(compiled=False)
    pruning = GradualPruning(schedule=lambda step: (step == 1, 0.5))
    with pytest.raises(ValueError, match="a schedule that says its final_sparsity"):
        pruning.apply(model)
    assert [pruning.update(model, step) for step in (1, 2)] == [0.5, 0.5]


def test_inside_a_tf_function_is_an_error(make_model):
    model = make_model(compiled=False)
    with pytest.raises(RuntimeError, match=r"inside a tf.function.*Call it before"):
        tf.function(lambda: GradualPruning(0.5).apply(model))()


def test_layers_with_nothing_but_zeros_are_not_lost(keras):
    layers = keras.layers
    zero = layers.Dense(4, kernel_initializer="zeros", name="zero")
    model = keras.Sequential([layers.Input((3,)), zero])
    pruning = GradualPruning(schedule=PolynomialDecay(0.5, begin=5, end=10), scope="all")
    assert pruning.update(model, 0) == 0
    assert pruning.update(model, 10) == 0.5
