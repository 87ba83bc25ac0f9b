"""`tfsparse.convert`: a Keras model to a sparse TFLite file."""

import operator
import sys

from tfsparse.converter import flatbuffer
from tfsparse.converter.sparsify import sparsify
from tfsparse.converter.trace import dense_tflite, input_signature
from tfsparse.files import check_writable, write_atomically

WEIGHTS = ("float32", "float16")


def convert(model, path, *, batch_size=1, weights="float32", sparse=True):
    """Converts a Keras model to a TFLite file in which pruned weights are stored sparse.

    The file runs in every TFLite and LiteRT interpreter, with the outputs of the dense file: a
    DENSIFY operator restores the weights. Kernels of convolutions and dense layers are stored
    sparse where the file gets smaller by it, as compressed rows over the input channels.

    Args:
        model: A built `keras.Model` (on the TensorFlow backend) or `tf_keras.Model`, functional,
            sequential or subclassed. One that tensorflow-model-optimization wrapped for pruning
            is taken as it is, and converted without the wrappers.
        path: Where to write the file. It appears complete or not at all, and replaces a file of
            the same name.
        batch_size: Number of examples in one inference. `None` leaves it open, which costs some
            models speed. Other dimensions that the model leaves open, such as the height and the
            width of an image, stay open: to fix them, build the model with an `input_shape`, or
            call it on a `keras.Input` of the shape and convert the result.
        weights: `"float32"` or `"float16"`. With float16 the file is half as large, and the
            arithmetic is still done in float32.
        sparse: `False` stores all weights dense, for runtimes without DENSIFY, and to compare.

    Returns:
        `path`, as a string.

    Raises:
        TypeError: If `model` is no Keras model, or `batch_size` is no integer.
        ValueError: If the model is not built, or an option has no such value.
        OSError: If the file cannot be written. This is found out before the conversion.
        RuntimeError: If TensorFlow cannot convert the model; the error has what it printed.

    Example:

    >>> model = keras.applications.MobileNetV2(weights=None)
    >>> model.fit(x, y, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    >>> tfsparse.convert(model, "model.tflite")
    'model.tflite'
    """
    _check_model(model)
    batch_size = _checked_batch_size(batch_size)
    if weights not in WEIGHTS:
        raise ValueError(f"Expected weights to be one of {WEIGHTS}. Received: weights={weights!r}")
    path = check_writable(path)
    signature = input_signature(model, batch_size)
    data, inputs, outputs = dense_tflite(model, signature, weights)
    tflite = flatbuffer.parse(data)
    flatbuffer.order_inputs_and_outputs(tflite, inputs, outputs)
    if sparse:
        sparsify(tflite)
    write_atomically(path, *flatbuffer.pieces(tflite))
    return path


def _check_model(model):
    # A model's library has been imported, so neither need be imported to look for it.
    libraries = [sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules]
    if not any(isinstance(model, library.Model) for library in libraries):
        raise TypeError(
            "Expected a keras.Model or tf_keras.Model. "
            f"Received: {model!r} of type {type(model).__name__}"
        )
    if "keras" in sys.modules and isinstance(model, sys.modules["keras"].Model):
        backend = sys.modules["keras"].config.backend()
        if backend != "tensorflow":
            raise ValueError(
                f"Expected a model on Keras's TensorFlow backend. Received: one on {backend!r}. "
                "Save it, set KERAS_BACKEND=tensorflow, and load it again."
            )
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} is not built. Call it on data, or build it with an input "
            "shape, before it is converted."
        )


def _checked_batch_size(batch_size):
    if batch_size is None:
        return None
    try:
        size = operator.index(batch_size)
    except TypeError:
        size = None
    if size is None or isinstance(batch_size, bool):
        raise TypeError(f"Expected batch_size to be an integer or None. Received: {batch_size!r}")
    if size < 1:
        raise ValueError(f"Expected batch_size to be at least 1. Received: {size}")
    return size
