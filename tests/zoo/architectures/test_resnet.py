import keras
import pytest

from tests.zoo.architectures.parameters import trained
from tfsparse.zoo import architectures


@pytest.mark.parametrize(("depth", "parameters"), [(20, 0.27), (56, 0.85)])
def test_resnets_for_cifar_have_the_parameters_of_the_paper(depth, parameters):
    model = architectures.cifar_resnet(keras.Input((32, 32, 3)), depth)
    layers_with_weights = [
        layer
        for layer in model.layers
        if hasattr(layer, "kernel") and not layer.name.endswith("shortcut")
    ]
    assert len(layers_with_weights) == depth
    assert trained(model) / 1e6 == pytest.approx(parameters, abs=0.01)
    assert model.get_layer("stage3_block1_add").output.shape == (None, 8, 8, 64)


def test_the_resnet_scales_with_its_width_and_names_a_wrong_depth():
    model = architectures.cifar_resnet(keras.Input((8, 8, 3)), depth=8, width=5, classes=3)
    assert [model.get_layer(f"stage{i}_block1_conv2").filters for i in (1, 2, 3)] == [5, 10, 20]
    assert model.output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"depth of 8, 14, 20.*Received: 18"):
        architectures.cifar_resnet(keras.Input((32, 32, 3)), 18)
