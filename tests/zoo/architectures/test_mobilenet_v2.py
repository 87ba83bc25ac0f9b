import keras
import pytest

from tfsparse.zoo import architectures


def test_the_small_network_scales_with_its_width():
    narrow = architectures.small_mobilenet_v2((32, 32, 1), 10)
    wide = architectures.small_mobilenet_v2((32, 32, 1), 10, width=2)
    assert narrow.output_shape == (None, 10)
    assert 3 < wide.count_params() / narrow.count_params() < 4


def test_mobilenet_v2_for_cifar_has_the_parameters_of_the_published_one():
    inputs = keras.Input((32, 32, 3))
    model = architectures.cifar_mobilenet_v2(inputs, classes=1000)
    published = keras.applications.MobileNetV2(input_tensor=inputs, weights=None)
    assert model.count_params() == published.count_params()
    assert model.layers[-2].input.shape[1:3] == (4, 4)


@pytest.mark.parametrize("variant", ["mobilenet_v2_padded", "mobilenet_v2_convolutional"])
def test_variants_of_mobilenet_v2_have_its_parameters_and_feature_maps(variant):
    inputs = keras.Input((64, 64, 3))
    model = getattr(architectures, variant)(inputs)
    published = keras.applications.MobileNetV2(input_tensor=inputs, weights=None)
    assert model.count_params() == published.count_params()
    depthwise = [
        [
            layer.output.shape
            for layer in network.layers
            if isinstance(layer, keras.layers.DepthwiseConv2D)
        ]
        for network in (model, published)
    ]
    assert depthwise[0] == depthwise[1]
