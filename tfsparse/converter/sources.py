"""Reads the sources of `tfsparse.convert` as TFLite models."""

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
from pathlib import Path

from tfsparse import flatbuffer
from tfsparse.calibration import examples
from tfsparse.capture import captured_output
from tfsparse.converter import inference_functions
from tfsparse.converter.tensorflow_converter import dense_model
from tfsparse.formatting import number_of

EXPECTED = (
    "Expected a keras.Model or tf_keras.Model, or the path of a .keras, .h5 or .tflite file or of "
    "a SavedModel folder"
)
# As `batch_size`: 1, or what the source has.
AUTO = "auto"
ZIP, HDF5 = b"PK\3\4", b"\x89HDF"


def load(source, batch_size, weights, representative_dataset):
    """Reads a source of `tfsparse.convert`, or converts it to a TFLite model.

    Args:
        source, batch_size, weights, representative_dataset: As for `tfsparse.convert`.

    Returns:
        The name of the source for errors; the model, a `ModelT`; and the bytes of its file, or
        `None` if the source is no `.tflite` file.
    """
    if not isinstance(source, str | os.PathLike):
        _check_model(source)
        model = source = _without_teacher(source)
    elif os.path.isdir(source):
        module = _load_saved_model(source)
        name = f"SavedModel {os.fspath(source)!r}"
        if weights == "int8" and representative_dataset is None:
            raise _no_ranges(name)
        _check_batch_size(
            name, inference_functions.first_dimensions(module), batch_size, may_be_set=True
        )
        trace_it = functools.partial(
            inference_functions.of_saved_model, module, 1 if batch_size == AUTO else batch_size
        )
        return name, dense_model(name, trace_it, weights, representative_dataset), None
    elif _first_bytes(source).startswith((ZIP, HDF5)):
        model = _load_keras(source)
    else:
        data = _tflite_bytes(source, weights)
        name, model = os.fspath(source), flatbuffer.parse(data, os.fspath(source))
        _check_batch_size(name, _first_dimensions(model), batch_size)
        return name, model, data
    name, ranges = f"model {model.name!r}", None
    if weights == "int8" and representative_dataset is None:
        ranges = _trained_ranges(name, source)
    batch_size = 1 if batch_size == AUTO else batch_size
    trace_it = functools.partial(
        inference_functions.of_keras,
        model,
        inference_functions.input_signature(model, batch_size),
        ranges,
    )
    return name, dense_model(name, trace_it, weights, representative_dataset), None


def _without_teacher(model):
    """Returns the student of a distiller, and any other model as it is."""
    from tfsparse.keras_models import student_of  # imports TensorFlow, which files do not need

    return student_of(model)


def _trained_ranges(name, source):
    """The ranges of activations that a training has left with a model, or in its file."""
    from tfsparse.quantize.value_ranges import saved_ranges, trained_ranges

    is_file = isinstance(source, str | os.PathLike)
    ranges = saved_ranges(source) if is_file else trained_ranges(source)
    if not ranges:
        raise _no_ranges(name)
    return ranges


def _no_ranges(name):
    return ValueError(
        f"Expected a representative_dataset for weights='int8', as {name} has no trained ranges. "
        "tfsparse.QuantizationAwareTraining leaves them with the model that it trains and in the "
        ".keras files that this is saved to, but not with a model that is loaded from one: convert "
        "the file. Received: representative_dataset=None"
    )


def _first_dimensions(model):
    """The batch sizes of a TFLite model, as `inference_functions.first_dimensions`."""
    graph = model.subgraphs[0]
    shapes = [examples.shape_of(graph.tensors[index]) for index in flatbuffer.ints(graph.inputs)]
    return [None if shape[0] < 0 else shape[0] for shape in shapes if shape]


def _check_batch_size(name, sizes, wanted, may_be_set=False):
    """Refuses a batch size other than the one that a source has, `None` being an open one."""
    if wanted == AUTO or wanted in sizes or (may_be_set and None in sizes):
        return
    own = sorted({"open" if size is None else str(size) for size in sizes})
    raise ValueError(
        f"Expected the batch size that {name} has, {' or '.join(own) or 'none'}, or "
        f"batch_size={AUTO!r} to keep it. Received: batch_size={wanted}. Convert the Keras model "
        "that it was made from for another."
    )


def _check_model(model):
    # The model's library is already imported, so that no import is needed here.
    libraries = [sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules]
    if not any(isinstance(model, library.Model) for library in libraries):
        raise TypeError(f"{EXPECTED}. Received: {model!r} of type {type(model).__name__}")
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


def _load_saved_model(folder):
    import tensorflow as tf

    folder = os.fspath(folder)
    if not tf.saved_model.contains_saved_model(folder):
        raise ValueError(
            f"{EXPECTED}. Received: the folder {folder!r}, which has no saved_model.pb."
        )
    try:
        with captured_output():
            module = tf.saved_model.load(folder)
    except Exception as e:
        raise ValueError(f"Could not load the SavedModel {folder!r}: {e}") from e
    if not getattr(module, "signatures", None):
        raise ValueError(
            f"Expected a SavedModel with signatures. Received: {folder!r}, which has none. Save it "
            "with tf.saved_model.save(..., signatures=...), or with a Keras model's export."
        )
    return module


def _first_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read(8)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{EXPECTED}. Received: {os.fspath(path)!r}: there is none."
        ) from error


def _tflite_bytes(path, weights):
    data = Path(path).read_bytes()
    if data[4:8] != flatbuffer.IDENTIFIER:
        raise ValueError(
            f"{EXPECTED}. Received: {os.fspath(path)!r}, {number_of(len(data), 'byte')}, of which "
            f"the first, {data[:8]!r}, are those of none."
        )
    if weights not in (None, "float16"):
        raise ValueError(
            "Expected weights=None for a .tflite file, which keeps the types that it has, or "
            f"weights='float16'. Received: weights={weights!r} for {os.fspath(path)!r}. Convert "
            "the model that it was made from."
        )
    return data


def _load_keras(path):
    """Loads a file with Keras 3, or with tf_keras if only that can read it."""
    problems = []
    for library, scope in (("keras", contextlib.nullcontext), ("tf_keras", _tfmot_classes)):
        try:
            with captured_output(), scope():
                model = importlib.import_module(library).models.load_model(path, compile=False)
        except Exception as e:
            problems.append(f"{library}: {e}")
        else:
            _check_model(model)
            return model
    causes = "; ".join(problem.partition("\n")[0] for problem in problems)
    lines = [
        f"Could not load {os.fspath(path)!r}: {causes}. If it has classes of your own, load it "
        "with them and convert the model.",
        *(problem for problem in problems if "\n" in problem),
    ]
    raise ValueError("\n".join(lines))


@contextlib.contextmanager
def _tfmot_classes():
    """Lets tf_keras load the wrappers of tensorflow-model-optimization, if that is installed."""
    if importlib.util.find_spec("tensorflow_model_optimization") is None:
        yield
        return
    import tensorflow_model_optimization as tfmot

    with (
        tfmot.sparsity.keras.prune_scope(),
        tfmot.clustering.keras.cluster_scope(),
        tfmot.quantization.keras.quantize_scope(),
    ):
        yield
