"""Models that are compiled as others were."""

import keras
import numpy as np
import pytest

from tfsparse.graph.compiling import compile_again, compile_like, renew_optimizer

L, ops, optimizers = keras.layers, keras.ops, keras.optimizers


class Steps(optimizers.schedules.LearningRateSchedule):
    """A schedule without a config."""

    def __call__(self, step):
        return 0.1


class Descent(optimizers.SGD):
    """An optimizer whose config does not tell `decay_by`."""

    def __init__(self, decay_by=0.0):
        super().__init__(0.5)
        self.decay_by = decay_by


class Holder(optimizers.Optimizer):
    """An optimizer that leaves all to another."""

    def __init__(self, inner):
        super().__init__(0.0)
        self.inner = inner

    def build(self, variables):
        super().build(variables)
        self.inner.build(variables)

    def apply(self, gradients, variables=None):
        self.inner.apply(gradients, variables)


def make_model():
    inputs = L.Input((3,))
    return keras.Model(inputs, L.Dense(2)(inputs))


def compiled(*args, **kwargs):
    """Returns a model that is trained a little, and one that is compiled like it."""
    model, new = make_model(), make_model()
    x, y = np.ones((4, 3)), np.ones((4, 2))
    model.compile(*args, **kwargs)
    model.fit(x, y, verbose=0)
    compile_like(model, new)
    new.fit(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    return model, new


def test_own_losses_and_metrics_are_shared():
    class Loss(keras.losses.Loss):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, y, outputs):
            return self.factor * ops.mean((y - outputs) ** 2)

    loss, metric = Loss(2.0), keras.metrics.MeanMetricWrapper(lambda y, outputs: y, name="y")
    model, new = compiled("adam", loss, metrics=[metric, gelu], steps_per_execution=2)
    assert new.loss is model.loss is loss
    assert new.steps_per_execution == 2
    assert {"y", "gelu"} <= set(
        new.evaluate(np.ones((4, 3)), np.ones((4, 2)), 4, 0, return_dict=True)
    )


def gelu(y, outputs):
    """Not the function that Keras has under this name."""
    return 0.5 * (y - outputs) + 0.3


@pytest.mark.parametrize("rate", [Steps(), lambda: 0.1, 0.25])
def test_optimizers_start_anew_with_the_same_learning_rate(rate):
    model, new = compiled(optimizers.Adam(rate), "mse")
    assert new.optimizer is not model.optimizer
    assert new.optimizer.iterations.numpy() == 1
    if callable(rate):
        assert new.optimizer._learning_rate is rate
    else:
        assert new.optimizer.learning_rate.numpy() == rate


def test_optimizers_inside_of_others_are_made_anew():
    model, new = compiled(Holder(keras.mixed_precision.LossScaleOptimizer(Descent(0.7))), "mse")
    inner, old = new.optimizer.inner.inner_optimizer, model.optimizer.inner.inner_optimizer
    assert inner is not old
    assert inner.decay_by == old.decay_by == 0.7


@pytest.mark.skipif(not hasattr(optimizers, "MultiOptimizer"), reason="this Keras has none")
def test_an_optimizer_of_several():
    parts = optimizers.OptimizerMap(optimizers.Adam(Steps()), {".*bias": Descent(0.7)})
    model, new = compiled(optimizers.MultiOptimizer(parts), "mse")
    assert [type(x) for x in new.optimizer.optimizers] == [Descent, optimizers.Adam]
    assert not {id(x) for x in new.optimizer.optimizers} & {
        id(x) for x in model.optimizer.optimizers
    }


@pytest.mark.skipif(not hasattr(optimizers, "MultiOptimizer"), reason="this Keras has none")
def test_an_optimizer_by_a_function_is_made_anew_if_the_function_makes_it():
    model, one = make_model(), optimizers.SGD(0.1)
    new = renew_optimizer(optimizers.MultiOptimizer(lambda _: optimizers.Adam(0.1)), model)
    assert [type(x) for x in new.optimizers] == [optimizers.Adam] * 2
    shares = optimizers.MultiOptimizer(lambda _: one)
    shares.build(model.trainable_variables)
    with pytest.raises(TypeError, match="let that return a new optimizer each time"):
        renew_optimizer(shares, model)


def test_a_model_is_compiled_again_with_what_it_was_compiled_with():
    model = make_model()
    model.compile("sgd", "mse", metrics=["mae"], steps_per_execution=2)
    compile_again(model, optimizers.Adam(0.1))
    assert isinstance(model.optimizer, optimizers.Adam)
    assert (model.loss, model.steps_per_execution) == ("mse", 2)
    assert "mae" in model.evaluate(np.ones((4, 3)), np.ones((4, 2)), 4, 0, return_dict=True)


def test_an_optimizer_that_cannot_be_made_anew_is_left_out():
    class Hidden(optimizers.SGD):
        def __init__(self, rate, **options):
            super().__init__(learning_rate=rate, **options)

    model, new = make_model(), make_model()
    model.compile(Hidden(0.1), "mse")
    with pytest.warns(UserWarning, match="Hidden cannot be made anew"):
        compile_like(model, new)
    assert new.optimizer is None
    assert new.evaluate(np.ones((4, 3)), np.ones((4, 2)), verbose=0) >= 0


def test_a_model_that_is_not_compiled_gives_none_that_is():
    new = make_model()
    compile_like(make_model(), new)
    assert not new.compiled
