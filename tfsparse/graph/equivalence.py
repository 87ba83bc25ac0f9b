"""Checks that two models compute the same."""

import math

import keras
import numpy as np
from keras import tree

from tfsparse.graph.rebuilding import is_own

# Of the largest output. Another order of summation differs by 1e-6, and lost weights by far more.
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 5e-2
_LENGTH = 32  # of axes whose length is open: what most networks of pictures can halve five times
# As many examples as stay cheap: one picture of 224x224, many words of a vocabulary.
_EXAMPLES, _ELEMENTS = 64, 2**14


def check_outputs(model, other):
    """Raises a ValueError if two models give different outputs for the same random inputs.

    The inputs have the dtypes of the model's inputs, and include words and numbers of its
    vocabularies. Nothing is checked if the model cannot run on such inputs, or is random.

    Args:
        model: Built functional or Sequential Keras 3 model.
        other: Model with inputs and outputs of the same shapes.
    """
    rng = np.random.default_rng(0)
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    elements = sum(math.prod(_shape(x, 1)) for x in model.inputs)
    examples = min(max(_ELEMENTS // elements, 1), _EXAMPLES)
    inputs = tree.map_structure(lambda x: _random(x, examples, _words(model), rng), structure)
    try:
        expected = _run(model, inputs)
    except Exception:  # whatever the layers raise on inputs that mean nothing
        return
    if _agree(expected, _run(other, inputs), _tolerance(model)):
        return
    if not _agree(expected, _run(model, inputs), _tolerance(model)):
        return
    own = [f"{x.name!r} ({type(x).__name__})" for x in model._flatten_layers() if is_own(x)]
    raise ValueError(
        f"Model {model.name!r} cannot be made anew: what was made of its layers gives other "
        "outputs. A layer of your own needs a get_config that returns all arguments of its "
        "constructor, and what it learns in variables, or in what save_own_variables and "
        f"load_own_variables keep. Layers that are not of Keras: {', '.join(own) or 'none'}"
    )


def _shape(tensor, examples):
    return [tensor.shape[0] or examples, *(length or _LENGTH for length in tensor.shape[1:])]


def _random(tensor, examples, words, rng):
    shape = _shape(tensor, examples)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    known = [word for word in words if isinstance(word, str) == (dtype == "string")]
    if dtype == "string":
        values = rng.choice([*known, "unknown"], shape).tolist()
    elif "float" in dtype:
        values = rng.normal(size=shape)
    else:
        values = rng.choice([*known, 0, 1], shape)  # few: each may be a row of an embedding
    return keras.ops.convert_to_tensor(values, dtype)


def _words(model):
    """Returns the words and numbers that the layers of a model look up, a list."""
    layers = [x for x in model._flatten_layers() if hasattr(x, "get_vocabulary")]
    return [word for layer in layers for word in layer.get_vocabulary()]


def _run(model, inputs):
    return [keras.ops.convert_to_numpy(x) for x in tree.flatten(model(inputs, training=False))]


def _agree(expected, outputs, tolerance):
    """Returns whether two lists of arrays agree, up to a fraction of the largest finite value."""
    for a, b in zip(expected, outputs, strict=True):
        if a.shape != b.shape:
            return False
        if not np.issubdtype(a.dtype, np.number):
            if not np.array_equal(a, b):
                return False
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        largest = np.max(np.abs(a), initial=0, where=np.isfinite(a))
        if not np.allclose(a, b, rtol=0, atol=tolerance * largest, equal_nan=True):
            return False
    return True


def _tolerance(model):
    dtypes = {x.compute_dtype for x in model._flatten_layers()}
    return _HALF_TOLERANCE if dtypes & {"float16", "bfloat16"} else _TOLERANCE
