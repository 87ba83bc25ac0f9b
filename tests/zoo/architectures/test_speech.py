import keras
import pytest

from tests.zoo.architectures.conversion import check_conversion
from tests.zoo.architectures.parameters import macs, trained
from tfsparse.zoo import architectures


def test_ds_cnn_has_the_operations_of_the_paper():
    model = architectures.ds_cnn_large(keras.Input((49, 10, 1)))
    assert 2 * macs(model) == pytest.approx(56.9e6, rel=0.01)
    assert model.output_shape == (None, 12)


def test_a_block_of_a_conformer_has_the_parameters_of_its_modules():
    shape, width = (64, 80), 144
    four, five = (
        architectures.conformer(keras.Input(shape), depth, width, kernel=31) for depth in (4, 5)
    )
    norms = 2 * width * 6
    feed_forward = 2 * (8 * width**2 + 5 * width)
    attention = 4 * (width**2 + width)
    convolution = 3 * width**2 + 3 * width + 31 * width
    assert trained(five) - trained(four) == norms + feed_forward + attention + convolution
    assert four.output_shape == (None, 16, 256)


def test_a_conformer_converts(tmp_path):
    inputs = keras.Input(batch_shape=(1, 32, 16))
    model = architectures.conformer(inputs, depth=1, width=8, heads=2, kernel=5, classes=4)
    check_conversion(model, tmp_path / "model.tflite")
