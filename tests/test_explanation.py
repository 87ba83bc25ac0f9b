"""What `tfsparse.explain` says of a model: what the delegate takes, how, and why not the rest."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsparse
from tests.delegate import networks
from tests.delegate.outputs import explain


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = networks.randomize(networks.mobile_net(), 0.8)
    return tfsparse.convert(model, tmp_path_factory.mktemp("runtime") / "model.tflite")


def test_tells_every_layer(path):
    explanation = explain(path)
    pointwise = [
        layer for layer in explanation.layers if layer.weights and layer.weights[1:3] == (1, 1)
    ]
    assert len(pointwise) == 7
    for layer in pointwise:
        assert layer.taken
        assert layer.encoded
        assert 0.7 < layer.sparsity < 0.9
        assert layer.kernel.startswith("sparse")
        assert layer.seconds is None
    assert explanation.partitions == 1
    table = str(explanation)
    assert "DEPTHWISE_CONV_2D" in table
    assert "80 % stored sparse" in table
    assert "runs" in explanation.summary()


def cpu_computes_in_float16():
    """Whether Linux lists the instructions of arm64 for float16 vectors."""
    features = re.search(r"^Features\s*:(.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return features is not None and "asimdhp" in features[1].split()


def test_float16_is_used_or_float32_and_that_said(path):
    assert not explain(path).lacks_fp16
    assert "which has no float16" not in explain(path).summary()
    explanation = explain(path, options={"precision": "fp16"})
    if cpu_computes_in_float16():
        assert explanation.isa.endswith("fp16")
        assert not explanation.lacks_fp16
        assert "which has no float16" not in explanation.summary()
    else:
        assert explanation.isa == explain(path).isa
        assert explanation.lacks_fp16
        assert f"({explanation.isa}, which has no float16)" in explanation.summary()


def test_measures(path):
    layers = explain(path, measure=True, runs=3).layers
    timed = [layer for layer in layers if layer.seconds is not None]
    assert len(timed) > 10
    assert all(0 < layer.seconds < 1 for layer in timed)


def one_convolution(tmp_path, sparsity):
    inputs = networks.image(56, 64)
    model = keras.Model(inputs, keras.layers.Conv2D(256, 1)(inputs))
    return tfsparse.convert(networks.randomize(model, sparsity), tmp_path / "model.tflite")


def test_leaves_what_tflite_runs_faster(tmp_path):
    """Dense, and by kernels without SIMD: slower on any machine, however busy it is."""
    path = one_convolution(tmp_path, 0.0)
    (layer,) = tfsparse.explain(path, options={"isa": "portable"}).layers
    assert not layer.taken
    assert "TFLite's default is about as fast or faster" in layer.reason
    (layer,) = tfsparse.explain(path, options={"isa": "portable", "auto": False}).layers
    assert layer.taken


def test_counts_only_nonzero_multiplications(path):
    layer = next(layer for layer in explain(path).layers if layer.kernel.startswith("sparse"))
    nonzeros = np.prod(layer.weights) * (1 - layer.sparsity)
    assert layer.macs == pytest.approx(nonzeros * 12 * 12)
