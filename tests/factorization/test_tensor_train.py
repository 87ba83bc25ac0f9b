"""Dense layers as tensor trains and rings."""

import math

import keras
import numpy as np
import pytest

import tfsparse
from tests.factorization.test_factorize import assert_same_outputs, pictures, sequential
from tests.quantize.int8_models import run
from tfsparse.factorization.decompositions import ring_tensor, tensor_ring, tensor_train
from tfsparse.factorization.tensor_train import TensorRing, TensorTrain, near_equal_factors

L = keras.layers
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("number", "factors"),
    [(784, (7, 8, 14)), (512, (8, 8, 8)), (10, (1, 2, 5)), (7, (1, 1, 7)), (1, (1, 1, 1))],
)
def test_factors_are_nearly_equal(number, factors):
    assert near_equal_factors(number, 3) == factors


def test_a_train_of_full_ranks_is_exact_and_others_have_the_error_of_what_they_leave():
    tensor = RNG.normal(size=(4, 6, 5))
    np.testing.assert_allclose(ring_tensor(tensor_train(tensor, (4, 5))), tensor, atol=1e-12)
    made = ring_tensor(tensor_train(tensor, (2, 3)))
    left = [
        np.linalg.svd(tensor.reshape(size, -1), compute_uv=False)[rank:]
        for size, rank in ((4, 2), (24, 3))
    ]
    least = max(np.linalg.norm(one) for one in left)
    # The bound of the paper, theorem 2.2, and no approximation of these ranks is below the least.
    assert least <= np.linalg.norm(tensor - made) <= math.sqrt(sum(np.sum(x**2) for x in left))
    np.testing.assert_allclose(ring_tensor(tensor_train(made, (2, 3))), made, atol=1e-12)


def test_ranks_that_are_too_high_are_filled_with_zeros():
    tensor = RNG.normal(size=(2, 3, 4))
    cores = tensor_train(tensor, (5, 9))
    assert [core.shape for core in cores] == [(1, 2, 5), (5, 3, 9), (9, 4, 1)]
    np.testing.assert_allclose(ring_tensor(cores), tensor, atol=1e-12)


def test_a_ring_finds_the_cores_that_a_tensor_is_made_of():
    rng = np.random.default_rng(0)  # With some others it ends in another minimum.
    cores = [rng.normal(size=shape) for shape in ((2, 20, 3), (3, 24, 2), (2, 28, 2))]
    tensor = ring_tensor(cores)
    found = tensor_ring(tensor, (2, 3, 2))
    assert [core.shape for core in found] == [core.shape for core in cores]
    assert np.linalg.norm(tensor - ring_tensor(found)) < 1e-3 * np.linalg.norm(tensor)


def test_a_ring_of_full_ranks_is_exact_and_one_that_is_open_is_a_train():
    tensor = RNG.normal(size=(6, 8, 7))
    full = ring_tensor(tensor_ring(tensor, (2, 3, 24)))
    np.testing.assert_allclose(full, tensor, atol=1e-6)
    error = np.linalg.norm(tensor - ring_tensor(tensor_ring(tensor, (1, 4, 4))))
    # Least squares are a little better than decompositions in turn.
    of_train = np.linalg.norm(tensor - ring_tensor(tensor_train(tensor, (4, 4))))
    assert 0.95 * of_train < error <= of_train


@pytest.mark.parametrize("shape", [(240, 1), (7, 13), (240, 120)])
@pytest.mark.parametrize("ranks", [(1, 1), (5, 3), (40, 60)])
def test_a_ring_of_any_shape_and_ranks_is_what_its_layers_compute(shape, ranks):
    ring = TensorRing(*shape)
    kernel = RNG.normal(size=(1, 1, *shape))
    factors = ring.factors(kernel, ranks)
    assert [x.shape for x in factors] == [x.shape for x in ring.stages((1, 1, *shape), ranks)]
    error = np.linalg.norm(kernel - ring.product(factors)) / np.linalg.norm(kernel)
    assert error <= 1 + 1e-6


def of_low_rank(layer, structure=TensorTrain, ranks=(3, 3)):
    """Gives a dense layer a kernel that is a tensor train, or a ring, of some ranks."""
    inputs, outputs = layer.kernel.shape
    train = structure(inputs, outputs)
    stages = train.stages((1, 1, inputs, outputs), ranks)
    kernel = train.product([RNG.normal(size=stage.shape) for stage in stages])[0, 0]
    layer.kernel.assign(kernel / np.abs(kernel).max())


@pytest.mark.parametrize(
    ("units", "options"),
    [(128, {"activation": "relu"}), (120, {"use_bias": False}), (64, {"activation": "softmax"})],
)
def test_a_dense_layer_of_low_rank_keeps_its_outputs(units, options):
    model = sequential(L.Dense(units, name="dense", **options), shape=(240,))
    of_low_rank(model.layers[0])
    result = tfsparse.factorize(model, "tensor_train", rank=3, multiple_of=1, scope="all")
    assert_same_outputs(model, result.model)
    (layer,) = result.layers
    assert layer.ranks == (3, 3)
    assert layer.error < 1e-6
    # graph.macs adds nothing for an EinsumDense.
    einsums = [x for x in result.model.layers if isinstance(x, L.EinsumDense)]
    macs = tfsparse.graph.macs(result.model)
    macs += sum(math.prod(x.kernel.shape) * x.bias.shape[0] for x in einsums)
    assert layer.macs_after == macs < layer.macs == 240 * units
    names = [one.name for one in result.model.layers if one.weights]
    assert names == ["dense_factor_1", "dense_factor_2", "dense_factor_3"]


def test_a_ring_keeps_the_outputs_with_fewer_weights_and_macs_than_a_train():
    model = sequential(L.Dense(120, activation="relu", name="dense"), shape=(240,))
    of_low_rank(model.layers[0], TensorRing, ranks=(4, 4))
    options = {"rank": 4, "multiple_of": 1, "scope": "all"}
    ring, train = (
        tfsparse.factorize(model, f"tensor_{kind}", **options) for kind in ("ring", "train")
    )
    assert_same_outputs(model, ring.model, tolerance=1e-2)
    assert ring.layers[0].error < 1e-3
    assert ring.layers[0].macs_after < train.layers[0].macs_after
    # 240 = 5 6 8 and 120 = 4 5 6: cores of 2 20 2, 2 30 2 and 2 48 2, and 120 biases.
    assert ring.model.count_params() == 4 * (20 + 30 + 48) + 120 < train.model.count_params()


@pytest.mark.parametrize("method", ["tensor_train", "tensor_ring"])
def test_it_trains_and_its_file_computes_the_same(method, tmp_path):
    model = sequential(L.Dense(128, activation="relu"), L.Dense(4), shape=(240,))
    model.compile("adam", "mse")
    options = {"multiple_of": 1, "scope": lambda layer: layer.units == 128}
    new = tfsparse.factorize(model, method, rank=4, **options).model
    x, y = pictures(model, 64), RNG.normal(size=(64, 4))
    losses = new.fit(x, y, 16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    path = tfsparse.convert(new, tmp_path / "model.tflite")
    expected = new.predict(x[:4], verbose=0)
    np.testing.assert_allclose(run(path, x[:4]), expected, atol=1e-4 * np.abs(expected).max())


def test_other_layers_are_split():
    model = sequential(L.Conv2D(32, 1), L.Dense(32), L.Flatten(), L.Dense(32), shape=(4, 4, 32))
    for method in ("tensor_train", "tensor_ring"):
        result = tfsparse.factorize(model, method, rank=2, multiple_of=1, scope="all")
        assert [len(layer.ranks) for layer in result.layers] == [1, 1, 2]


@pytest.mark.parametrize("method", ["tensor_train", "tensor_ring"])
def test_a_budget_of_macs_is_met(method):
    layers = [L.Dense(units, use_bias=False) for units in (512, 128)]
    model = sequential(*layers, shape=(256,))
    result = tfsparse.factorize(model, method, macs=0.3, multiple_of=1, scope="all")
    total = sum(layer.macs_after for layer in result.factorized)
    assert total == tfsparse.graph.macs(result.model) <= 0.3 * tfsparse.graph.macs(model)


def test_nothing_faster_is_refused_with_the_numbers():
    model = sequential(L.Dense(16), shape=(16,))
    with pytest.raises(ValueError, match=r"dense.*: 256 MACs, and .* with ranks 4, 4"):
        tfsparse.factorize(model, "tensor_train", rank=4, multiple_of=1, scope="all")
