import math

import keras
import numpy as np
import pytest

from tests.zoo.architectures.conversion import check_conversion
from tests.zoo.architectures.parameters import macs, trained
from tfsparse.zoo import architectures
from tfsparse.zoo.architectures import shufflenet


# Parameters of https://github.com/osmr/imgclsmob, MACs of table 1 of https://arxiv.org/abs/1707.01083.
@pytest.mark.parametrize(
    ("groups", "parameters", "multiplications"),
    [
        (1, 1_531_936, 143e6),
        (2, 1_733_848, 140e6),
        (3, 1_865_728, 137e6),
        (4, 1_968_344, 133e6),
        (8, 2_434_768, 137e6),
    ],
)
def test_has_the_parameters_and_macs_of_the_published_one(groups, parameters, multiplications):
    model = architectures.shufflenet_v1(keras.Input((224, 224, 3)), groups)
    assert trained(model) == parameters
    # The paper's figures leave out the classifier.
    classifier = math.prod(model.layers[-1].kernel.shape)
    assert macs(model) - classifier == pytest.approx(multiplications, abs=0.51e6)
    assert model.output_shape == (None, 1000)


def test_channels_of_different_groups_follow_each_other():
    x = np.arange(2 * 3 * 1 * 6).reshape(2, 3, 1, 6)
    shuffled = shufflenet._shuffled(keras.ops.convert_to_tensor(x), groups=3)
    np.testing.assert_array_equal(shuffled, x[..., [0, 2, 4, 1, 3, 5]])


def test_converts(tmp_path):
    inputs = keras.Input(batch_shape=(1, 64, 64, 3))
    model = architectures.shufflenet_v1(inputs, width=0.5, classes=3)
    check_conversion(model, tmp_path / "model.tflite")


def test_groups_and_width_fit_the_channels():
    inputs = keras.Input((32, 32, 3))
    with pytest.raises(ValueError, match=r"groups=5 to be one of 1, 2, 3, 4, 8"):
        architectures.shufflenet_v1(inputs, groups=5)
    with pytest.raises(ValueError, match=r"multiple of 16 .* width=0.5, which leaves 136"):
        architectures.shufflenet_v1(inputs, groups=4, width=0.5)
