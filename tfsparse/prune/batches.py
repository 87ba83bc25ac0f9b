"""Batches of inputs and labels, for methods that take data themselves."""

import itertools

import numpy as np
import tensorflow as tf


def check_data(data):
    """Raises a TypeError if `labelled_batches` cannot take `data`."""
    if isinstance(data, tuple):
        usable = len(data) == 2
    else:
        usable = hasattr(data, "__iter__") or _is_indexed(data)
        usable &= not isinstance(data, str) and not hasattr(data, "shape")
    if not usable:
        raise TypeError(
            "Expected data to be a tuple (x, y) of inputs and labels, or a tf.data.Dataset, a "
            f"PyDataset or another iterable of batches of both. Received: {type(data)}"
        )


def labelled_batches(data, batch_size, seed=0):
    """Yields the batches of the data, once.

    Args:
        data: A tuple `(x, y)` of arrays, which are shuffled, or a `tf.data.Dataset`, a `PyDataset`
            or another iterable of such tuples, each a batch.
        batch_size: Int, examples in a batch if `data` is a tuple.
        seed: Int, seed of the shuffling.

    Yields:
        Tuples `(x, y)`.

    Raises:
        ValueError: `data` has no batch, or none when it is read again, or its inputs have NaN or
            infinity.
    """
    batch = None
    for batch in slices(data, batch_size, seed) if isinstance(data, tuple) else stored(data):
        check_finite(batch[0], "data")
        yield batch[0], batch[1]
    if batch is None:
        raise ValueError(
            "Expected data with at least one batch, that can be read more than once, as arrays and "
            f"a tf.data.Dataset can. Received: {data!r}"
        )


def endless_batches(data, batch_size):
    """Yields the batches of the data again and again, arrays in another order each time.

    Args:
        data: See `labelled_batches`; an iterable that can be read again.
        batch_size: Int, examples in a batch if `data` is a tuple.

    Yields:
        Tuples `(x, y)`.
    """
    for seed in itertools.count():
        yield from labelled_batches(data, batch_size, seed)


def check_finite(inputs, name):
    """Raises a ValueError if an array, or one in a structure, is not finite in float32.

    Args:
        inputs: Array, tensor, or structure of them; others in it are not looked at.
        name: Name of the argument that they come from.
    """
    for array in tf.nest.flatten(inputs):
        is_dense = isinstance(array, np.ndarray | tf.Tensor)
        if not is_dense or not tf.as_dtype(array.dtype).is_floating:
            continue
        with np.errstate(over="ignore"):
            numbers = np.asarray(array).astype(np.float32, copy=False)
        if not np.isfinite(numbers).all():
            raise ValueError(
                f"Expected finite numbers in {name}. Received: NaN, infinity, or numbers beyond "
                "float32."
            )


def check_evaluated_data(data):
    """Raises a ValueError if `model.evaluate` cannot take `data` several times, or not sensibly."""
    if hasattr(data, "__next__"):
        raise ValueError(
            f"Expected data that can be read again and again. Received: {data!r}. Give arrays, a "
            "tf.data.Dataset or a PyDataset."
        )
    infinite = tf.data.INFINITE_CARDINALITY
    if isinstance(data, tf.data.Dataset) and data.cardinality() == infinite:
        raise ValueError(
            f"Expected data that ends. Received: {data}, which repeats without end. Give "
            "data.take(batches)."
        )
    # An accuracy is finite even if no input is.
    for batch in [data] if isinstance(data, tuple) else stored(data):
        check_finite(batch[0] if isinstance(batch, tuple) else batch, "data")


def slices(arrays, batch_size, seed=0):
    """Yields batches of an array, or of each array in a structure, shuffled."""
    arrays = tf.nest.map_structure(np.asarray, arrays)
    # Data sorted by class would otherwise give batches of one class.
    order = np.random.default_rng(seed).permutation(len(tf.nest.flatten(arrays)[0]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield tf.nest.map_structure(lambda array, rows=chosen: array[rows], arrays)


def stored(data):
    """Yields the batches of a `tf.data.Dataset`, a `PyDataset` or another iterable."""
    # A PyDataset need not be iterable.
    yield from (data[i] for i in range(len(data))) if _is_indexed(data) else data


def loss_on(model, x, y, outputs):
    """Returns the loss that a model was compiled with, without its penalties on weights."""
    loss = model.compute_loss(x=x, y=y, y_pred=outputs)
    return loss - sum(model.losses)


def _is_indexed(data):
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")
