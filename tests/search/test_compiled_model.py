"""Trainings of one compiled model: each as if it was the first."""

import keras
import numpy as np
import pytest

from tfsparse.search.compiled_model import CompiledModel, DecayingRate, highest_rate
from tfsparse.search.training import Data, Settings, Trainer
from tfsparse.search.variants import copy_of

PLANS = [{"stem": 0.0, "wide": 0.75, "narrow": 0.5}, {"stem": 0.3, "wide": 0.0, "narrow": 0.8}]
ALL_PRUNED = [{"stem": 0.2, "wide": 0.75, "narrow": 0.5}, {"stem": 0.3, "wide": 0.5, "narrow": 0.8}]
SETTINGS = [Settings(0.5, 0.3, 0.4), Settings(0.2, 0.6, 0.8)]


class CountedLoss(keras.losses.SparseCategoricalCrossentropy):
    """Counts how often it is called: once when a train or a test step is traced."""

    calls = 0

    def call(self, y_true, y_pred):
        type(self).calls += 1
        return super().call(y_true, y_pred)


@pytest.mark.parametrize(
    ("method", "plans", "distills", "is_int8"),
    [
        ("gradual", PLANS, False, False),
        ("gradual", PLANS, True, False),
        ("gradual", PLANS, True, True),
        ("rigl", ALL_PRUNED, True, False),
        ("sharing", PLANS, True, False),
    ],
)
def test_a_later_training_traces_nothing_and_is_as_the_first(
    trained, method, plans, distills, is_int8
):
    dense, (x, y) = trained
    model = copy_of(dense)
    loss = CountedLoss(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    data = Data((x[:96], y[:96]), (x[:32], y[:32]), 32)
    start = model.get_weights()

    def train(trainer, number):
        keras.utils.set_random_seed(number)
        model.set_weights(start)
        trainer.fine_tune(model, plans[number], SETTINGS[number], 2, method)
        return model.get_weights()

    def new_trainer():
        return Trainer(data, dense.optimizer, dense if distills else None, is_int8=is_int8)

    trainer = new_trainer()
    train(trainer, 0)
    calls = CountedLoss.calls
    found = train(trainer, 1)
    assert CountedLoss.calls == calls
    expected = train(new_trainer(), 1)
    assert CountedLoss.calls > calls
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def new_optimizers():
    adam, sgd = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.01, momentum=0.9)
    made = {"ema": keras.optimizers.Adam(0.01, use_ema=True)}
    if hasattr(keras.optimizers, "ScheduleFreeAdamW"):
        made["schedule free"] = keras.optimizers.ScheduleFreeAdamW(0.01)
    if hasattr(keras.optimizers, "MultiOptimizer"):
        parts = keras.optimizers.OptimizerMap(adam, {".*bias": sgd})
        made["map"] = keras.optimizers.MultiOptimizer(parts)
        made["function"] = keras.optimizers.MultiOptimizer(
            lambda v: (
                keras.optimizers.SGD(0.01) if "bias" in v.path else keras.optimizers.Adam(0.01)
            )
        )
    return made


@pytest.mark.parametrize("name", new_optimizers())
def test_any_optimizer_begins_from_the_present_weights(trained, name):
    dense, (x, y) = trained

    def train(model, compiled, learning_rate, factor=1):
        model.set_weights([factor * weights for weights in dense.get_weights()])
        fitted = compiled.begin(learning_rate, 5, 0.0)
        fitted.fit(x[:160], y[:160], batch_size=32, verbose=0, shuffle=False)
        return model.get_weights()

    def new():
        model = copy_of(dense)
        optimizer = new_optimizers()[name]
        optimizer.build(model.trainable_variables)
        return model, CompiledModel(model, None, optimizer)

    model, compiled = new()
    train(model, compiled, 0.5, 2)
    found, expected = train(model, compiled, 0.1), train(*new(), 0.1)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_optimizer_inside_has_its_own_rate(trained):
    dense, (x, y) = trained
    model = copy_of(dense)
    like = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25), initial_scale=4.0)
    compiled = CompiledModel(model, None, like)
    fitted = compiled.begin(0.5, 100, 0.0)
    fitted.fit(x[:160], y[:160], batch_size=32, verbose=0)
    inner = fitted.optimizer.inner_optimizer
    assert int(inner.iterations) == 5
    assert float(inner.learning_rate) == pytest.approx(0.125)
    compiled.begin(0.5, 100, 0.0)
    assert int(inner.iterations) == 0


def test_a_model_that_others_compiled_is_compiled_again(trained):
    dense, (x, y) = trained
    model = copy_of(dense)
    compiled = CompiledModel(model, None, dense.optimizer)
    compiled.begin(0.5, 10, 0.0)
    model.compile("sgd", model.loss)
    fitted = compiled.begin(0.5, 10, 0.0)
    fitted.fit(x[:32], y[:32], verbose=0)
    assert isinstance(fitted.optimizer, keras.optimizers.Adam)


def test_the_rate_warms_up_and_falls_to_zero():
    rate = DecayingRate(0.5)
    for factor, steps in ((1, 100), (0.5, 1000)):
        rate.set(factor, steps)
        assert float(rate.schedule(0)) == 0
        assert float(rate.schedule(0.05 * steps)) == pytest.approx(0.5 * factor)
        assert float(rate.schedule(steps)) == pytest.approx(0, abs=1e-6)


def test_the_highest_rate_of_a_schedule():
    assert highest_rate(keras.optimizers.SGD(0.25)) == 0.25
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 100, warmup_target=0.5, warmup_steps=100)
    optimizer = keras.optimizers.SGD(schedule)
    optimizer.iterations.assign(200)
    assert highest_rate(optimizer) == pytest.approx(0.5)
