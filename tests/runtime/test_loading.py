import dataclasses
import sys

import keras
import pytest

import tfsparse
from tests.delegate import networks
from tfsparse.runtime import loading

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def one_layer(folder, outputs):
    model = keras.Sequential([keras.Input((1024,)), keras.layers.Dense(outputs)])
    return tfsparse.convert(networks.randomize(model), folder / "model.tflite", encoding="none")


@pytest.mark.parametrize("runtime", ["tf", "litert"])
def test_weights_are_seen_in_both_runtimes(tmp_path, runtime):
    small = loading.measure(one_layer(tmp_path, 16), runtime=runtime, repeats=1)
    large = loading.measure(one_layer(tmp_path, 8192), runtime=runtime, repeats=1)
    megabytes = 4 * 1024 * 8192 / 1e6
    for weight in (small, large):
        assert all(value > 0 for value in dataclasses.astuple(weight))
    assert large.baseline_peak - small.baseline_peak > 0.9 * megabytes
    assert large.candidate_peak - small.candidate_peak > 0.9 * megabytes


def test_says_what_could_not_be_loaded(tmp_path):
    with pytest.raises(RuntimeError, match=r"Could not measure the memory of .*none.tflite"):
        loading.measure(tmp_path / "none.tflite", repeats=1)


def test_options_reach_the_delegate(tmp_path):
    with pytest.raises(RuntimeError, match="no_such_option"):
        loading.measure(one_layer(tmp_path, 16), options={"no_such_option": 1}, repeats=1)
