"""Conversion by TensorFlow's own converter, without its output on the terminal."""

import contextlib
import re
import tempfile

import numpy as np

from tfsparse import flatbuffer
from tfsparse.calibration import examples
from tfsparse.capture import captured_output
from tfsparse.converter import int8_conversion
from tfsparse.converter.inference_functions import inputs_of


def dense_model(name, trace, weights, representative_dataset):
    """Converts the inference functions of a model.

    Args:
        name: Name of the model in errors.
        trace: A function that returns its `tfsparse.converter.inference_functions.Trace`.
        weights, representative_dataset: As for `tfsparse.convert`. With int8 weights and no dataset
            the functions round their activations to the ranges that they have.

    Returns:
        A `ModelT` as `tfsparse.flatbuffer` reads it.

    Raises:
        ValueError: If the model or the dataset does not fit.
        RuntimeError: If the conversion fails. The message has the cause and TensorFlow's output.
    """
    with captured_output() as printed:
        with _explained(name, printed):
            traced = trace()
        batches = None
        if representative_dataset is not None:
            batches = _batches(traced, representative_dataset)
        with _explained(name, printed):
            data = _convert(traced, weights, batches)
    model = flatbuffer.parse(data, name)
    flatbuffer.order_inputs_and_outputs(model, traced.inputs, traced.outputs)
    flatbuffer.add_signature_aliases(model, traced.aliases)
    return model


@contextlib.contextmanager
def _explained(name, printed):
    """Raises errors of TensorFlow again, with the name of the model and TensorFlow's output."""
    try:
        yield
    except Exception as e:
        text = printed().strip()
        raise RuntimeError(
            f"TensorFlow could not convert the {name}: {_cause(str(e))}"
            + (f"\n\nIt printed:\n{text}" if text else "")
        ) from e


def _cause(message):
    """TensorFlow's message; if it is long, after a sentence with the cause."""
    if "requires element_shape to be static" in message:
        return f"a loop, as recurrent layers have it, needs a batch_size.\n{message}"
    missing = re.findall(r"^(?:TF Select|Custom) ops: (.+)$", message, re.MULTILINE)
    if not missing:
        return message
    if any("Cast" in names.split(", ") for names in missing):
        return (
            "TFLite casts no strings. The inputs of a subclassed Keras 3 model are float32 here, "
            "as Keras does not keep their types. Call it on a keras.Input of the type, and "
            f"convert keras.Model(inputs, outputs).\n{message}"
        )
    if "f64>" in message:
        return f"TFLite has no operators for float64. Use the dtype policy float32.\n{message}"
    return f"TFLite has no operators for {', '.join(missing)}.\n{message}"


def _convert(trace, weights, batches):
    import tensorflow as tf

    module = tf.Module()
    module.owner = trace.owner
    # Gradients of one's own, such as those of swish, are traced again to be saved, which fails for
    # functions that are in float32 now. Inference needs none.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=trace.functions, options=options)
        if batches is not None:
            return int8_conversion.in_a_process(folder, *trace.functions, batches)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(trace.functions)
        )
        if weights in ("float16", "int8"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def _batches(trace, dataset):
    """The batches of a representative dataset, each a dictionary of arrays by input."""
    if len(trace.functions) > 1:
        raise ValueError(
            "Expected a model with one signature for weights='int8'. Received: one with "
            f"{sorted(trace.functions)}. Save a SavedModel for each."
        )
    ((key, function),) = trace.functions.items()
    specs = {spec.name: spec for spec in inputs_of(function)}
    names = trace.inputs[key]
    inputs = [
        (
            name,
            tuple(-1 if size is None else size for size in specs[name].shape),
            np.dtype(specs[name].dtype.as_numpy_dtype),
        )
        for name in names
    ]
    taken = examples.read(dataset, inputs, are_in_order=trace.are_in_order)
    return [dict(zip(names, arrays, strict=True)) for arrays in taken]
