"""A Keras model through TensorFlow's own converter, to a dense TFLite file."""

import inspect
import tempfile

from tfsparse.capture import captured_output

SIGNATURE = "serving_default"


def input_signature(model, batch_size):
    """The positional arguments of a model, with the batch dimension set.

    Args:
        model: A built Keras 3 or tf_keras model.
        batch_size: Size of the batch dimension; `None` leaves it open. The one that the model
            has recorded is often just that of the data it first saw.

    Returns:
        A list of `tf.TensorSpec`s, or of structures of them.

    Raises:
        ValueError: If the model does not know the shapes of its inputs.
    """
    import tensorflow as tf

    # Functional models keep the structure of their inputs in `input`, sequential ones may lack it,
    # and subclassed models have no symbolic inputs, only the shapes that they were built with.
    inputs = getattr(model, "inputs", None)
    if inputs:
        arguments = [getattr(model, "input", inputs[0])]
    elif hasattr(model, "save_spec"):
        arguments = list((model.save_spec() or [()])[0])
    else:
        arguments = _built_shapes(model)
    if not arguments:
        raise ValueError(
            f"The model {model.name!r} does not know the shapes of its inputs. Call it on data "
            "before it is converted."
        )
    return tf.nest.map_structure(
        lambda t: tf.TensorSpec((batch_size, *t.shape[1:]), t.dtype, t.name), arguments
    )


def _built_shapes(model):
    """The arguments of a subclassed Keras 3 model, as `tf.TensorSpec`s."""
    import tensorflow as tf

    config = model.get_build_config() or {}

    def specs(structure):
        if isinstance(structure, dict):
            return {key: specs(value) for key, value in structure.items()}
        if all(size is None or isinstance(size, int) for size in structure):
            # Not the compute dtype, which mixed precision makes float16: layers cast by themselves.
            return tf.TensorSpec(structure, model.variable_dtype)
        return [specs(value) for value in structure]

    return [specs(structure) for structure in config.get("shapes_dict", config).values()]


def dense_tflite(model, signature, weights):
    """Converts a Keras model with TensorFlow's converter, of which nothing reaches the terminal.

    Args:
        model: A built Keras 3 or tf_keras model.
        signature: Its arguments, as `input_signature` gives them.
        weights: `"float32"` or `"float16"`.

    Returns:
        The bytes of a TFLite file, the names of the inputs in the model's order, and the names of
        the outputs: the converter orders both as it likes.

    Raises:
        RuntimeError: If the conversion fails. The message has the cause and what was printed.
    """
    with captured_output() as printed:
        try:
            return _convert(model, signature, weights)
        except Exception as e:
            text = printed().strip()
            raise RuntimeError(
                f"TensorFlow could not convert the model {model.name!r}: {e}"
                + (f"\n\nIt printed:\n{text}" if text else "")
            ) from e


def _convert(model, signature, weights):
    import tensorflow as tf

    serve = _inference_function(_without_pruning_wrappers(model), signature)
    module = tf.Module()
    module.variables_of_model = list(serve.graph.variables)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={SIGNATURE: serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if weights == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        data = converter.convert()
    inputs = [spec.name for spec in tf.nest.flatten(serve.structured_input_signature)]
    outputs = serve.structured_outputs
    if not isinstance(outputs, dict):
        outputs = [f"output_{i}" for i in range(len(outputs))]
    return data, inputs, list(outputs)


def _without_pruning_wrappers(model):
    """The model without the wrappers of tensorflow-model-optimization, sharing its layers.

    A wrapped layer masks its weights in each inference, so they would not become constants.
    """
    modules = getattr(model, "submodules", ())
    if not any(type(module).__name__ == "PruneLowMagnitude" for module in modules):
        return model
    import tensorflow_model_optimization as tfmot

    return tfmot.sparsity.keras.strip_pruning(model)


def _inference_function(model, signature):
    """A concrete function of flat arguments, as a signature wants them, that runs inference."""
    import tensorflow as tf

    takes_training = "training" in inspect.signature(model.call).parameters

    @tf.function(input_signature=tf.nest.flatten(signature), autograph=False)
    def serve(*inputs):
        arguments = tf.nest.pack_sequence_as(signature, inputs)
        outputs = model(*arguments, **({"training": False} if takes_training else {}))
        return outputs if isinstance(outputs, dict) else tf.nest.flatten(outputs)

    return serve.get_concrete_function()
