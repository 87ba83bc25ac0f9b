import keras
import numpy as np
import pytest

import tfsparse
from tests.downloads import mediapipe_model
from tfsparse.prune.scope import select
from tfsparse.zoo import architectures, catalogue


def zeros(layer):
    return np.mean(layer.kernel.numpy() == 0)


def convolutions(model):
    return [layer for layer in model.layers if type(layer) is keras.layers.Conv2D]


def test_every_pointwise_convolution_has_the_sparsity_and_no_other_layer():
    model = catalogue.build("mobilenet_v2", 0.8, size=32)
    pointwise = [layer for layer in convolutions(model) if layer.kernel_size == (1, 1)]
    assert len(pointwise) == 34
    for layer in pointwise:
        assert zeros(layer) == pytest.approx(0.8, abs=2 / layer.kernel.numpy().size)
    for layer in model.layers:
        if layer not in pointwise and hasattr(layer, "kernel"):
            assert zeros(layer) == 0


def test_every_convolution_of_a_resnet_has_the_sparsity_and_its_classifier_is_dense():
    model = catalogue.build("resnet50", 0.9, size=64)
    assert len(convolutions(model)) == 53
    for layer in convolutions(model):
        assert zeros(layer) == pytest.approx(0.9, abs=1e-3)
    assert zeros(model.layers[-1]) == 0


def test_a_convnext_is_pruned_in_its_dense_layers_and_each_of_its_blocks_has_an_effect():
    model = catalogue.build("convnext_tiny", 0.8, size=32)
    *hidden, classifier = [layer for layer in model.layers if type(layer) is keras.layers.Dense]
    assert len(hidden) == 36
    for layer in hidden:
        assert zeros(layer) == pytest.approx(0.8, abs=1e-3)
    assert zeros(classifier) == 0
    scales = [layer.gamma.numpy() for layer in model.layers if type(layer).__name__ == "LayerScale"]
    assert len(scales) == 18
    assert min(scale.min() for scale in scales) == 1


def test_a_conformer_is_pruned_but_in_its_classifier():
    model = catalogue.build("conformer", 0.8)
    targets = select(model, "all")
    dense = [target.layer for target in targets if np.mean(target.kernel.numpy() == 0) < 0.75]
    assert dense == [model.layers[-1]]
    first_convolutions, first_dense = 2, 1
    assert len(targets) == first_convolutions + first_dense + 4 * (4 + 4 + 2) + len(dense)


def test_a_network_for_speech_has_inputs_of_its_own_shape():
    model = catalogue.build("ds_cnn_large", 0.8)
    assert model.input_shape == (1, 49, 10, 1)
    with pytest.raises(ValueError, match=r"inputs of shape \(49, 10, 1\). Received: size=32"):
        catalogue.build("ds_cnn_large", 0.8, size=32)


def test_output_channels_of_a_block_share_a_pattern():
    model = catalogue.build("mobilenet_v1", 0.8, block_size=4, size=32)
    pointwise = [layer for layer in convolutions(model) if layer.kernel_size == (1, 1)]
    for layer in pointwise:
        kept = (layer.kernel.numpy() != 0).reshape(-1, layer.filters // 4, 4)
        np.testing.assert_array_equal(kept.any(axis=2), kept.all(axis=2))
        assert zeros(layer) == pytest.approx(0.8, abs=1e-2)


def test_u_net_names_a_class_for_every_pixel():
    model = catalogue.build("u_net", 0.8, size=64)
    scores = model(np.random.default_rng(1).random((1, 64, 64, 3), np.float32)).numpy()
    assert scores.shape == (1, 64, 64, 3)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-5)
    assert scores.std() > 0.05, "not all pixels look alike"


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v3_small"])
def test_activations_keep_their_scale_so_that_outputs_can_be_compared(name):
    model = catalogue.build(name, 0.9)
    scores = model(np.random.default_rng(1).random((1, 224, 224, 3), np.float32)).numpy()
    assert np.isfinite(scores).all()
    assert scores.max() > 1.5 * scores.min(), "not all classes look alike"
    assert scores.max() < 0.5, "no class drowns the others"


@pytest.mark.parametrize("name", catalogue.ARCHITECTURES)
def test_every_name_is_a_network_of_keras_or_ours(name):
    source = catalogue.ARCHITECTURES[name].source
    assert hasattr(keras.applications, source) != hasattr(architectures, source)


@pytest.mark.parametrize("function", [catalogue.build, catalogue.cached_file])
def test_an_unknown_name_lists_the_known(function, tmp_path):
    with pytest.raises(ValueError, match=r"mobilenet_v1.*Received: 'mobilenet'"):
        function("mobilenet", tmp_path)


def test_a_file_is_made_once(tmp_path, monkeypatch):
    built = []

    def build(*arguments):
        built.append(arguments)
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 1)])

    monkeypatch.setattr(catalogue, "build", build)
    first = catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8)
    assert catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8) == first
    assert catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8, block_size=4) != first
    inputs = catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8, block_size=(1, 4))
    assert inputs != first
    assert catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8, encoding="auto") != first
    assert catalogue.cached_file("mobilenet_v1", tmp_path / "cache", 0.8, size=32) != first
    assert built == [
        ("mobilenet_v1", 0.8, block, size)
        for block, size in [(1, None), (4, None), ((1, 4), None), (1, None), (1, 32)]
    ]
    interpreter = tfsparse.Interpreter(first)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 8, 8, 1]


@pytest.mark.download
@pytest.mark.parametrize("name", catalogue.PRETRAINED)
def test_googles_networks_are_sparse(name):
    weights = [layer for layer in tfsparse.explain(mediapipe_model(name)).layers if layer.encoded]
    assert len(weights) > 30
