import keras
import numpy as np
import pytest

import tfsparse
from tfsparse import networks


def zeros(layer):
    return np.mean(layer.kernel.numpy() == 0)


def test_every_pointwise_convolution_has_the_sparsity_and_no_other_layer():
    model = networks.build("mobilenet_v2", 0.8, size=32)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    pointwise = [layer for layer in convolutions if layer.kernel_size == (1, 1)]
    assert len(pointwise) == 34
    for layer in pointwise:
        assert zeros(layer) == pytest.approx(0.8, abs=2 / layer.kernel.numpy().size)
    for layer in model.layers:
        if layer not in pointwise and hasattr(layer, "kernel"):
            assert zeros(layer) == 0


def test_activations_keep_their_scale_so_that_outputs_can_be_compared():
    model = networks.build("mobilenet_v3_small", 0.9, size=64)
    scores = model(255 * np.random.default_rng(1).random((1, 64, 64, 3), np.float32)).numpy()
    assert np.isfinite(scores).all()
    assert scores.max() > 1.5 * scores.min(), "not all classes look alike"


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_name_is_a_network_of_keras(name):
    assert hasattr(keras.applications, networks.NETWORKS[name])


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"mobilenet_v1.*Received: 'mobilenet'"):
        networks.build("mobilenet", 0.5)


def test_a_file_is_made_once(tmp_path, monkeypatch):
    built = []

    def build(name, sparsity):
        built.append((name, sparsity))
        return networks.small_mobilenet_v2((8, 8, 1), 2)

    monkeypatch.setattr(networks, "build", build)
    first = networks.cached_file("mobilenet_v1", 0.8, tmp_path / "cache")
    assert networks.cached_file("mobilenet_v1", 0.8, tmp_path / "cache") == first
    assert built == [("mobilenet_v1", 0.8)]
    interpreter = tfsparse.Interpreter(first)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 8, 8, 1]


def test_the_cache_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert networks.cache_folder() == tmp_path / "tfsparse"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert networks.cache_folder() == tmp_path / ".cache" / "tfsparse"


def test_the_small_network_scales_with_its_width():
    narrow = networks.small_mobilenet_v2((32, 32, 1), 10)
    wide = networks.small_mobilenet_v2((32, 32, 1), 10, width=2)
    assert narrow.output_shape == (None, 10)
    assert 3 < wide.count_params() / narrow.count_params() < 4
