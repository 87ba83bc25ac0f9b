import keras

from tests.zoo.architectures.parameters import trained
from tfsparse.zoo import architectures


def test_efficientnet_lite0_has_the_parameters_of_the_published_one():
    model = architectures.efficientnet_lite0(keras.Input((224, 224, 3)))
    assert trained(model) == 4_652_008
