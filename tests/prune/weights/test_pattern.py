"""Training towards patterns: which weights are cut, when, and what the delegate makes of it."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.delegate.outputs import check_outputs, explain
from tfsparse import PatternPruning
from tfsparse.prune.callback import Callback

ONLY_KERAS_3 = pytest.mark.parametrize("keras", ["keras"], indirect=True)
CONVS = ("first", "second")


@pytest.fixture
def make_network(keras):
    """Builds two 3x3 convolutions with a 1x1 convolution between them, and a classifier."""

    def make(optimizer="sgd", **options):
        layers = keras.layers
        model = keras.Sequential(
            [
                layers.Input((4, 4, 3)),
                layers.Conv2D(8, 3, padding="same", activation="elu", name="first"),
                layers.Conv2D(6, 1, activation="elu", name="between"),
                layers.Conv2D(10, 3, padding="same", activation="elu", name="second"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, name="classifier"),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, **options)
        return model

    return make


def kernels(model):
    """The kernels of a layer, one a row of 9 weights."""
    return {name: model.get_layer(name).kernel.numpy().reshape(9, -1).T for name in CONVS}


def check_patterns(model, pruning_ratio=0.0):
    """Asserts that the 3x3 convolutions, and nothing else, are pruned to 8 patterns."""
    patterns = set()
    for name, rows in kernels(model).items():
        kept = (rows != 0).any(axis=1)
        removed = round(pruning_ratio * len(rows)) if name != "first" else 0
        assert np.sum(~kept) == removed
        assert np.all((rows[kept] != 0).sum(axis=1) == 4)
        assert np.all(rows[kept][:, 4] != 0)
        patterns |= {tuple(row != 0) for row in rows[kept]}
    assert 1 < len(patterns) <= 8
    for name in ("between", "classifier"):
        assert np.all(model.get_layer(name).kernel.numpy() != 0)


@pytest.mark.parametrize("pruning_ratio", [0.0, 0.5])
def test_apply_prunes_one_shot(make_network, pruning_ratio):
    model = make_network()
    before = kernels(model)
    sparsity = PatternPruning(pruning_ratio=pruning_ratio).apply(model)
    check_patterns(model, pruning_ratio)
    zeros = np.concatenate([rows.ravel() == 0 for rows in kernels(model).values()])
    assert sparsity == pytest.approx(zeros.mean())
    for name, rows in kernels(model).items():
        np.testing.assert_array_equal(rows[rows != 0], before[name][rows != 0])
    assert model.get_layer("second").kernel.constraint is None


def distance(model):
    """How far the 3x3 convolutions are from their nearest patterns, relative to their norm."""
    copy = {name: model.get_layer(name).kernel.numpy() for name in CONVS}
    PatternPruning().apply(model)
    squares = lost = 0
    for name, kernel in copy.items():
        lost += np.sum(np.square(kernel - model.get_layer(name).kernel.numpy()))
        squares += np.sum(np.square(kernel))
        model.get_layer(name).kernel.assign(kernel)
    return float(lost / squares)


class Distances(Callback):
    """Records after each step the sparsity, and at the end of each epoch the distance."""

    def __init__(self):
        self.sparsities = []
        self.distances = []

    def on_train_batch_end(self, batch, logs=None):
        zeros = [rows == 0 for rows in kernels(self.model).values()]
        self.sparsities.append(float(np.mean(np.concatenate([z.ravel() for z in zeros]))))

    def on_epoch_end(self, epoch, logs=None):
        self.distances.append(distance(self.model))


OPTIMIZERS = {
    "momentum": lambda keras: keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.1),
    "adam": lambda keras: keras.optimizers.Adam(0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weights_are_drawn_to_patterns_then_cut(keras, make_network, fit, optimizer):
    model = make_network(OPTIMIZERS[optimizer](keras))
    seen, before = Distances(), distance(model)
    pruning = PatternPruning(rho=1.0, end=0.75, frequency=5, pruning_ratio=0.5)
    history = fit(model, seen, pruning, epochs=8)
    assert seen.distances[5] < before / 4
    assert seen.sparsities[:30] == [0.0] * 30
    assert len(set(seen.sparsities[30:])) == 1
    check_patterns(model, 0.5)
    assert history.history["sparsity"] == pytest.approx([0] * 5 + [seen.sparsities[-1]] * 3)
    assert "update_step" not in vars(model.optimizer)
    assert model.get_layer("second").kernel.constraint is None


@ONLY_KERAS_3
def test_begin_leaves_the_weights_alone_until_then(keras, make_network, fit):
    def train(*callbacks):
        keras.utils.set_random_seed(0)
        model = make_network()
        fit(model, *callbacks, epochs=2, shuffle=False)
        return kernels(model)

    plain = train()
    with pytest.warns(UserWarning, match="ends at step 12, after the last step of this fit"):
        later = train(PatternPruning(begin=10, end=12))
    for name in CONVS:
        np.testing.assert_allclose(later[name], plain[name], rtol=1e-5, atol=1e-6)


def test_the_term_of_the_loss_is_that_of_the_method(keras, make_network, data):
    """One step with the term against one without it, from the same weights."""
    rho, rate = 0.25, 0.1
    x, y = data[0][:8], data[1][:8]

    def step(*callbacks):
        keras.utils.set_random_seed(0)
        model = make_network(keras.optimizers.SGD(rate))
        start = kernels(model)
        model.fit(x, y, batch_size=8, verbose=0, callbacks=list(callbacks))
        return start, kernels(model)

    start, plain = step()
    with pytest.warns(UserWarning, match="ends at step 100"):
        _, drawn = step(PatternPruning(rho=rho, begin=0, end=100))
    keras.utils.set_random_seed(0)
    projected = make_network()
    PatternPruning().apply(projected)
    for name, z in kernels(projected).items():
        expected = plain[name] - rate * rho * (start[name] - z)
        np.testing.assert_allclose(drawn[name], expected, atol=1e-6)


@ONLY_KERAS_3
@pytest.mark.parametrize(
    "options",
    [{"steps_per_execution": 3}, {"jit_compile": True}, {"run_eagerly": True}],
    ids=lambda options: next(iter(options)),
)
def test_ways_to_run_a_step(make_network, fit, options):
    model = make_network(**options)
    fit(model, PatternPruning(frequency=1))
    check_patterns(model)


def test_mixed_precision(keras, make_network, fit):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = make_network()
    fit(model, PatternPruning(frequency=1))
    check_patterns(model)


@ONLY_KERAS_3
def test_a_resumed_training_keeps_its_masks(keras, make_network, fit, tmp_path):
    model = make_network()
    fit(model, PatternPruning(pruning_ratio=0.5))
    before = kernels(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    fit(loaded, PatternPruning(pruning_ratio=0.5), epochs=4, initial_epoch=2)
    for name, rows in kernels(loaded).items():
        np.testing.assert_array_equal(rows == 0, before[name] == 0)
        assert np.any(rows != before[name])


@ONLY_KERAS_3
def test_data_of_unknown_length(make_network, data):
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8).filter(lambda x, y: True)
    model = make_network()
    history = model.fit(dataset, epochs=4, verbose=0, callbacks=[PatternPruning()])
    check_patterns(model)
    assert [s > 0 for s in history.history["sparsity"]] == [False, True, True, True]


@ONLY_KERAS_3
@pytest.mark.parametrize("block_size", [1, 4])
def test_the_delegate_runs_patterns_as_a_sparse_convolution(keras, tmp_path, block_size):
    layers = keras.layers
    inputs = layers.Input((12, 12, 16), batch_size=1)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    model = keras.Model(inputs, layers.Conv2D(24, 3, padding="same")(x))
    PatternPruning(pruning_ratio=0.6, block_size=block_size).apply(model)
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    first, second = (layer for layer in explain(path).layers if layer.weights)
    assert first.sparsity == pytest.approx(5 / 9, abs=0.01)
    assert second.sparsity == pytest.approx(1 - 0.4 * 4 / 9, abs=0.01)
    for layer in (first, second):
        assert layer.taken
        assert layer.encoded
        assert layer.kernel.startswith("sparse")
    check_outputs(path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patterns": 0}, ValueError, "patterns to be an int from 1 to 70"),
        ({"entries": 10}, ValueError, "entries to be an int from 1 to 9"),
        ({"block_size": 3}, ValueError, "block_size to be 1, 2 or 4"),
        ({"pruning_ratio": 1.0}, ValueError, r"pruning_ratio to be in \[0, 1\)"),
        ({"rho": 0}, ValueError, "rho to be a positive float"),
        ({"scope": 0.5}, TypeError, "'pointwise', '3x3'"),
        (
            {"pruning_ratio": 0.5, "scope": {"a": 0.5}},
            ValueError,
            "Give pruning_ratio or a mapping",
        ),
        ({"begin": 0.6}, ValueError, "begin to be at or before end"),
        ({"frequency": 0}, ValueError, "frequency to be a positive int"),
    ],
)
def test_nonsense_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        PatternPruning(**arguments)


@ONLY_KERAS_3
def test_nonsense_models_are_named(keras, make_network, fit):
    model = make_network()
    with pytest.raises(ValueError, match=r"3x3 convolutions.*'between'.*\(1, 1, 8, 6\)"):
        PatternPruning(scope=lambda layer: True, patterns=4).apply(model)
    model.compile(optimizer=None, loss="mse")
    with pytest.raises(ValueError, match=r"model\.optimizer, and there is none"):
        fit(model, PatternPruning())
