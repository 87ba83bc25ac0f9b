"""`tfsparse.convert`: converts a Keras model, or a file, to a sparse TFLite file."""

import logging
import operator

from tfsparse import flatbuffer
from tfsparse.annotations import Examples, Model, PathLike
from tfsparse.converter import sources
from tfsparse.converter.densify import densify_model
from tfsparse.converter.float16 import halve
from tfsparse.converter.sparsify import sparsify
from tfsparse.converter.workarounds.paddings import split_paddings
from tfsparse.files import check_writable, write_atomically

WEIGHTS = ("float32", "float16", "int8")
ENCODINGS = ("auto", "csr", "none")


def convert(
    source: Model | PathLike,
    destination: PathLike,
    *,
    batch_size: int | str | None = sources.AUTO,
    weights: str | None = None,
    encoding: str | tuple[int, int] = "auto",
    representative_dataset: Examples | None = None,
) -> str:
    """Writes a TFLite file in which pruned weights are stored sparse.

    The file runs in every TFLite and LiteRT interpreter, with the same outputs as the dense file: a
    DENSIFY operator decodes the weights. Kernels of convolutions and dense layers are stored
    sparse if this makes the file smaller. A `.tflite` file that cannot get smaller is copied.

    LiteRT 2.3.0 computes wrong outputs for some networks on arm64, in its own sparse mode. In these
    a PAD is split in two, so that LiteRT does not use that mode, and a warning is logged.

    Args:
        source: One of
            - a built `keras.Model` (on the TensorFlow backend) or `tf_keras.Model`, functional,
              sequential or subclassed. Wrappers of tensorflow-model-optimization for pruning or
              clustering are removed, and of a `tfsparse.distill.Distiller` the student is
              converted;
            - the path of a `.keras` or `.h5` file, or of a SavedModel folder with its signatures;
            - the path of a `.tflite` file, dense or sparse. Only its pruned weights change;
              quantisation, signatures, metadata and custom operators stay.
            Models that compute in float16 or bfloat16, as in mixed precision, are converted to
            float32, because TFLite has no kernels for these types.
        destination: PathLike of the file to write; it may be `source`. It is written completely or
            not at all, and replaces an existing file.
        batch_size: Number of examples in one inference. `"auto"`, the default, is 1, or the batch
            size of a `.tflite` file or a SavedModel that has a fixed one; another one is an error.
            `None` leaves it open, with which some models run slower. Other open dimensions, such
            as the height and width of an image, stay open: to fix them, build the
            model with an `input_shape`, or call it on a `keras.Input` of the shape and convert the
            result.
        weights: `"float32"`, the default; `"float16"`, with half the file size and arithmetic in
            float32; or `"int8"` for 8-bit weights and activations with float32 inputs and outputs.
            The ranges of activations are those that `QuantizationAwareTraining` left with the
            model or in its `.keras` file; without them a `representative_dataset` is needed. Zeros
            stay zeros in each. A `.tflite` file keeps its types, or its float32 weights become
            float16 if the file gets smaller; a warning is logged if it does not.
        encoding: How pruned weights are stored:
            - `"auto"`: in the fewest bytes;
            - `"csr"`: as compressed rows over the input channels;
            - a block `(output channels, input channels)`, such as `(4, 1)` for weights pruned with
              `block_size=4`: one index for each block with a nonzero. Layers whose channels
              are no multiple of the block are stored as with `"csr"`;
            - `"none"`: dense, zeros included, for runtimes without DENSIFY, and to compare.
            If a sparse `.tflite` file becomes larger, or an encoding that is asked for saves no
            bytes in any layer, a warning is logged.
        representative_dataset: For `weights="int8"`: calibration data, some 100 inputs, which give
            the range of every activation, also where there are trained ranges. An iterable of
            examples or of batches of any size, or a function that returns one; each an array, or
            for several inputs a list in their order or a dictionary by name. A dictionary of arrays
            is one batch of any size. Several inputs of a SavedModel have no order and need a
            dictionary. Integers and other floats are converted to the dtype of an input if this
            does not change their values. `tfsparse.prune_file` takes the same.

    Returns:
        `destination`, as a string.

    Raises:
        TypeError: If `source` is none of the above, `batch_size` is no integer, or
            `representative_dataset` no iterable.
        ValueError: If the model is not built, a file is damaged, an option has no such value, or
            the data does not fit the model or has NaN or infinity.
        OSError: If a file cannot be read or written. The destination is checked before the
            conversion.
        RuntimeError: If TensorFlow cannot convert the model, or crashes in the calibration of an
            int8 model, as with loops, such as LSTM and GRU layers that are not unrolled. The
            error contains TensorFlow's output.

    Example:

    >>> model = keras.applications.MobileNetV2(weights=None)
    >>> model.fit(x, y, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
    >>> tfsparse.convert(model, "model.tflite")
    'model.tflite'
    >>> tfsparse.convert("pruned_long_ago.tflite", "small.tflite")
    'small.tflite'
    """
    batch_size = _checked_batch_size(batch_size)
    encoding = checked_encoding(encoding)
    _check_weights(weights, representative_dataset)
    destination = check_writable(destination)
    name, model, data = sources.load(source, batch_size, weights, representative_dataset)
    try:
        pieces = _encoded(name, model, data, weights, encoding)
    except ValueError as e:
        raise ValueError(f"Cannot convert {name}: {e}") from e
    write_atomically(destination, *pieces)
    return destination


def _encoded(name, model, data, weights, encoding):
    """The bytes of the new file, in pieces; those of the old one, `data`, if it is smaller."""
    was_sparse = densify_model(model) > 0
    is_halved = data is not None and weights == "float16" and halve(model) > 0
    is_sparse = encoding != "none" and sparsify(model, encoding) > 0
    is_split = is_sparse and split_paddings(model) > 0
    if encoding not in ("auto", "none") and not is_sparse:
        logging.getLogger(__name__).warning(
            "%s has no weights that take fewer bytes with encoding=%r than dense: all stay dense.",
            name,
            encoding,
        )
    if data is None:
        return flatbuffer.pieces(model)
    if not (was_sparse or is_halved or is_sparse):
        return [data]
    pieces = flatbuffer.pieces(model)
    size = sum(map(len, pieces))
    if size < len(data):
        return pieces
    # A requested encoding is written even if the old sparse one is smaller, and so is a file with
    # a workaround for wrong outputs in LiteRT.
    is_asked_for = was_sparse and (encoding != "auto" or is_split)
    if size > len(data) and (is_halved or (is_asked_for and encoding != "none")):
        logging.getLogger(__name__).warning(
            "%s has %d bytes, and %d as it was asked for%s.",
            name,
            len(data),
            size,
            "" if is_asked_for else ": it stays as it is",
        )
    return pieces if is_asked_for else [data]


def _checked_batch_size(batch_size):
    if batch_size is None or (isinstance(batch_size, str) and batch_size == sources.AUTO):
        return batch_size
    size = _integer(batch_size)
    if size is None:
        raise TypeError(
            f"Expected batch_size to be an integer, None or {sources.AUTO!r}. Received: "
            f"{batch_size!r}"
        )
    if size < 1:
        raise ValueError(f"Expected batch_size to be at least 1. Received: {size}")
    return size


def checked_encoding(encoding):
    """The option `encoding`; raises a ValueError unless it is one."""
    if isinstance(encoding, str) and encoding in ENCODINGS:
        return encoding
    if isinstance(encoding, tuple | list) and len(encoding) == 2:
        sizes = tuple(_integer(size) or 0 for size in encoding)
        if min(sizes) > 0:
            return sizes
    raise ValueError(
        f"Expected encoding to be one of {ENCODINGS}, or a block of (output channels, input "
        f"channels) such as (4, 1). Received: encoding={encoding!r}"
    )


def _check_weights(weights, representative_dataset):
    if weights is not None and weights not in WEIGHTS:
        raise ValueError(f"Expected weights to be one of {WEIGHTS}. Received: weights={weights!r}")
    if weights != "int8" and representative_dataset is not None:
        raise ValueError(
            "Expected a representative_dataset for weights='int8', and for no other. Received: "
            f"weights={weights!r} and representative_dataset={type(representative_dataset)}"
        )


def _integer(value):
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None
