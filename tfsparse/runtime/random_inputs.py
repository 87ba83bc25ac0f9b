"""Random inputs for interpreters."""

import numpy as np


def set_random_inputs(interpreters, seed=0):
    """Sets the same random inputs in all interpreters, with the shapes and dtypes of their inputs.

    Inputs correspond by their order. See `random_input`.
    """
    rng = np.random.default_rng(seed)
    for details in zip(*(one.get_input_details() for one in interpreters), strict=True):
        value = random_input(rng, details[0])
        for interpreter, own in zip(interpreters, details, strict=True):
            interpreter.set_tensor(own["index"], value)


def random_input(rng, detail):
    """Returns random values for one of the dictionaries of `get_input_details`.

    Floats are in [0, 1), 8-bit integers in the whole range, and other integers 0 or 1, because they
    are often indices.
    """
    shape, dtype = detail["shape"], np.dtype(detail["dtype"])
    if np.issubdtype(dtype, np.floating):
        return rng.random(shape).astype(dtype)
    if dtype.itemsize == 1 and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return rng.integers(0, 2, shape).astype(dtype)
