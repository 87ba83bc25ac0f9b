import keras
import pytest

from tests.zoo.architectures.parameters import macs, trained
from tfsparse.zoo import architectures


@pytest.mark.parametrize(
    ("name", "size", "parameters", "multiplications"),
    [
        ("mobilenet_v4_conv_small", 224, 3.8e6, 0.2e9),
        ("mobilenet_v4_conv_medium", 256, 9.7e6, 1.0e9),
    ],
)
def test_has_the_parameters_and_macs_of_the_paper(name, size, parameters, multiplications):
    model = getattr(architectures, name)(keras.Input((size, size, 3)))
    assert trained(model) == pytest.approx(parameters, abs=0.05e6)
    assert macs(model) == pytest.approx(multiplications, rel=0.1)
    assert model.output_shape == (None, 1000)
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)][-1]
    assert last.output.shape[1:3] == (size // 32, size // 32)
