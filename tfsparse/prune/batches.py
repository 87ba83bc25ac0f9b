"""Inputs and labels, batch by batch, for methods that look at data by themselves."""

import numpy as np
import tensorflow as tf


def check_data(data):
    """Raises a TypeError if `data` cannot be what `labelled_batches` takes."""
    if isinstance(data, tuple) and len(data) == 2:
        return
    if isinstance(data, tuple) or hasattr(data, "shape") or not hasattr(data, "__iter__"):
        raise TypeError(
            "Expected data to be a tuple (x, y) of inputs and labels, or a tf.data.Dataset or "
            f"another iterable of batches of both. Received: {type(data)}"
        )


def labelled_batches(data, batch_size, seed=0):
    """Yields one batch after the other, to the end of the data.

    Args:
        data: A tuple `(x, y)` of arrays, which are shuffled, or an iterable of such tuples, each a
            batch.
        batch_size: Int, examples in a batch if `data` is a tuple.
        seed: Int, of the shuffling.

    Yields:
        Tuples `(x, y)`.
    """
    if not isinstance(data, tuple):
        for batch in data:
            yield batch[0], batch[1]
        return
    x, y = (tf.nest.map_structure(np.asarray, part) for part in data)
    # In the order of their classes, examples would make batches of one class.
    order = np.random.default_rng(seed).permutation(len(tf.nest.flatten(x)[0]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield tf.nest.map_structure(lambda array, rows=chosen: array[rows], (x, y))
