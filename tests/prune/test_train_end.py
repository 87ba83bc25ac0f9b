"""What a model is after callbacks that put older weights back."""

import importlib
import warnings

import numpy as np
import pytest

from tests.prune.two_layers import build
from tfsparse import ChannelPruning, GradualPruning, RigL
from tfsparse.prune.callback import Callback
from tfsparse.prune.train_end import call_at_end

X = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
Y = X[:, :3]

METHODS = {
    "gradual": lambda: GradualPruning(scope={"wide": 0.8}),
    "channels": lambda: ChannelPruning("l1", 0.5, begin=0.0, end=0.75),
}


class Rank(Callback):
    """Logs a metric that is best in a given epoch."""

    def __init__(self, best):
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        logs["rank"] = abs(epoch - self.best)


class Reload(Callback):
    """Loads, when training ends, the weights of a checkpoint."""

    def __init__(self, path):
        self.path = path

    def on_train_end(self, logs=None):
        self.model.load_weights(self.path)


class Record(Callback):
    """Keeps the zeros of each epoch."""

    def __init__(self):
        self.zeros = []

    def on_epoch_end(self, epoch, logs=None):
        self.zeros.append(kernel(self.model) == 0)


def kernel(model):
    return np.array(model.get_layer("wide").kernel)


def fit(model, *callbacks, best, epochs=4):
    """Trains, and returns the history, the zeros of each epoch, and whether fit has warned."""
    record = Record()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        listed = [Rank(best), *callbacks, record]
        history = model.fit(X, Y, 8, epochs, verbose=0, callbacks=listed).history
    warned = any("put other weights into it" in str(w.message) for w in caught)
    return history, record.zeros, warned


@pytest.mark.parametrize("order", [1, -1], ids=["pruning first", "pruning last"])
@pytest.mark.parametrize("method", METHODS)
def test_the_best_epoch_is_restored_uncut_and_a_denser_one_with_a_warning(keras, method, order):
    if keras.__name__ == "tf_keras" and method == "channels":
        pytest.skip("channels are cut in Keras 3 models")
    model, pruning = build(keras, "adam"), METHODS[method]()
    stop = keras.callbacks.EarlyStopping("rank", patience=1, mode="min", restore_best_weights=True)
    history, zeros, warned = fit(model, *[pruning, stop][::order], best=0)
    np.testing.assert_array_equal(kernel(model) == 0, zeros[0])
    assert np.mean(zeros[-1]) > np.mean(zeros[0])
    assert warned
    name = "sparsity" if method == "gradual" else "pruning_ratio"
    assert getattr(pruning, name) == pytest.approx(history[name][0])


@pytest.mark.parametrize("order", [1, -1], ids=["pruning first", "pruning last"])
def test_an_epoch_that_was_as_sparse_is_restored_silently(keras, order):
    model, pruning = build(keras, "adam"), METHODS["gradual"]()
    stop = keras.callbacks.EarlyStopping("rank", patience=1, mode="min", restore_best_weights=True)
    history, zeros, warned = fit(model, *[pruning, stop][::order], best=6, epochs=8)
    assert not warned
    assert pruning.sparsity == history["sparsity"][-1] == pytest.approx(0.8, abs=0.01)
    np.testing.assert_array_equal(kernel(model) == 0, zeros[6])


@pytest.mark.parametrize("order", [1, -1], ids=["pruning first", "pruning last"])
def test_weights_of_rigl_are_not_cut_by_the_masks_of_a_later_epoch(keras, order):
    model, pruning = build(keras, "adam"), RigL(scope={"wide": 0.5}, frequency=1, end=1.0)
    stop = keras.callbacks.EarlyStopping("rank", patience=1, mode="min", restore_best_weights=True)
    _, zeros, warned = fit(model, *[pruning, stop][::order], best=0)
    assert np.any(zeros[0] != zeros[-1])
    np.testing.assert_array_equal(kernel(model) == 0, zeros[0])
    assert not warned


@pytest.mark.parametrize("order", [1, -1], ids=["pruning first", "pruning last"])
def test_a_checkpoint_that_a_callback_loads_is_left_as_it_is(keras, order, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    model = build(keras, "adam")
    best = keras.callbacks.ModelCheckpoint(
        path, "rank", mode="min", save_best_only=True, save_weights_only=True
    )
    callbacks = [METHODS["gradual"](), best, Reload(path)][::order]
    _, zeros, warned = fit(model, *callbacks, best=0)
    np.testing.assert_array_equal(kernel(model) == 0, zeros[0])
    assert warned


def test_callbacks_that_no_fit_calls_end_by_themselves(keras):
    model, pruning = build(keras, "adam"), METHODS["gradual"]()
    model.fit(X, Y, verbose=0)
    pruning.set_model(model)
    pruning.set_params({"epochs": 1, "steps": 1})
    pruning.on_train_begin()
    assert model.get_layer("wide").kernel.constraint is not None
    pruning.on_train_end()
    assert model.get_layer("wide").kernel.constraint is None


def test_functions_are_called_once_behind_all_callbacks():
    keras, calls = importlib.import_module("keras"), []

    class Late(Callback):
        def __init__(self, name):
            self.name = name

        def on_train_begin(self, logs=None):
            assert call_at_end(self, lambda: calls.append(f"{self.name}, late"))

        def on_train_end(self, logs=None):
            calls.append(self.name)

    model = build(keras, "adam")
    history = model.fit(X, Y, verbose=0, callbacks=[Late("a"), Late("b")])
    assert calls == ["a", "b", "a, late", "b, late"]
    model.fit(X, Y, verbose=0)
    assert len(calls) == 4
    assert "on_train_end" not in vars(history)
