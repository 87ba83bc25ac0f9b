import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ExclusiveSparsity, GroupExclusiveSparsity, GroupSparsity


def group_sparsity(groups):
    return sum(np.sqrt(sum(w * w for w in group.ravel())) for group in groups)


def exclusive_sparsity(groups):
    return sum(sum(abs(w) for w in group.ravel()) ** 2 for group in groups) / 2


@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (4, 5)], ids=["HWIO", "IO"])
@pytest.mark.parametrize("groups", ["inputs", "outputs"])
def test_the_penalty_is_that_of_the_formula(shape, groups):
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    channels = np.moveaxis(weights, -2 if groups == "inputs" else -1, 0)
    group, exclusive = group_sparsity(channels), exclusive_sparsity(channels)
    for regularizer, expected in (
        (GroupSparsity(0.5, groups), 0.5 * group),
        (ExclusiveSparsity(0.5, groups), 0.5 * exclusive),
        (GroupExclusiveSparsity(0.5, 0.3, groups), 0.5 * (0.7 * group + 0.3 * exclusive)),
    ):
        assert float(regularizer(weights)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "regularizer", [GroupSparsity(1.0), ExclusiveSparsity(1.0), GroupExclusiveSparsity(1.0)]
)
def test_gradients_are_finite_where_groups_are_zero(regularizer):
    weights = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
    weights[:, :, 1] = 0
    weights[..., 2] = 0
    weights = tf.Variable(weights)
    with tf.GradientTape() as tape:
        penalty = regularizer(weights)
    gradient = tape.gradient(penalty, weights).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[:, :, 1, 2], 0)
    assert np.abs(gradient[:, :, 0, 0]).min() > 0


def train(regularizer):
    """Fits y = x_0 + x_1 with 8 hidden units and returns the magnitudes of the first kernel."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(256, 6)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(8, "relu", kernel_regularizer=regularizer, name="hidden"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(tf.data.Dataset.from_tensors((x, x[:, 0] + x[:, 1])).repeat(240), verbose=0)
    return np.abs(model.get_layer("hidden").kernel.numpy())


def test_group_sparsity_removes_the_inputs_that_say_nothing():
    kernel = train(GroupSparsity(0.02, "inputs"))
    assert kernel[2:].max() < 0.05 < 0.3 < kernel[:2].max()


def test_exclusive_sparsity_makes_units_compete_for_an_input():
    def share_of_the_largest(kernel):
        return np.mean(kernel[:2].max(axis=1) / kernel[:2].sum(axis=1))

    plain = train(None)
    exclusive = train(ExclusiveSparsity(0.02))
    assert share_of_the_largest(exclusive) > 1.3 * share_of_the_largest(plain)


def test_a_model_saves_and_loads_with_it(tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((4, 4, 3)),
            layers.Conv2D(2, 3, kernel_regularizer=GroupSparsity(0.1, "inputs")),
            layers.Conv2D(2, 1, kernel_regularizer=ExclusiveSparsity(0.2, "outputs")),
            layers.Conv2D(2, 1, kernel_regularizer=GroupExclusiveSparsity(0.3, mu=0.25)),
        ]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [layer.kernel_regularizer.get_config() for layer in loaded.layers] == [
        {"strength": 0.1, "groups": "inputs"},
        {"strength": 0.2, "groups": "outputs"},
        {"strength": 0.3, "groups": "inputs", "mu": 0.25},
    ]
    np.testing.assert_allclose(sum(loaded.losses), sum(model.losses), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GroupSparsity(-1), ValueError, "strength to be a float of at least 0"),
        (lambda: ExclusiveSparsity("big"), TypeError, "strength to be a float"),
        (lambda: GroupSparsity(groups="rows"), ValueError, "'inputs' or 'outputs'.*'rows'"),
        (lambda: GroupExclusiveSparsity(mu=1.5), ValueError, r"mu to be in \[0, 1\]"),
        (lambda: GroupSparsity()(np.ones(3)), ValueError, r"shape \(3,\).*kernel_regularizer"),
    ],
)
def test_nonsense_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
