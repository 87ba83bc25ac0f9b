"""The names of weights by their values, as arrays and in files of the callbacks that make them."""

import keras
import numpy as np
import pytest

import tfsparse
from tests.quantize.small import network
from tfsparse.inspection import values
from tfsparse.inspection.values import may_repeat, name_values

RNG = np.random.default_rng(0)
SHAPE = (24, 3, 3, 16)
NORMAL = RNG.normal(size=SHAPE).astype(np.float32)
SIGNS = RNG.integers(-1, 2, SHAPE).astype(np.float32)
FACTORS = RNG.uniform(0.1, 2, (24, 1, 1, 1)).astype(np.float32)
CODES = SIGNS * np.float32(2) ** RNG.integers(0, 7, SHAPE)
TWO = np.where(SIGNS > 0, np.float32(0.3), np.float32(0.7)) * SIGNS
CENTROIDS = RNG.normal(size=16).astype(np.float32)
SHARED = CENTROIDS[RNG.integers(0, 16, SHAPE)]


def in_int8(weights):
    scale = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / 127
    return np.round(weights / scale).astype(np.int8)


CASES = {
    "normal": (NORMAL, ""),
    "normal in float16": (NORMAL.astype(np.float16), ""),
    "normal in int8": (in_int8(NORMAL), ""),
    "pruned to one weight in a channel": (NORMAL * (np.arange(144).reshape(1, 3, 3, 16) == 5), ""),
    "zeros": (np.zeros(SHAPE, np.float32), ""),
    "ternary": (TWO, "ternary"),
    "ternary with factors": (TWO * -FACTORS, "ternary"),
    "ternary in int8": (in_int8(TWO * FACTORS), "ternary"),
    "first channels zero": (TWO * FACTORS * (np.arange(24) > 9).reshape(-1, 1, 1, 1), "ternary"),
    "one sign": (np.abs(TWO) * FACTORS, "49 clusters"),
    "one value off": (
        np.where(np.arange(144).reshape(1, 3, 3, 16) == 7, NORMAL, TWO),
        "27 clusters",
    ),
    "binary": (np.where(NORMAL > 0, FACTORS, -FACTORS), "binary"),
    "powers": (CODES * FACTORS, "powers of two"),
    "powers in float16": ((CODES * FACTORS * 1e-4).astype(np.float16), "powers of two"),
    "powers in int8": (in_int8(CODES * FACTORS), "powers of two"),
    "powers and others": (CODES * FACTORS + (np.abs(CODES) == 4) * np.float32(0.01), ""),
    "shared": (SHARED, "16 clusters"),
    "shared and pruned": (SHARED * (SIGNS != 0), "17 clusters"),
    "many values": (np.round(NORMAL * 100), ""),
    "few weights": (NORMAL[:4, 0, 0, :4], ""),
    "integers": (np.ones((4, 4), np.int32), ""),
    "nothing": (np.zeros((0, 4), np.float32), ""),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunk", [100, 1 << 18])
def test_values_have_a_name_however_they_are_cut(case, chunk, monkeypatch):
    monkeypatch.setattr(values, "_CHUNK", chunk)
    weights, name = CASES[case]
    assert name_values(weights) == name


@pytest.mark.parametrize("case", ["ternary with factors", "powers", "shared", "normal"])
def test_stored_values_tell_which_tensors_cannot_have_a_name(case):
    weights, name = CASES[case]
    for order in (weights, weights.T):
        assert may_repeat(order[order != 0]) == bool(name)


@pytest.mark.usefixtures("calibrate_here")
@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (tfsparse.TernaryQuantization(), "ternary"),
        (tfsparse.LowBitQuantization(bits=2), "ternary"),
        (tfsparse.LowBitQuantization(bits=3), "powers of two"),
        (tfsparse.LowBitQuantization(bits=4), "powers of two"),
        (tfsparse.WeightSharing(bits=4, scope="3x3"), "16 clusters"),
    ],
    ids=lambda x: x if isinstance(x, str) else type(x).__name__,
)
def test_files_say_what_they_are(callback, name, weights, tmp_path):
    model = network()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(RNG.normal(size=12))
    callback.apply(model)
    data = RNG.normal(size=(4, 6, 6, 3)).astype(np.float32) if weights == "int8" else None
    path = tfsparse.convert(
        model, tmp_path / "model.tflite", weights=weights, representative_dataset=data
    )
    found = tfsparse.inspect(path)
    is_hidden = weights == "int8" and "clusters" in name
    assert found.weighted[1].weights.values == ("" if is_hidden else name)
    assert found.weighted[-1].weights.values == "", "the last layer is left as it is"
    assert is_hidden or f" {name} " in str(found)
    assert found.to_dict()["tensors"][found.weighted[1].weights.index]["values"] in (name, "")


def test_sparse_files_say_what_they_are(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 4, 64)), keras.layers.Conv2D(64, 1)])
    for callback, name in (
        (tfsparse.GradualPruning(0.8, scope="all"), ""),
        (tfsparse.TernaryQuantization(scope="all"), "ternary"),
    ):
        callback.apply(model)
        (operator,) = tfsparse.inspect(tfsparse.convert(model, tmp_path / "m.tflite")).weighted
        assert operator.weights.encoding == "CSR"
        assert operator.weights.values == name
