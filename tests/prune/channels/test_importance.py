"""What an importance says of each channel."""

import numpy as np
import pytest

import tfsparse
from tests.prune.channels.channel_models import residual
from tfsparse.prune.channels import importance


@pytest.fixture
def model():
    return residual()


def groups_of(model):
    return {g.producers[0].layer.name: g for g in tfsparse.graph.trace(model).groups}


def test_norms_are_relative_to_those_of_the_group(model):
    kernel = model.get_layer("inside").kernel
    group = groups_of(model)["inside"]
    for score, power in (importance.l1, 1), (importance.l2, 2):
        norms = (np.abs(kernel.numpy()) ** power).sum(axis=(0, 1, 2)) ** (1 / power)
        np.testing.assert_allclose(score(group), norms / norms.mean(), rtol=1e-5)
        before = score(group)
        kernel.assign(kernel * 10)
        np.testing.assert_allclose(score(group), before, rtol=1e-5)


def test_norms_add_up_over_all_layers_that_make_a_channel(model):
    group = groups_of(model)["stem"]
    stem, outside = (
        np.abs(model.get_layer(name).kernel.numpy()).mean(axis=(0, 1, 2))
        for name in ("stem", "outside")
    )
    expected = (stem + outside) / (stem + outside).mean()
    np.testing.assert_allclose(importance.l1(group), expected, rtol=1e-5)


def test_a_group_without_batch_normalization_has_no_scale(model):
    groups = groups_of(model)
    assert importance.bn_gamma(groups["classifier"]) is None
    gamma = model.get_layer("branch_norm").gamma.numpy()
    np.testing.assert_allclose(importance.bn_gamma(groups["branch"]), np.abs(gamma))


def test_taylor_is_the_slope_of_the_loss_on_the_way_to_zero(model):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 6)
    group = groups_of(model)["inside"]
    taylor = importance.Taylor(model, [group])
    taylor.measure((x, y), batch_size=6)
    kernel = model.get_layer("outside").kernel
    weights, step = kernel.numpy(), 1e-2

    def loss(channel, scale):
        scaled = weights.copy()
        scaled[:, :, channel] *= scale
        kernel.assign(scaled)
        return float(model.compute_loss(x=x, y=y, y_pred=model(x)))

    slopes = [(loss(c, 1 + step) - loss(c, 1 - step)) / (2 * step) for c in range(8)]
    np.testing.assert_allclose(taylor(group), np.square(slopes), rtol=0.02, atol=1e-8)


def test_taylor_takes_a_loss_of_your_own_as_keras_had_it_at_first(model):
    import keras

    class OwnLoss(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return keras.ops.sum(y_pred[:, 0])

    own = OwnLoss(model.inputs, model.outputs)
    x, y = np.ones((6, 4, 4, 3), np.float32), np.zeros(6, np.int64)
    group = groups_of(model)["inside"]
    taylor = importance.Taylor(own, [group])
    taylor.measure((x, y), batch_size=6)
    assert np.ptp(taylor(group)) > 0


def test_taylor_takes_datasets_and_forgets_penalties(model):
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 8)
    group = groups_of(model)["inside"]
    scores = []
    for penalty in None, keras.regularizers.L2(10):
        model.get_layer("outside").kernel.regularizer = penalty
        taylor = importance.Taylor(model, [group])
        taylor.measure(tf.data.Dataset.from_tensor_slices((x, y)).batch(4), batch_size=1)
        scores.append(taylor(group))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-3)
    with pytest.raises(ValueError, match="at least one batch"):
        taylor.measure([], batch_size=1)
    with pytest.raises(ValueError, match="finite numbers in data"):
        taylor.measure((x * np.inf, y), batch_size=4)
