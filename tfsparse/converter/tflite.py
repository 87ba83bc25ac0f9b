"""A model through TensorFlow's own converter, of which nothing reaches the terminal."""

import contextlib
import tempfile

import numpy as np

from tfsparse import flatbuffer
from tfsparse.capture import captured_output
from tfsparse.converter.trace import inputs_of


def dense_model(name, trace, weights, representative_dataset):
    """Converts the inference functions of a model.

    Args:
        name: What to call the model in errors.
        trace: A function that returns its `tfsparse.converter.trace.Trace`.
        weights, representative_dataset: As for `tfsparse.convert`.

    Returns:
        A `ModelT` as `tfsparse.flatbuffer` reads it.

    Raises:
        ValueError: If the model or the dataset does not fit.
        RuntimeError: If the conversion fails. The message has the cause and what was printed.
    """
    with captured_output() as printed:
        with _explained(name, printed):
            traced = trace()
        batches = None
        if representative_dataset is not None:
            batches = _checked_batches(traced, representative_dataset)
        with _explained(name, printed):
            data = _convert(traced, weights, batches)
    model = flatbuffer.parse(data, name)
    flatbuffer.order_inputs_and_outputs(model, traced.inputs, traced.outputs)
    return model


@contextlib.contextmanager
def _explained(name, printed):
    """Raises what TensorFlow raises as an error that says what was converted and printed."""
    try:
        yield
    except Exception as e:
        text = printed().strip()
        raise RuntimeError(
            f"TensorFlow could not convert the {name}: {e}"
            + (f"\n\nIt printed:\n{text}" if text else "")
        ) from e


def _convert(trace, weights, batches):
    import tensorflow as tf

    module = tf.Module()
    module.owner = trace.owner
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=trace.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(trace.functions)
        )
        if weights == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        elif weights == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: batches
        return converter.convert()


def _checked_batches(trace, dataset):
    """The batches of a representative dataset, each a dictionary by name, as TensorFlow wants it.

    In that form the order of the inputs, which the converter changes, is of no account.
    """
    if len(trace.functions) > 1:
        raise ValueError(
            "Expected a model with one signature for weights='int8'. Received: one with "
            f"{sorted(trace.functions)}. Save a SavedModel for each."
        )
    ((key, function),) = trace.functions.items()
    shapes = {spec.name: spec.shape for spec in inputs_of(function)}
    names = trace.inputs[key]
    items = dataset() if callable(dataset) else dataset
    batches = [_batch(item, names, shapes) for item in items]
    if not batches:
        raise ValueError("Expected a representative_dataset with inputs. Received: an empty one.")
    return batches


def _batch(item, names, shapes):
    if not isinstance(item, dict):
        item = dict(zip(names, item if isinstance(item, list | tuple) else [item], strict=False))
    if set(item) != set(names):
        raise ValueError(
            f"Expected each item of the representative_dataset to have the inputs {names}. "
            f"Received: one with {sorted(item)}"
        )
    arrays = {name: np.asarray(array) for name, array in item.items()}
    # An example without the batch dimension is a batch of one.
    return {
        name: array[None] if array.ndim == shapes[name].rank - 1 else array
        for name, array in arrays.items()
    }
