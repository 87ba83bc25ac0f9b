"""A functional model as a flat list of calls, with the models nested in it unrolled."""

import dataclasses
import inspect
import math
from typing import Any

import keras
import tensorflow as tf
from keras.src.models.functional import Functional  # not public, yet what keras.Model returns


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or of a `keras.ops` operation.

    Attributes:
        operation: Keras layer or operation.
        inputs: List of ints, the input values.
        outputs: List of ints, the output values.
        shapes: List of tuples, the shapes of the inputs; None for an unknown length.
        output_shape: Tuple, the shape of the first output.
        arguments: Keras's record of the arguments.
        training: Bool, the argument `training` of the enclosing nested model's call, or None.
    """

    operation: Any
    inputs: list
    outputs: list
    shapes: list
    output_shape: tuple
    arguments: Any
    training: bool | None = None

    @property
    def constants(self):
        """Arguments, positional or not, that are no Keras tensors: a list."""
        given = tf.nest.flatten((self.arguments.args, self.arguments.kwargs))
        return [x for x in given if x is not None and not isinstance(x, keras.KerasTensor)]

    def run(self, values, **options):
        """Returns the outputs of the operation for other inputs.

        Args:
            values: List of arrays.
            **options: Arguments of the call that the model does not set.
        """
        given = {id(x): v for x, v in zip(self.arguments.keras_tensors, values, strict=True)}
        args, kwargs = self.arguments.fill_in(given)
        if self.training is not None and takes_training(self.operation):
            options = {"training": self.training} | options
        return self.operation(*args, **(options | kwargs))


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """The calls of a model in the order in which they run.

    Attributes:
        calls: List of `Call`.
        shapes: List of tuples, the shape of each value.
        outputs: List of ints, the values that are the model's outputs.
        entries: List of pairs of the model, or one nested in it, and a list of ints, the values
            that its inputs take; the model's own come first.
    """

    calls: list
    shapes: list
    outputs: list
    entries: list


def unroll(model):
    """Returns the `Program` of a built functional or Sequential Keras 3 model.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model is not built, or is subclassed.
    """
    if not isinstance(model, keras.Model):
        hint = " A tf_keras model has to be built with Keras 3." if _is_tf_keras(model) else ""
        raise TypeError(f"Expected a Keras 3 model.{hint} Received: {type(model)}")
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} is not built, so its layers have no channels yet. Call "
            "model.build(input_shape), or give the model an Input, first."
        )
    function = functional_of(model)
    if function is None:
        raise ValueError(
            f"Expected a functional or a Sequential model. Model {model.name!r} "
            f"({type(model).__name__}) is subclassed: what its call does cannot be read. Build it "
            "from layers with keras.Model(inputs, outputs)."
        )
    shapes = [tuple(x.shape) for x in function.inputs]
    program = Program(calls=[], shapes=shapes, outputs=[], entries=[])
    program.outputs.extend(_run(model, list(range(len(shapes))), program))
    return program


def _run(model, inputs, program, training=None):
    """Appends the calls of a model to a program; returns the values of its outputs."""
    function = functional_of(model)
    shapes = program.shapes
    program.entries.append((model, inputs))
    values = {id(x): value for x, value in zip(function.inputs, inputs, strict=True)}
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if node.is_input:
                continue
            operation, arguments = node.operation, node.arguments
            given = [values[id(x)] for x in arguments.keras_tensors]
            given_shapes = [shapes[x] for x in given]
            if _takes(functional_of(operation), given_shapes):
                made = _run(operation, given, program, _training(node, training))
            else:
                made = list(range(len(shapes), len(shapes) + len(node.outputs)))
                shapes.extend(_output_shapes(node, given_shapes))
                output_shape = shapes[made[0]]
                program.calls.append(
                    Call(operation, given, made, given_shapes, output_shape, arguments, training)
                )
            values.update((id(x), value) for x, value in zip(node.outputs, made, strict=True))
    return [values[id(x)] for x in function.outputs]


def _takes(function, shapes):
    """Returns whether a function, or None, takes inputs of these shapes as they are."""
    return (
        function is not None
        and len(function.inputs) == len(shapes)
        and all(
            len(x.shape) == len(shape)
            and all(a is None or a == b for a, b in zip(x.shape, shape, strict=True))
            for x, shape in zip(function.inputs, shapes, strict=True)
        )
    )


def _output_shapes(node, shapes):
    tensors = node.arguments.keras_tensors
    outputs = node.outputs
    if [tuple(x.shape) for x in tensors] != shapes:
        # The model it is in leaves open what the model around says.
        given = {
            id(x): keras.KerasTensor(shape, x.dtype)
            for x, shape in zip(tensors, shapes, strict=True)
        }
        args, kwargs = node.arguments.fill_in(given)
        outputs = tf.nest.flatten(node.operation.compute_output_spec(*args, **kwargs))
    return [tuple(x.shape) for x in outputs]


def _training(node, around):
    """Returns the argument `training` of a nested model's call: its own, or that around it."""
    call = inspect.signature(node.operation.call)
    given = call.bind_partial(*node.arguments.args, **node.arguments.kwargs).arguments
    own = given.get("training")
    return around if own is None else own


def takes_training(operation):
    """Returns whether the call of an operation has the argument `training`."""
    return "training" in inspect.signature(operation.call).parameters


def count_positions(shape):
    """Returns how many positions a tensor has for one example, an int, or None if not known."""
    return None if None in shape[1:-1] else math.prod(shape[1:-1])


def functional_of(layer):
    """Returns the functional graph that a layer runs, or None."""
    if isinstance(layer, keras.Sequential):
        return layer._functional if type(layer).call is keras.Sequential.call else None
    if isinstance(layer, Functional) and type(layer).call is Functional.call:
        return layer
    return None


def _is_tf_keras(model):
    return any(cls.__module__.partition(".")[0] == "tf_keras" for cls in type(model).__mro__)
