"""Values that are read and written without the methods of a variable."""

import numpy as np
import pytest

from tfsparse.prune.variables import keep_only, read, replicas, write


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16"])
def test_values_are_those_of_the_layer_in_its_own_type(keras, policy):
    keras.mixed_precision.set_global_policy(policy)
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    values = np.arange(6).reshape(2, 3).astype(read(layer.kernel).dtype)
    write(layer.kernel, values)
    np.testing.assert_array_equal(layer.kernel.numpy(), values)
    np.testing.assert_array_equal(read(layer.kernel), values)
    assert len(replicas(layer.kernel)) == 1


def test_what_was_read_is_a_copy(keras):
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    read(layer.kernel)[:] = 5
    assert not np.any(layer.kernel.numpy() == 5)


@pytest.mark.parametrize("policy", ["float32", "bfloat16"])
def test_what_is_not_kept_is_zero_whatever_it_was(keras, policy):
    keras.mixed_precision.set_global_policy(policy)
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    values = np.array([[np.nan, 1, -1], [2, -0.0, np.inf]]).astype(read(layer.kernel).dtype)
    write(layer.kernel, values)
    keep_only(layer.kernel, np.array([[False, True, False], [True, False, False]]))
    found = read(layer.kernel).astype(np.float32)
    np.testing.assert_array_equal(found, [[0, 1, 0], [2, 0, 0]])
    assert not np.signbit(found).any()
