"""Moving averages of weights have the zeros of the weights, wherever they show."""

import itertools

import keras
import numpy as np
import pytest
import tf_keras

from tests.prune.two_layers import build
from tfsparse import ChannelPruning, GradualPruning, RigL
from tfsparse.prune.callback import Callback
from tfsparse.prune.moving_averages import MaskedAverages

X = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
Y = X[:, :3]

METHODS = {
    "gradual": lambda: GradualPruning(scope={"wide": 0.5}),
    "rigl": lambda: RigL(scope={"wide": 0.5}, frequency=2),
    "channels": lambda: ChannelPruning("l1", 0.5),
}


class Watch(Callback):
    """Records the zeros of the weights that are validated."""

    def on_test_batch_begin(self, batch, logs=None):
        self.validated = zeros(self.model)

    def _implements_test_batch_hooks(self):
        return True


def zeros(model):
    return float(np.mean(model.get_layer("wide").kernel.numpy() == 0))


def average(model):
    """The fraction of zeros in the optimizer's average of the layer's kernel."""
    averages = model.optimizer._model_variables_moving_average
    (kernel,) = [a.numpy() for a in averages if tuple(a.shape) == (8, 16)]
    return float(np.mean(kernel == 0))


def adam(package=keras, **options):
    return package.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", list(itertools.permutations(["pruning", "swap", "checkpoint"])))
def test_swapped_averages_are_validated_saved_and_returned_with_zeros(method, order, tmp_path):
    model, watch = build(keras, adam()), Watch()
    callbacks = {
        "pruning": METHODS[method](),
        "swap": keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        "checkpoint": keras.callbacks.ModelCheckpoint(tmp_path / "last.keras"),
    }
    listed = [callbacks[name] for name in order]
    model.fit(X, Y, 8, 4, verbose=0, validation_data=(X, Y), callbacks=[*listed, watch])
    saved = keras.models.load_model(tmp_path / "last.keras")
    assert [zeros(model), average(model), watch.validated, zeros(saved)] == [0.5] * 4


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("frequency", [None, 3])
def test_averages_that_overwrite_weights_have_zeros(package, frequency):
    optimizer = adam(package, ema_overwrite_frequency=frequency)
    model = build(package, optimizer)
    model.fit(X, Y, 8, 4, verbose=0, callbacks=[METHODS["gradual"]()])
    assert zeros(model) == average(model) == 0.5
    assert "_model_variables_moving_average" in vars(optimizer)
    assert "_update_model_variables_moving_average" not in vars(optimizer)


def test_every_step_leaves_the_zeros_of_averages_alone():
    model, pruning, seen = build(keras, adam()), METHODS["gradual"](), []

    class Read(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(average(self.model) == pruning.sparsity)

    model.fit(X, Y, 8, 4, verbose=0, callbacks=[Read(), pruning])
    assert seen == [True] * 16


def test_averages_of_an_optimizer_with_loss_scaling():
    model = build(keras, keras.mixed_precision.LossScaleOptimizer(adam()))
    model.fit(X, Y, 8, 4, verbose=0, callbacks=[METHODS["gradual"]()])
    assert zeros(model) == 0.5


def test_no_optimizer_has_no_averages():
    averages = MaskedAverages(None, [], [])
    averages.attach()
    averages.apply()
    averages.detach()
