"""Calibration data as users have it: examples, batches of any size, other types."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.calibration import examples

FLOAT = np.dtype(np.float32)
X = np.arange(20).reshape(5, 4)


def vectors(batch_size):
    """One input, vectors of 4 numbers."""
    return [("x", (batch_size, 4), FLOAT)]


@pytest.mark.parametrize(
    "data",
    [
        X,
        list(X),
        X[:, None],
        [X[:2], X[2:]],
        lambda: iter(X),
        tf.data.Dataset.from_tensor_slices(X).batch(2),
        {"x": X},
        [{"x": X[:1]}, (X[1:],)],
    ],
    ids=[
        *("array", "list", "batches of one", "batches", "function", "tf.data"),
        *("dictionary", "mixed"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, -1])
def test_examples_and_batches_of_any_size_are_single_examples(data, batch_size):
    found = examples.read(data, vectors(batch_size))
    assert [array.shape for (array,) in found] == [(1, 4)] * 5
    np.testing.assert_array_equal(np.concatenate([array for (array,) in found]), X)


@pytest.mark.parametrize("data", [X, [X], [X[:3], X[3:]]])
def test_the_last_batch_of_a_model_that_takes_several_is_filled_up(data):
    found = examples.read(data, vectors(3))
    np.testing.assert_array_equal([array[:, 0] for (array,) in found], [[0, 4, 8], [12, 16, 0]])


def test_examples_of_other_lengths():
    data = [np.full((length, 2), length) for length in (3, 5, 3)]
    single = examples.read(data, [("x", (-1, -1, 2), FLOAT)])
    assert [array.shape for (array,) in single] == [(1, 3, 2), (1, 5, 2), (1, 3, 2)]
    pairs = examples.read(data, [("x", (2, -1, 2), FLOAT)])
    assert [array.shape for (array,) in pairs] == [(2, 3, 2), (2, 5, 2)]


def test_an_input_without_dimensions_goes_with_every_example():
    inputs = [("x", (-1, 4), FLOAT), ("scale", (), FLOAT)]
    found = examples.read([(X, 3), (X[:1], 5)], inputs)
    assert [float(scale) for _, scale in found] == [3, 3, 3, 3, 3, 5]
    assert examples.read([[7.0]], inputs[1:]) == [[7.0]]


@pytest.mark.parametrize("count", [2, 5])
def test_whole_arrays_of_several_inputs_are_a_dictionary(count):
    """In a tuple they would be items: with two examples each fits, and would be taken apart."""
    inputs = [("z", (-1, 4), FLOAT), ("a", (-1, 4), FLOAT)]
    z, a = X[:count], -X[:count]
    found = examples.read({"z": z, "a": a}, inputs)
    np.testing.assert_array_equal(np.concatenate([array for array, _ in found]), z)
    message = (
        r"Expected examples of 2 arrays, for \['z', 'a'\], without labels. Received: ndarray. "
        "Arrays of all examples go into one dictionary, by name"
    )
    with pytest.raises(ValueError, match=message):
        examples.read((z, a), inputs)


def test_inputs_without_a_common_batch_are_taken_whole():
    inputs = [("image", (1, 4), FLOAT), ("anchors", (3, 2), FLOAT)]
    ((image, anchors),) = examples.read([(X[0], np.ones((3, 2)))], inputs)
    assert (image.shape, anchors.shape) == ((1, 4), (3, 2))


@pytest.mark.parametrize(
    ("dtype", "received"),
    [
        (np.float32, np.float64),
        (np.float32, np.float16),
        (np.float32, tf.bfloat16.as_numpy_dtype),
        (np.float32, np.uint8),
        (np.float32, np.int64),
        (np.float32, np.bool_),
        (np.int32, np.int64),
        (np.uint8, np.int64),
        (np.int64, np.uint8),
    ],
)
def test_the_same_numbers_in_another_type(dtype, received):
    data = np.array([[0, 1, 1, 0]]).astype(received)
    ((array,),) = examples.read(data, [("x", (1, 4), np.dtype(dtype))])
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, [[0, 1, 1, 0]])


@pytest.mark.parametrize(
    ("dtype", "data", "message"),
    [
        (np.float32, [[np.nan] * 4], "Expected finite numbers for input x. Received: NaN"),
        (np.float32, [[np.inf] * 4], "finite numbers"),
        (np.float32, [[1e300] * 4], "numbers beyond float32"),
        (np.uint8, [[0, 1, 2, 300]], "uint8 numbers for input x. Received: numbers from 0 to 300"),
        (np.uint8, [[0.5] * 4], "Expected uint8 numbers for input x. Received: float64"),
        (np.float32, [["a"] * 4], "Expected float32 numbers for input x. Received: <U1"),
        (np.float32, [[1j] * 4], "Received: complex128"),
        (np.float32, [[1, 2]], r"examples of shape \(1, 4\) for input x. Received: \(2,\)"),
    ],
)
def test_other_numbers_are_refused(dtype, data, message):
    with pytest.raises(ValueError, match=message):
        examples.read(np.array(data), [("x", (1, 4), np.dtype(dtype))])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (
            [],
            ValueError,
            "Expected a representative_dataset with at least one example. Received: none",
        ),
        (
            3,
            TypeError,
            "representative_dataset to be an array of examples, .* Received: <class 'int'>",
        ),
        ("x.npy", TypeError, "Received: <class 'str'>"),
        ([(X, X[:, 0])], ValueError, "examples of 1 arrays, .* without labels. Received: 2"),
        ({"y": X}, ValueError, r"examples with the inputs \['x'\]. Received: \['y'\]"),
        (
            tf.data.Dataset.from_tensors(X).repeat(),
            ValueError,
            "Expected a representative_dataset that ends",
        ),
    ],
)
def test_what_is_no_data_for_the_model_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        examples.read(data, vectors(1))
