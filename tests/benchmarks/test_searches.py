import numpy as np
import pytest

from tests.benchmarks.scripts import loaded
from tfsparse.zoo.datasets import Dataset


@pytest.fixture(scope="module")
def searches():
    with loaded("searches") as module:
        yield module


def test_every_picture_is_for_training_or_for_validation_and_classes_are_mixed(searches):
    x, y = np.arange(400), np.arange(400) // 100
    data = Dataset(x, y, x[:0], y[:0], ("a", "b", "c", "d"))
    (x_train, y_train), (x_validation, y_validation) = searches.parts_of(data)
    np.testing.assert_array_equal(np.sort(np.concatenate([x_train, x_validation])), x)
    np.testing.assert_array_equal(y_train, x_train // 100)
    np.testing.assert_array_equal(y_validation, x_validation // 100)
    assert len(x_validation) == 40
    assert set(y_validation) == set(y_train[:100]) == {0, 1, 2, 3}
