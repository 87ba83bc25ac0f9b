import json
import sys

import numpy as np
import pytest
import tf_keras

import tfsparse
from tfsparse.prune.weights.allocation import equal_losses
from tfsparse.prune.weights.sensitivity import LayerSensitivity, Sensitivity

X = np.eye(4, dtype=np.float32).repeat(5, axis=0)
DATA = X, np.arange(4).repeat(5)


@pytest.fixture
def model(keras):
    """Names the largest input by 4 of the 16 weights of `needed`; `idle` does next to nothing."""
    layers = keras.layers
    inputs = keras.Input((4,))
    x = layers.BatchNormalization(name="norm")(inputs)
    idle = layers.Dense(4, use_bias=False, name="idle")
    outputs = layers.Add()([layers.Dense(4, use_bias=False, name="needed")(x), idle(x)])
    model = keras.Model(inputs, layers.Softmax()(outputs))
    small = np.random.default_rng(0).uniform(size=(4, 4))
    model.get_layer("needed").set_weights([np.diag([9.0, 10, 11, 12]) + small])
    idle.set_weights([1e-3 * small * (1 - np.eye(4))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_each_layer_is_pruned_alone_and_gets_its_weights_back(model):
    before = model.get_weights()
    result = tfsparse.sensitivity(model, DATA, (0.75, 0.8125, 0.875), scope="all")
    assert (result.metric, result.reference, result.higher_is_better) == ("accuracy", 1, True)
    assert [(layer.name, layer.size) for layer in result.layers] == [("needed", 16), ("idle", 16)]
    # For a class whose weight is gone `idle` decides, and it names another.
    assert [layer.values for layer in result.layers] == [(1, 0.75, 0.5), (1, 1, 1)]
    np.testing.assert_array_equal(result.losses(), [[0, 0.25, 0.5], [0, 0, 0]])
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_loss_is_better_if_lower_and_data_may_be_a_dataset(keras, model):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(DATA).batch(7)
    result = tfsparse.sensitivity(model, dataset, [0.9], metric="loss", scope={"needed": 0.5})
    assert result.higher_is_better is False
    assert [layer.name for layer in result.layers] == ["needed"]
    assert result.losses()[0, 0] > 0.1


def test_statistics_are_recalibrated_only_if_asked_for(model, monkeypatch):
    from tfsparse.prune.weights import sensitivity as module

    seen = []
    monkeypatch.setattr(module, "recalibrate_batchnorm", lambda model, data: seen.append(data))
    tfsparse.sensitivity(model, DATA, [0.5], scope="all")
    assert not seen
    tfsparse.sensitivity(model, DATA, [0.5], scope="all", representative_dataset=X)
    assert len(seen) == 2
    monkeypatch.undo()
    before = model.get_weights()
    tfsparse.sensitivity(model, DATA, [0.5], scope="all", representative_dataset=X)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_an_exception_leaves_the_model_as_it_was(model, monkeypatch):
    before = model.get_weights()
    evaluate, calls = model.evaluate, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    monkeypatch.setattr(model, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tfsparse.sensitivity(model, DATA, scope="all")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.fixture
def result():
    """Three layers of 100, 300 and 600 weights: one that loses soon, late, and never."""
    layers = (
        LayerSensitivity("soon", 100, (0.7, 0.5, 0.1)),
        LayerSensitivity("late", 300, (0.91, 0.85, 0.6)),
        LayerSensitivity("never", 600, (0.9, 0.9, 0.9)),
    )
    return Sensitivity("accuracy", 0.9, True, (0.5, 0.75, 0.9), layers)


@pytest.mark.parametrize("total", [0.01, 0.3, 0.54, 0.6, 0.7, 0.8, 0.85, 0.899, 0.9])
def test_layers_lose_alike_and_have_the_sparsity_asked_for_together(result, total):
    shares = result.allocate(total)
    assert 0.1 * shares["soon"] + 0.3 * shares["late"] + 0.6 * shares["never"] == pytest.approx(
        total
    )
    assert 0 <= shares["soon"] <= shares["late"] <= shares["never"] <= 0.9
    if 0.7 <= total <= 0.85:  # where losses limit both
        points = (0, *result.sparsities)
        soon = np.interp(shares["soon"], points, (0.9, 0.7, 0.5, 0.1))
        late = np.interp(shares["late"], points, (0.9, 0.9, 0.85, 0.6))
        assert soon == pytest.approx(late)


def test_what_costs_nothing_comes_first():
    points, sizes = np.array([0, 0.5, 1.0]), np.array([1, 1])
    losses = np.array([[0, 0, 1.0], [0, 1.0, 2.0]])
    np.testing.assert_allclose(equal_losses(points, losses, sizes, 0.125), [0.25, 0], atol=1e-9)
    # At a tolerance t the first has 0.5 + t / 2, the second t / 2.
    np.testing.assert_allclose(equal_losses(points, losses, sizes, 0.5), [0.75, 0.25])


def test_gradual_pruning_takes_it_as_a_distribution(model, data):
    result = Sensitivity(
        "accuracy",
        1.0,
        True,
        (0.5, 0.75),
        (LayerSensitivity("idle", 16, (1, 1)), LayerSensitivity("needed", 16, (0.5, 0.5))),
    )
    pruning = tfsparse.GradualPruning(0.5, scope="all", distribution=result)
    model.fit(*DATA, batch_size=5, epochs=2, verbose=0, callbacks=[pruning])
    assert pruning.sparsity == 0.5
    assert np.mean(model.get_layer("idle").kernel.numpy() == 0) == 0.75
    assert np.mean(model.get_layer("needed").kernel.numpy() == 0) == 0.25

    with pytest.raises(ValueError, match=r"was measured: idle, needed. Received: other"):
        result.allocate(0.5, ["other"])
    with pytest.raises(ValueError, match=r"at most 0.75.*Received: 0.8"):
        tfsparse.GradualPruning(0.8, scope="all", distribution=result).apply(model)
    with pytest.raises(ValueError, match="A sensitivity chooses the layers' sparsities"):
        tfsparse.GradualPruning(scope={"idle": 0.5}, distribution=result)
    with pytest.raises(ValueError, match="final_sparsity above 0"):
        tfsparse.GradualPruning(schedule=lambda step: (True, 0.5), distribution=result)


@pytest.mark.parametrize(("block_size", "axis"), [(4, 1), ((1, 4), 0)])
def test_blocks_are_pruned_as_a_whole(keras, block_size, axis):
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(8)])
    model.compile("sgd", "mse")
    kernels = []
    evaluate = model.evaluate
    model.evaluate = lambda *args, **kwargs: (
        kernels.append(model.layers[0].kernel.numpy()) or evaluate(*args, **kwargs)
    )
    data = np.ones((4, 8), np.float32), np.ones((4, 8), np.float32)
    tfsparse.sensitivity(model, data, [0.5], scope="all", block_size=block_size)
    _, pruned = kernels
    assert np.mean(pruned == 0) == 0.5
    for half in np.split(pruned == 0, 2, axis):
        assert np.all(half == half.take([0], axis))


def test_it_is_kept_as_json(result, tmp_path):
    result.save(tmp_path / "sensitivity.json")
    assert Sensitivity.load(tmp_path / "sensitivity.json") == result
    assert json.loads(result.to_json())["layers"][1]["name"] == "late"


def test_it_prints_as_a_table(result):
    title, header, *rows = str(result).splitlines()
    assert title == "accuracy with one layer pruned; 0.9000 with none"
    assert header.split() == ["layer", "weights", "0.5", "0.75", "0.9"]
    assert rows[0].split() == ["soon", "100", "0.7000", "0.5000", "0.1000"]


def test_it_is_drawn(result, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    result.plot(tmp_path / "figure.svg")
    figure = (tmp_path / "figure.svg").read_text()
    assert "soon (100)" in figure
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'tfsparse\[plot\]'"):
        result.plot(tmp_path / "figure.png")


def test_nonsense_is_named(keras, model):
    for options, message in (
        ({"sparsities": []}, "rising floats above 0"),
        ({"sparsities": [0.5, 0.4]}, "rising floats above 0"),
        ({"sparsities": [0, 0.4]}, "rising floats above 0"),
        ({"sparsities": [1.5]}, r"in \[0, 1\)"),
        ({"metric": "auc"}, "compiled with: .*accuracy.*Received: 'auc'"),
        ({"block_size": 3}, "to be 1, 2 or 4"),
        ({"data": iter([DATA])}, "read again and again"),
    ):
        with pytest.raises(ValueError, match=message):
            tfsparse.sensitivity(**{"model": model, "data": DATA, "scope": "all", **options})


def test_data_without_end_or_with_numbers_that_are_not_finite_are_refused(model):
    import tensorflow as tf

    x = X.copy()
    x[7, 0] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((x, DATA[1])).batch(4)
    for data, message in (
        ((x, DATA[1]), "finite numbers in data"),
        (dataset, "finite numbers in data"),
        (dataset.repeat(), "Expected data that ends"),
    ):
        with pytest.raises(ValueError, match=message):
            tfsparse.sensitivity(model, data, [0.5], scope="all")


class Twins(tf_keras.Model):
    def __init__(self):
        super().__init__()
        self.low, self.high = (tf_keras.layers.Dense(2, name="same") for _ in range(2))

    def call(self, x):
        return self.high(self.low(x))


def test_layers_need_names_of_their_own():
    twins = Twins()
    twins.build((None, 4))
    twins.compile("sgd", "mse")
    with pytest.raises(ValueError, match="more than one 'same'"):
        tfsparse.sensitivity(twins, DATA, scope="all")


def test_layers_of_nested_models_are_told_apart(keras):
    inner = [keras.Sequential([keras.layers.Dense(2, name="same")], name=n) for n in "ab"]
    model = keras.Sequential([keras.layers.Input((4,)), *inner])
    model.compile("sgd", "mse")
    data = np.ones((8, 4), np.float32), np.ones((8, 2), np.float32)
    found = tfsparse.sensitivity(model, data, [0.5], scope="all")
    assert [layer.name for layer in found.layers] == ["a/same", "b/same"]
    tfsparse.GradualPruning(0.25, scope="all", distribution=found).apply(model)
