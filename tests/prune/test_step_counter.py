import types

import pytest
import tensorflow as tf

import tfsparse
from tfsparse.prune.schedules import PolynomialDecay
from tfsparse.prune.step_counter import StepClock


@pytest.mark.parametrize(
    ("named", "counted"),
    [
        pytest.param([2, 5, 7], [3, 6, 8], id="by the last batch"),
        pytest.param([0, 3, 6], [3, 6, 8], id="by the first batch, as Keras 3.1 does"),
        pytest.param([0, 3], [3, 6], id="and not if it is cut short"),
    ],
)
def test_executions_are_counted_whatever_keras_names_them_by(named, counted):
    clock = StepClock({"epochs": 2, "steps": 8}, steps_per_execution=3)
    clock.start(None, 0)
    for epoch in range(2):
        clock.begin_epoch(epoch)
        for batch, steps in zip(named, counted, strict=True):
            clock.end_batch(batch)
            assert clock.elapsed == clock.training_step == 8 * epoch + steps
        clock.end_epoch()
        assert clock.training_step == 8 * (epoch + 1)


def test_an_epoch_of_unknown_length_begins_at_step_0_whatever_its_first_execution_is_named():
    for first in (0, 2):
        clock = StepClock({"epochs": 2, "steps": None}, steps_per_execution=3)
        clock.start(None, first)
        clock.end_batch(2)
        clock.end_batch(5)
        assert clock.training_step == 6
        clock.end_epoch()
        assert clock.batches == 6


def fake(iterations, accumulation=None):
    """An optimizer that has done some iterations."""
    return types.SimpleNamespace(
        apply_gradients=None,
        iterations=tf.constant(iterations),
        gradient_accumulation_steps=accumulation,
    )


def test_batches_of_accumulated_gradients_are_one_step():
    clock = StepClock({"epochs": 2, "steps": 6})
    clock.start(fake(iterations=7, accumulation=4), 0)
    assert clock.total_steps == 3
    assert clock.last_iteration == 10
    steps = []
    for batch in range(6):
        clock.end_batch(batch)
        steps.append(clock.training_step)
    assert steps == [0, 0, 0, 1, 1, 1]


class Trace:
    """Notes the optimizer's iterations and the sparsity after each batch."""

    def __init__(self, keras, pruning):
        self.callback = keras.callbacks.LambdaCallback(on_train_batch_end=self._note)
        self.pruning = pruning
        self.iterations, self.sparsities = [], []

    def _note(self, batch, logs):
        self.iterations.append(int(self.callback.model.optimizer.iterations))
        self.sparsities.append(self.pruning.sparsity)


def accumulating(keras):
    if keras.__name__ == "tf_keras":
        pytest.skip("tf_keras accumulates no gradients")
    return keras.optimizers.SGD(0.01, gradient_accumulation_steps=4)


def several(keras):
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip(f"{keras.__name__} has no MultiOptimizer")
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(accumulating(keras)))


OPTIMIZERS = {
    "plain": lambda keras: keras.optimizers.SGD(0.01),
    "accumulating": accumulating,
    "loss scale": lambda k: k.mixed_precision.LossScaleOptimizer(accumulating(k)),
    "several": several,
}
SCHEDULE = PolynomialDecay(0.8, begin=1, end=9, power=1, frequency=1)


def assert_follows(trace, schedule):
    expected = [schedule(step)[1] for step in trace.iterations]
    assert trace.sparsities == pytest.approx(expected, abs=0.01)


# Each fit is too short for the schedule, which goes on in the next one.
@pytest.mark.filterwarnings("ignore:The schedule ends at step")
@pytest.mark.parametrize(
    ("optimizer", "steps_per_execution"),
    [("plain", 2), ("accumulating", 1), ("loss scale", 2), ("several", 1)],
)
def test_steps_are_iterations_of_the_optimizer(
    keras, make_model, fit, optimizer, steps_per_execution
):
    options = {"steps_per_execution": steps_per_execution}
    model = make_model(OPTIMIZERS[optimizer](keras), **options)
    for epochs in 4, 6:  # in a first fit, and in a later one
        pruning = tfsparse.GradualPruning(schedule=SCHEDULE)
        trace = Trace(keras, pruning)
        fit(model, pruning, trace.callback, epochs=epochs)
        assert_follows(trace, SCHEDULE)
    assert trace.sparsities[-1] > 0.75


@pytest.mark.parametrize("repeats", [3, 1 / 3])
def test_a_train_step_may_update_more_or_less_often_than_once_a_batch(
    keras, make_model, fit, repeats
):
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            for _ in range(max(1, int(repeats))):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.loss(y, self(x)))
                gradients = tape.gradient(loss, self.trainable_variables)
                self.update(list(zip(gradients, self.trainable_variables, strict=True)))
            return {"loss": loss}

        def update(self, pairs):
            self.batch.assign_add(1)
            if repeats > 1 or self.batch % 3 == 0:
                self.optimizer.apply_gradients(pairs)

    layers = make_model(compiled=False)
    model = Own(layers.inputs, layers.outputs)
    model.batch = tf.Variable(0, trainable=False)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(), run_eagerly=True)
    pruning = tfsparse.GradualPruning(schedule=SCHEDULE)
    trace = Trace(keras, pruning)
    fit(model, pruning, trace.callback, epochs=6)
    assert_follows(trace, SCHEDULE)


def test_batches_count_where_the_train_step_uses_another_optimizer(keras, make_model, fit):
    class Own(keras.Model):
        def train_step(self, data):
            return {"loss": tf.reduce_mean(self(data[0]))}

    layers = make_model(compiled=False)
    model = Own(layers.inputs, layers.outputs)
    model.compile("sgd", "mse")
    pruning = tfsparse.GradualPruning(schedule=SCHEDULE)
    fit(model, pruning, epochs=2)
    assert pruning.sparsity == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("optimizer", ["plain", "accumulating"])
def test_fractions_are_of_the_batches_of_a_fit(keras, make_model, fit, optimizer):
    model = make_model(OPTIMIZERS[optimizer](keras))
    for _ in range(2):
        schedule = PolynomialDecay(0.8, begin=0.0, end=0.5)
        pruning = tfsparse.GradualPruning(schedule=schedule)
        trace = Trace(keras, pruning)
        fit(model, pruning, trace.callback, epochs=8)
        assert trace.sparsities[19] == trace.sparsities[-1] == pytest.approx(0.8, abs=0.01)
        assert trace.sparsities[14] < 0.8
