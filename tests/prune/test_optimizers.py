"""Gradients that are seen and changed inside an update, and slots that are zeroed."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.keras_models import all_optimizers
from tfsparse.prune.optimizers import GradientHooks, LastGradient, zero_slots

OPTIMIZERS = {
    "SGD": {"momentum": 0.9},
    "Adam": {"amsgrad": True, "use_ema": True},
    "AdamW": {"weight_decay": 0.1},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adagrad": {},
    "Adadelta": {},
    "Adafactor": {},
    "Adamax": {},
    "Nadam": {},
    "Ftrl": {},
    "Lion": {},
}
GRADIENT = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
WHERE = np.arange(12).reshape(3, 4) % 3 == 0


def own(keras, base, **methods):
    """Returns an optimizer of one's own, with methods that a test gives it."""
    arguments = {"name": "own"} if keras.__name__ == "tf_keras" else {"learning_rate": 0.1}
    return type("Own", (base,), methods)(**arguments)


def wrapper(keras, inner, wrap=lambda inner: inner):
    """Returns an optimizer that leaves all to another, which it holds somewhere."""

    def apply_gradients(self, gradients_and_variables, **options):
        return inner.apply_gradients(gradients_and_variables, **options)

    optimizer = own(keras, keras.optimizers.Optimizer, apply_gradients=apply_gradients)
    optimizer.held = wrap(inner)
    return optimizer


def delegate(keras, inner):
    """Returns an optimizer whose update of a variable is that of another."""

    def build(self, variables):
        super(type(self), self).build(variables)
        inner.build(variables)

    def update_step(self, *arguments):
        return inner.update_step(*arguments)

    optimizer = own(keras, keras.optimizers.Optimizer, build=build, update_step=update_step)
    optimizer.base, optimizer._learning_rate = inner, inner._learning_rate
    return optimizer


def adam(keras):
    return keras.optimizers.Adam()


# Optimizers that leave the update to others.
HOLDERS = {
    "LossScaleOptimizer": lambda k: k.mixed_precision.LossScaleOptimizer(adam(k)),
    "MultiOptimizer": lambda k: k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(adam(k))),
    "MultiOptimizer by a function": lambda k: k.optimizers.MultiOptimizer(lambda _: adam(k)),
    "wrapper": lambda k: wrapper(k, adam(k)),
    "wrapper with a list": lambda k: wrapper(k, adam(k), lambda inner: [inner]),
    "wrapper with a dict": lambda k: wrapper(k, adam(k), lambda inner: [{"optimizer": inner}]),
    "wrapper of a wrapper": lambda k: wrapper(k, wrapper(k, adam(k))),
    "delegate": lambda k: delegate(k, adam(k)),
}


@pytest.fixture(params=[*OPTIMIZERS, "legacy Adam", "Muon", *HOLDERS])
def optimizer(keras, request):
    optimizers = keras.optimizers
    if request.param.startswith("MultiOptimizer") and not hasattr(optimizers, "MultiOptimizer"):
        pytest.skip(f"{keras.__name__} has no MultiOptimizer")
    if request.param in HOLDERS:
        return HOLDERS[request.param](keras)
    if request.param == "legacy Adam" and keras.__name__ == "tf_keras":
        return optimizers.legacy.Adam()
    if not hasattr(optimizers, request.param):
        pytest.skip(f"{keras.__name__} has no {request.param}")
    if request.param == "Muon":
        skip_unless_it_runs(optimizers.Muon(), keras.Variable(GRADIENT))
    return getattr(optimizers, request.param)(**OPTIMIZERS.get(request.param, {}))


def skip_unless_it_runs(optimizer, variable):
    """Keras 3.12 asks TensorFlow's variables for a path, which they have not."""
    try:
        optimizer.apply_gradients([(tf.zeros(variable.shape), variable)])
    except AttributeError as error:
        pytest.skip(f"this Keras cannot train with it on TensorFlow: {error}")


@pytest.fixture
def layer(keras):
    layer = keras.layers.Dense(4)
    layer.build((None, 3))
    return layer


def update(optimizer, layer, gradient):
    """Applies one gradient to the kernel, and zeros to the bias."""
    gradients = [tf.constant(gradient, tf.float32), tf.zeros(4)]
    if hasattr(optimizer, "scale_loss"):  # tf_keras wants gradients that are unscaled already
        gradients = [optimizer.scale_loss(g) for g in gradients]
    optimizer.apply_gradients(zip(gradients, layer.trainable_variables, strict=True))


def state(optimizer, layer):
    """Returns what the optimizer keeps for each weight of the kernel, as arrays."""
    states = [each.variables for each in all_optimizers(optimizer)]
    variables = [v for state in states for v in (state() if callable(state) else state)]
    return [v.numpy() for v in variables if tuple(v.shape) == tuple(layer.kernel.shape)]


def test_slots_are_zeroed_where_asked_and_nowhere_else(optimizer, layer):
    update(optimizer, layer, GRADIENT)
    weights = layer.kernel.numpy()
    before = state(optimizer, layer)
    zero_slots(optimizer, [(layer.kernel, WHERE)])
    after = state(optimizer, layer)
    assert any(np.any(slot[WHERE]) for slot in before) or "afactor" in type(optimizer).__name__
    kept = 1 if type(optimizer).__name__ == "Ftrl" else 0  # accumulators, which it divides by
    for old, new in zip(before[kept:], after[kept:], strict=True):
        np.testing.assert_array_equal(new, np.where(WHERE, 0, old))
    np.testing.assert_array_equal(layer.kernel.numpy(), weights)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_cut_channel_without_gradient_and_slots_stays_zero(optimizer, layer, axis):
    update(optimizer, layer, GRADIENT)
    keep = np.ones(GRADIENT.shape, np.float32)
    np.moveaxis(keep, axis, 0)[1] = 0
    layer.kernel.assign(layer.kernel * keep)
    zero_slots(optimizer, [(layer.kernel, keep == 0)])
    for _ in range(3):
        update(optimizer, layer, GRADIENT * keep)
    np.testing.assert_array_equal(layer.kernel.numpy() != 0, keep != 0)


def test_no_optimizer_has_no_slots(keras, layer):
    zero_slots(None, [(layer.kernel, WHERE)])
    zero_slots(keras.optimizers.Adam(), [(layer.kernel, WHERE)])


def test_hooks_see_gradients_until_they_are_detached(optimizer, layer):
    if hasattr(optimizer, "build"):  # as fit does before it trains
        optimizer.build(layer.trainable_variables)
    seen = LastGradient(layer.kernel, tf.distribute.get_strategy())
    hooks = GradientHooks(optimizer)
    hooks.attach(layer.kernel, seen)
    update(optimizer, layer, GRADIENT)
    np.testing.assert_allclose(seen.numpy(), GRADIENT, rtol=1e-6)
    hooks.detach()
    update(optimizer, layer, 2 * GRADIENT)
    np.testing.assert_allclose(seen.numpy(), GRADIENT, rtol=1e-6)
    for each in all_optimizers(optimizer):
        assert not {"update_step", "_resource_apply_dense"} & vars(each).keys()


def test_hooks_change_gradients(keras, layer):
    optimizer, weights = keras.optimizers.SGD(1.0), layer.kernel.numpy()
    GradientHooks(optimizer).attach(layer.kernel, lambda gradient, variable: gradient + variable)
    update(optimizer, layer, GRADIENT)
    np.testing.assert_allclose(layer.kernel.numpy(), -GRADIENT, atol=1e-6)
    assert np.any(weights)


@pytest.mark.parametrize("name", HOLDERS)
def test_hooks_change_a_gradient_once_whoever_applies_it(keras, layer, name):
    if name.startswith("MultiOptimizer") and not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip(f"{keras.__name__} has no MultiOptimizer")
    optimizer, calls = HOLDERS[name](keras), []
    optimizer.build(layer.trainable_variables)
    GradientHooks(optimizer).attach(
        layer.kernel, lambda gradient, variable: calls.append(variable) or gradient
    )
    update(optimizer, layer, GRADIENT)
    assert len(calls) == 1


def test_all_optimizers_are_found_once_the_outermost_first(keras):
    inner = adam(keras)
    outer = wrapper(keras, wrapper(keras, inner), lambda held: {"a": [held, inner], "b": (inner,)})
    assert all_optimizers(outer) == [outer, outer.held["a"][0], inner]
    assert all_optimizers(None) == []


def test_a_later_hook_replaces_what_an_interrupted_training_left(keras, layer):
    optimizer, seen = keras.optimizers.SGD(), []
    first, second = GradientHooks(optimizer), GradientHooks(optimizer)
    first.attach(layer.kernel, lambda gradient, variable: seen.append("first"))
    second.attach(layer.kernel, lambda gradient, variable: seen.append("second") or gradient)
    first.detach()
    update(optimizer, layer, GRADIENT)
    second.detach()
    update(optimizer, layer, GRADIENT)
    assert seen == ["second"]
    assert "update_step" not in vars(optimizer)
