import keras
import numpy as np
import pytest

import tfsparse
from tests.graph.shrinking import randomize
from tfsparse.factorization import decompositions

L = keras.layers
METHODS = ("svd", "tucker2", "cp", "asymmetric")


def sequential(*layers, shape=(8, 8, 16)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([L.Input(shape), *layers])
    randomize(model)
    return model


def pictures(model, count=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, *model.inputs[0].shape[1:])).astype(np.float32)


def lower(layer, rank=2):
    """Gives a layer a kernel that every method can factorise exactly."""
    rng = np.random.default_rng(0)
    shape = tuple(layer.kernel.shape)
    full = shape if len(shape) == 4 else (1, 1, *shape)
    kernel = decompositions.cp_kernel([rng.normal(size=(n, rank)) for n in full])
    layer.kernel.assign((kernel / np.abs(kernel).max()).reshape(shape))


def factorize(model, method, **options):
    data = pictures(model, 16, seed=2) if method == "asymmetric" else None
    return tfsparse.factorize(model, method, representative_dataset=data, scope="all", **options)


def assert_same_outputs(model, new, tolerance=1e-3):
    x = pictures(model)
    expected, found = (one(x, training=False).numpy() for one in (model, new))
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


CONVOLUTIONS = {
    "plain": {"kernel_size": 3},
    "same": {"kernel_size": 3, "padding": "same", "activation": "relu"},
    "strides": {"kernel_size": 3, "padding": "same", "strides": 2, "use_bias": False},
    "dilation": {"kernel_size": 3, "padding": "same", "dilation_rate": 2, "activation": "tanh"},
    "oblong": {"kernel_size": (3, 5), "padding": "same"},
    "pointwise": {"kernel_size": 1, "strides": 2, "padding": "same"},
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_kernel_of_low_rank_keeps_its_outputs(method, options):
    model = sequential(L.Conv2D(24, **options))
    lower(model.layers[0])
    result = factorize(model, method, rank=2, multiple_of=2)
    assert_same_outputs(model, result.model)
    assert tfsparse.graph.macs(result.model) < tfsparse.graph.macs(model)


@pytest.mark.parametrize("method", METHODS)
def test_dense_layers_are_split(method):
    model = sequential(L.Dense(12, activation="relu"), L.Dense(32), shape=(20,))
    for layer in model.layers:
        lower(layer)
    result = factorize(model, method, rank=2, multiple_of=1)
    assert_same_outputs(model, result.model)
    names = [layer.name for layer in model.layers]
    assert [layer.name for layer in result.model.layers] == [
        f"{name}_factor_{number}" for name in names for number in (1, 2)
    ]
    assert [layer.ranks for layer in result.layers] == [(2,), (2,)]


def test_the_recorded_macs_are_those_of_the_model():
    model = sequential(L.Conv2D(24, 3, 2, padding="same"), L.Flatten(), L.Dense(16))
    result = tfsparse.factorize(model, rank=0.25, multiple_of=2, scope="all")
    assert sum(layer.macs for layer in result.layers) == tfsparse.graph.macs(model)
    after = sum(layer.macs_after for layer in result.layers)
    assert after == tfsparse.graph.macs(result.model)
    assert "conv2d" in str(result)
    assert result.factorized == result.layers


def test_evbmf_is_the_default_and_finds_the_rank():
    model = sequential(L.Conv2D(32, 3))
    lower(model.layers[0], 3)
    noise = np.random.default_rng(0).normal(size=model.layers[0].kernel.shape)
    model.layers[0].kernel.assign_add(1e-4 * noise)
    (layer,) = tfsparse.factorize(model, multiple_of=1, scope="all").layers
    assert layer.ranks == (3, 3)
    assert layer.error < 0.05


def test_ranks_are_rounded_up():
    model = sequential(L.Conv2D(32, 3))
    lower(model.layers[0], 3)
    (layer,) = tfsparse.factorize(model, "svd", energy=0.999, scope="all").layers
    assert layer.ranks == (8,)


def test_energy_is_of_the_squared_singular_values():
    model = sequential(L.Dense(4), shape=(6,))
    model.layers[0].kernel.assign(np.eye(6, 4) * [3, 1, 0.5, 0.1])
    options = {"scope": "all", "multiple_of": 1}
    (layer,) = tfsparse.factorize(model, "svd", energy=0.8, **options).layers
    assert layer.ranks == (1,)
    (layer,) = tfsparse.factorize(model, "svd", energy=0.95, **options).layers
    assert layer.ranks == (2,)


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_of_macs_is_met(method):
    model = sequential(*(L.Conv2D(16, 3, padding="same", activation="relu") for _ in range(3)))
    total = tfsparse.graph.macs(model)
    for macs in 0.5, total // 2:
        result = factorize(model, method, macs=macs, multiple_of=2)
        assert 0.3 * total < tfsparse.graph.macs(result.model) <= 0.5 * total


def test_the_budget_goes_to_layers_that_need_it():
    model = sequential(*(L.Conv2D(16, 3, padding="same") for _ in range(2)))
    lower(model.layers[1], 4)
    first, second = factorize(model, "svd", macs=0.6, multiple_of=2).layers
    assert second.ranks == (4,)
    assert second.error < 1e-3
    assert first.ranks[0] > 4 or first.reason


def test_asymmetric_is_better_after_a_relu():
    model = sequential(*(L.Conv2D(16, 3, padding="same", activation="relu") for _ in range(4)))
    data = pictures(model, 32, seed=3)
    expected = model(pictures(model, 32)).numpy()
    errors = {}
    for method in "svd", "asymmetric":
        options = {"representative_dataset": data} if method == "asymmetric" else {}
        new = tfsparse.factorize(model, method, rank=6, multiple_of=1, **options).model
        errors[method] = np.linalg.norm(new(pictures(model, 32)).numpy() - expected)
    assert errors["asymmetric"] < 0.9 * errors["svd"]


def test_asymmetric_sees_normalization_before_the_relu():
    layers = L.Conv2D(16, 3, use_bias=False), L.BatchNormalization(), L.ReLU()
    model = sequential(*layers, L.Conv2D(16, 3), L.BatchNormalization(), L.ReLU())
    for layer in model.layers:
        if isinstance(layer, L.Conv2D):
            lower(layer, 3)
    result = factorize(model, "asymmetric", rank=3, multiple_of=1)
    assert_same_outputs(model, result.model)
    assert all(layer.error < 1e-3 for layer in result.layers)


def branches(shared):
    inputs = L.Input((8, 8, 16))
    x = L.Conv2D(16, 1, name="stem")(inputs)
    block = keras.Sequential([L.Input((8, 8, 16)), L.Conv2D(16, 3, padding="same", name="inner")])
    x = block(L.Add()([shared(x), shared(keras.ops.relu(x))]))
    model = keras.Model(inputs, L.GlobalAveragePooling2D()(x))
    randomize(model)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_shared_and_nested_layers(method):
    shared = L.Conv2D(16, 3, padding="same", name="shared", activation="relu")
    model = branches(shared)
    for layer in model._flatten_layers():
        if isinstance(layer, L.Conv2D):
            lower(layer)
    result = factorize(model, method, rank={"shared": 2, "inner": 2}, multiple_of=1)
    assert_same_outputs(model, result.model)
    reasons = {layer.name: layer.reason for layer in result.layers}
    assert reasons["stem"] == "no pattern of rank matches it"
    assert len([name for name, reason in reasons.items() if reason is None]) == 2
    assert sum(x.name.startswith("shared_factor") for x in result.model.layers) in (2, 3, 4)


def test_live_objects_are_kept_and_the_model_is_compiled_alike():
    def activation(x):
        return keras.ops.relu(x) + 1

    regularizer = keras.regularizers.L2(0.1)
    model = sequential(L.Conv2D(24, 3, activation=activation, kernel_regularizer=regularizer))
    lower(model.layers[0])
    model.compile(keras.optimizers.SGD(0.3), "mse", metrics=["mae"])
    new = factorize(model, "cp", rank=2, multiple_of=1).model
    assert new.layers[-1].activation is activation
    assert new.layers[0].kernel_regularizer.l2 == pytest.approx(0.1)
    assert new.layers[1].depthwise_regularizer.l2 == pytest.approx(0.1)
    assert new.layers[0].activation is keras.activations.linear
    assert float(new.optimizer.learning_rate) == pytest.approx(0.3)
    assert_same_outputs(model, new)
    pruning = tfsparse.GradualPruning(schedule=tfsparse.ConstantSparsity(0.5, begin=0), scope="all")
    y = np.zeros((3, *new.outputs[0].shape[1:]))
    new.fit(pictures(model), y, verbose=0, callbacks=[pruning])
    assert np.mean(new.layers[-1].kernel.numpy() == 0) == pytest.approx(0.5, abs=0.1)


def test_the_file_runs(tmp_path):
    model = sequential(L.Conv2D(24, 3, padding="same", activation="relu"), L.Conv2D(24, 3, 2))
    for layer in model.layers:
        lower(layer)
    for method in METHODS:
        new = factorize(model, method, rank=2, multiple_of=1).model
        path = tfsparse.convert(new, tmp_path / f"{method}.tflite")
        interpreter = tfsparse.Interpreter(path)
        interpreter.allocate_tensors()
        x = pictures(model, 1)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        expected = model(x).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_layers_that_cannot_be_or_gain_nothing_are_named():
    model = sequential(
        L.Conv2D(16, 3, padding="same"),
        L.Conv2D(16, 3, groups=2, padding="same"),
        L.SeparableConv2D(16, 3),
        L.Dense(3),
    )
    result = tfsparse.factorize(model, rank=4, scope="all")
    reasons = [layer.reason for layer in result.layers]
    assert reasons[0] is None
    assert reasons[1] == "it has 2 groups"
    assert reasons[2] == "its class is SeparableConv2D, not Conv2D or Dense"
    assert reasons[3] == "its MACs would not fall"
    assert result.layers[3].macs_after > result.layers[3].macs


def test_open_heights_and_widths():
    model = sequential(L.Conv2D(32, 3, 2, padding="same"), shape=(None, None, 16))
    (layer,) = tfsparse.factorize(model, rank=8, scope="all").layers
    assert layer.macs == 9 * 16 * 32
    assert layer.macs_after == 4 * 16 * 8 + 9 * 8 * 8 + 8 * 32


def test_nothing_faster_is_refused_with_the_numbers():
    model = sequential(L.Dense(4, name="small"), shape=(5,))
    with pytest.raises(ValueError, match=r"small: 20 MACs, and 36 with ranks 4"):
        tfsparse.factorize(model, "svd", rank=4, scope="all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "qr"}, "Expected method to be one of svd.*Received: 'qr'"),
        ({"method": "asymmetric"}, "Expected a representative_dataset for method='asymmetric'"),
        ({"representative_dataset": [1]}, "and for no other"),
        ({"rank": 2, "energy": 0.5}, "Give one of rank, energy and macs"),
        ({"rank": 1.5}, r"Expected rank to be 'evbmf'.*Received: 1.5"),
        ({"rank": {"nothing*": 2}}, "Pattern 'nothing\\*' in rank matches no layer"),
        ({"energy": 1.0}, "Expected energy"),
        ({"macs": 0.001}, "Expected macs that leave at least"),
        ({"multiple_of": 0}, "Expected multiple_of"),
    ],
)
def test_wrong_arguments(options, message):
    model = sequential(L.Conv2D(16, 3), L.Conv2D(16, 3))
    with pytest.raises(ValueError, match=message):
        tfsparse.factorize(model, **options)


def test_a_mapping_is_no_scope():
    with pytest.raises(TypeError, match="goes into rank"):
        tfsparse.factorize(sequential(L.Dense(4), shape=(5,)), scope={"*": 0.5})
