"""What holds for every method with masks, such as that a model it refuses stays a plain one."""

import keras
import numpy as np
import pytest

import tfsparse
from tfsparse.keras_models import strategy_of
from tfsparse.prune import masks
from tfsparse.prune.channels import scale_penalty
from tfsparse.prune.weights.sensitivity import LayerSensitivity, Sensitivity

OTHER_LAYER = Sensitivity("loss", 0.0, False, (0.9,), (LayerSensitivity("other", 8, (1.0,)),))


class Broken(Exception):
    pass


def break_down(*args):
    raise Broken


def network():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(4, 1)(x))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("pruning", "zeros"),
    [
        (tfsparse.GradualPruning(0.5, scope="depthwise"), 18),
        (tfsparse.RigL(0.5, scope="depthwise"), 18),
        (tfsparse.PatternPruning(scope="depthwise"), 20),
    ],
)
def test_depthwise_kernels_keep_their_zeros_in_a_fit(pruning, zeros):
    layers = keras.layers
    model = keras.Sequential([layers.Input((8, 8, 4)), layers.DepthwiseConv2D(3)])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 4))
    model.fit(x, x[:, 1:-1, 1:-1], 4, epochs=2, verbose=0, callbacks=[pruning])
    assert np.count_nonzero(model.layers[0].kernel == 0) == zeros


@pytest.mark.parametrize("method", [tfsparse.RigL, tfsparse.PatternPruning])
def test_no_mask_stays_where_pruning_at_once_breaks_down(method, monkeypatch):
    model, pruning = network(), method()
    monkeypatch.setattr(pruning, "_keep", break_down)
    with pytest.raises(Broken):
        pruning.apply(model)
    assert [layer.kernel.constraint for layer in model.layers[1:]] == [None, None]


@pytest.mark.parametrize(
    "pruning",
    [
        tfsparse.GradualPruning(0.5, scope="all", distribution=OTHER_LAYER),
        tfsparse.PatternPruning(scope=lambda layer: True),
    ],
)
def test_no_mask_stays_on_a_model_that_is_refused(pruning):
    model = network()
    with pytest.raises(ValueError, match="Expected"):
        pruning.apply(model)
    assert [layer.kernel.constraint for layer in model.layers[1:]] == [None, None]


@pytest.mark.parametrize(
    "pruning",
    [
        tfsparse.GradualPruning(0.5),
        tfsparse.RigL(0.5, scope="pointwise"),
        tfsparse.PatternPruning(),
        tfsparse.ChannelPruning("l1", 0.5),
    ],
    ids=lambda pruning: type(pruning).__name__,
)
def test_what_is_logged_and_returned_is_a_python_float(pruning):
    """NumPy's floats are equal to it, but print as np.float64(0.5)."""
    model = network()
    x, y = np.zeros((4, 8, 8, 3)), np.zeros((4, 6, 6, 4))
    history = model.fit(x, y, verbose=0, callbacks=[pruning]).history
    assert pruning.LOGGED in history
    assert {type(value) for values in history.values() for value in values} == {float}
    assert type(pruning.apply(model)) is float


def test_constraints_and_regularizers_are_of_the_kind_that_every_keras_takes():
    model = network()
    kernel, strategy = model.layers[1].kernel, strategy_of(model)
    masks.Mask(kernel, strategy).attach()
    scale_penalty.ScalePenalty(kernel, strategy).attach(0.1)
    assert isinstance(kernel.constraint, keras.constraints.Constraint)
    assert isinstance(kernel.regularizer, keras.regularizers.Regularizer)
