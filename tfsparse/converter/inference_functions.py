"""The inference functions of Keras models and SavedModels, for TensorFlow's converter."""

import collections
import contextlib
import dataclasses
import inspect

from tfsparse.converter.mixed_precision import in_float32
from tfsparse.converter.tfmot_wrappers import without_wrappers

SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Trace:
    """The inference functions of a model.

    Attributes:
        functions: A `tf.ConcreteFunction` for each signature.
        owner: The object with the variables and tables that they read.
        inputs: The names of the inputs of each signature, in the model's order.
        are_in_order: Whether this is the order of the model's arguments. The inputs of a SavedModel
            are sorted by name instead.
        outputs: The names of its outputs, in the model's order.
        aliases: Further keys of the signatures that have any.
    """

    functions: dict
    owner: object
    inputs: dict
    outputs: dict
    are_in_order: bool = True
    aliases: dict = dataclasses.field(default_factory=dict)


def of_keras(model, signature, ranges=None):
    """The `Trace` of a Keras model.

    Args:
        model: A built Keras 3 or tf_keras model.
        signature: Its arguments, as `input_signature` gives them.
        ranges: Dict of the ranges of activations that a training has found for int8, or None.
    """
    with without_wrappers(model), _rounded_to_int8(model, ranges):
        serve = in_float32(_inference_function(model, signature))
    inputs = [spec.name for spec in inputs_of(serve)]
    outputs = serve.structured_outputs
    if not isinstance(outputs, dict):
        outputs = [f"output_{i}" for i in range(len(outputs))]
    owner = [list(serve.graph.variables), _tables(model)]
    return Trace({SIGNATURE: serve}, owner, {SIGNATURE: inputs}, {SIGNATURE: list(outputs)})


def of_saved_model(module, batch_size):
    """The `Trace` of a SavedModel.

    Args:
        module: The result of `tf.saved_model.load`.
        batch_size: Size of the batch dimension if the SavedModel leaves it open; `None` keeps
            it open.
    """
    alike = collections.defaultdict(list)
    for key, function in module.signatures.items():
        alike[_computation(function)].append(key)
    aliases = {first: others for first, *others in alike.values()}
    functions = {
        key: in_float32(_with_batch(module.signatures[key], batch_size)) for key in aliases
    }
    inputs = {key: [spec.name for spec in inputs_of(f)] for key, f in functions.items()}
    outputs = {key: list(f.structured_outputs) for key, f in functions.items()}
    return Trace(functions, module, inputs, outputs, are_in_order=False, aliases=aliases)


def first_dimensions(module):
    """The sizes of the batch that a SavedModel has: those of its inputs, `None` for open ones."""
    specs = [spec for function in module.signatures.values() for spec in inputs_of(function)]
    return [spec.shape[0] for spec in specs if spec.shape.rank]


def inputs_of(function):
    """A `tf.TensorSpec` for each input of a concrete function."""
    import tensorflow as tf

    return tf.nest.flatten(function.structured_input_signature)


def input_signature(model, batch_size):
    """The positional arguments of a model, with the batch dimension set.

    Args:
        model: A built Keras 3 or tf_keras model.
        batch_size: Size of the batch dimension; `None` leaves it open. The model's own is
            often that of its first batch.

    Returns:
        A list of `tf.TensorSpec`s, or of structures of them.

    Raises:
        ValueError: If the model does not know the shapes of its inputs.
    """
    import tensorflow as tf

    if _has_symbolic_inputs(model):
        arguments = [_symbolic_input(model)]
    elif hasattr(model, "save_spec"):
        arguments = list((model.save_spec() or [()])[0])
    else:
        arguments = _built_shapes(model)
    if not arguments:
        raise ValueError(
            f"The model {model.name!r} does not know the shapes of its inputs. Call it on data "
            "before it is converted."
        )
    needed = _needed_arguments(model)
    if len(arguments) < len(needed):
        raise ValueError(
            f"The call of model {model.name!r} takes {', '.join(needed)}, and Keras knows the "
            "shape of the first alone. Call it on a keras.Input for each, and convert "
            "keras.Model(inputs, outputs)."
        )
    return tf.nest.map_structure(
        lambda t: tf.TensorSpec((batch_size, *t.shape[1:]), t.dtype, t.name), arguments
    )


def _needed_arguments(model):
    """The names of the arguments without which a model cannot be called."""
    return [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and name not in ("training", "mask")
    ]


def _has_symbolic_inputs(model):
    """Subclassed models have none, only the shapes that they were built with."""
    try:
        return bool(getattr(model, "inputs", None))
    except ValueError:  # Keras 3.1, of a sequential model with a layer of unknown output shape
        return False


def _symbolic_input(model):
    """The inputs of a functional or sequential model in the structure that it takes them in."""
    try:
        return model.input
    except (AttributeError, ValueError):  # by Keras's version: of sequential models, which take one
        return model.inputs[0]


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


def _tables(model):
    """The lookup tables of a model, such as those of its StringLookup layers."""
    import tensorflow as tf

    return [
        held
        for held in tf.train.TrackableView(model).descendants()
        if isinstance(held, tf.saved_model.experimental.TrackableResource)
    ]


def _inference_function(model, signature):
    """A concrete function of flat arguments, as in a signature, that runs inference."""
    import tensorflow as tf

    takes_training = "training" in inspect.signature(model.call).parameters

    @tf.function(input_signature=tf.nest.flatten(signature), autograph=False)
    def serve(*inputs):
        arguments = tf.nest.pack_sequence_as(signature, inputs)
        outputs = model(*arguments, **({"training": False} if takes_training else {}))
        return outputs if isinstance(outputs, dict) else tf.nest.flatten(outputs)

    return serve.get_concrete_function()


@contextlib.contextmanager
def _rounded_to_int8(model, ranges):
    """Lets a model round its activations, from which TensorFlow's converter reads their ranges."""
    if ranges is None:
        yield
        return
    from tfsparse.graph.calls import unroll
    from tfsparse.quantize.forward import with_trained_ranges
    from tfsparse.quantize.plan import plan

    with with_trained_ranges(model, plan(unroll(model)), ranges):
        yield


def _computation(function):
    """A key that is equal for signatures of a SavedModel with the same function.

    Such are "serve" and "serving_default" of Keras's `export`.
    """
    nodes = tuple(
        (
            *(node.op, node.name, tuple(node.input)),
            *(node.attr["f"].func.name, node.attr["value"].SerializeToString()),
        )
        for node in function.graph.as_graph_def().node
    )
    names = tuple(spec.name for spec in inputs_of(function)), tuple(function.structured_outputs)
    return nodes, names, tuple(map(id, function.captured_inputs))


def _with_batch(function, batch_size):
    """A signature of a SavedModel, with open batch dimensions set."""
    import tensorflow as tf

    def fixed(spec):
        shape = spec.shape.as_list() if spec.shape.rank else spec.shape
        if spec.shape.rank and shape[0] is None:
            shape[0] = batch_size
        return tf.TensorSpec(shape, spec.dtype, spec.name)

    specs = {name: fixed(spec) for name, spec in function.structured_input_signature[1].items()}
    serve = tf.function(lambda **inputs: function(**inputs), autograph=False)
    return serve.get_concrete_function(**specs)
