"""Random inputs for interpreters."""

import numpy as np


def set_random_inputs(interpreters, seed=0):
    """Sets the same random inputs in all interpreters, with the shapes and dtypes of their inputs.

    Inputs correspond by their order. Floats are in [0, 1), 8-bit integers in the whole range, and
    other integers 0 or 1, because they are often indices.
    """
    rng = np.random.default_rng(seed)
    for details in zip(*(one.get_input_details() for one in interpreters), strict=True):
        detail = details[0]
        shape, dtype = detail["shape"], np.dtype(detail["dtype"])
        if np.issubdtype(dtype, np.floating):
            value = rng.random(shape).astype(dtype)
        elif dtype.itemsize == 1 and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            value = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        else:
            value = rng.integers(0, 2, shape).astype(dtype)
        for interpreter, own in zip(interpreters, details, strict=True):
            interpreter.set_tensor(own["index"], value)
