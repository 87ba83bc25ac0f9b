"""What a training says that lets pruned weights grow again."""

import warnings

import keras
import numpy as np
import pytest
import tf_keras

from tests.prune.two_layers import build
from tfsparse import ChannelPruning, ConstantSparsity, GradualPruning, RigL

X = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
Y = X[:, :3]
WILL_GROW = r"Pruned layers \(1\) train without masks: their zeros will grow again"


def fit(model, *callbacks):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y, 8, verbose=0, callbacks=list(callbacks))
    return [str(one.message) for one in caught if "grow again" in str(one.message)]


def zeros(model):
    return float(np.mean(model.get_layer("wide").kernel.numpy() == 0))


def pruned(package=keras, pruning=None):
    model = build(package, package.optimizers.SGD(0.1))
    assert fit(model, pruning or GradualPruning(scope={"wide": 0.5})) == []
    return model


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("compiled_anew", [False, True])
def test_a_fit_without_masks_warns_once_and_says_how_to_keep_zeros(package, compiled_anew):
    model = pruned(package)
    if compiled_anew:
        model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=WILL_GROW) as caught:
        model.fit(X, Y, 8, verbose=0)
    assert "GradualPruning(schedule=ConstantSparsity(0.5)) with the" in str(caught[0].message)
    assert zeros(model) == 0
    assert fit(model) == []
    assert "make_train_function" not in vars(model)


def test_what_the_warning_says_keeps_the_zeros():
    for pruning, keeping in (
        (
            GradualPruning(scope={"wide": 0.5}),
            GradualPruning(scope={"wide": 0.5}, schedule=ConstantSparsity(0.5)),
        ),
        (RigL(scope={"wide": 0.5}, frequency=1), RigL(scope={"wide": 0.5}, growth=None)),
    ):
        model = pruned(pruning=pruning)
        before = model.get_layer("wide").kernel.numpy() != 0
        assert fit(model, keeping) == []
        np.testing.assert_array_equal(model.get_layer("wide").kernel.numpy() != 0, before)


def test_weights_pruned_without_training_are_spoken_of_too():
    model = build(keras, "sgd")
    GradualPruning(scope={"wide": 0.5}).apply(model)
    RigL(scope={"wide": 0.75}).apply(model)
    (said,) = fit(model)
    assert "growth=None" in said
    assert "ConstantSparsity" not in said


def test_nothing_is_said_where_nothing_grows():
    frozen = pruned()
    frozen.get_layer("wide").trainable = False
    frozen.compile("sgd", "mse")
    assert fit(frozen) == []

    loaded = pruned()
    loaded.set_weights([np.ones_like(w) for w in loaded.get_weights()])
    assert fit(loaded) == []

    cut = pruned(pruning=ChannelPruning("l1", 0.5))
    assert fit(cut) == []
    assert zeros(cut) == 0.5
