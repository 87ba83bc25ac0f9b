import keras
import numpy as np
import pytest

from tests.zoo.architectures.conversion import check_conversion
from tests.zoo.architectures.parameters import trained
from tfsparse.zoo import architectures
from tfsparse.zoo.architectures import vision_transformers


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [("vit_tiny", 224, 5_717_416), ("mobilevit_small", 256, 5_578_632)],
)
def test_has_the_parameters_of_the_published_one(name, size, parameters):
    model = getattr(architectures, name)(keras.Input((size, size, 3)))
    assert trained(model) == parameters
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize("name", ["vit_tiny", "mobilevit_small"])
def test_converts(name, tmp_path):
    inputs = keras.Input(batch_shape=(1, 64, 64, 3))
    model = getattr(architectures, name)(inputs, classes=3)
    check_conversion(model, tmp_path / "model.tflite")


def test_a_folded_picture_is_the_one_that_was_unfolded():
    picture = np.random.default_rng(0).random((2, 4, 6, 3), np.float32)
    sequences = vision_transformers._unfolded(picture)
    assert sequences.shape == (8, 6, 3)
    np.testing.assert_array_equal(sequences[1], picture[0, ::2, 1::2].reshape(6, 3))
    np.testing.assert_array_equal(vision_transformers._folded(sequences, 4, 6), picture)
