"""Builds a model again from new layers that are connected as the old ones are."""

import keras
import tensorflow as tf

from tfsparse.graph.rebuilding import view
from tfsparse.keras_models import strategy_of


def clone_graph(model, program, make, make_input=None):
    """Returns a model with a new layer or operation in place of each one.

    Args:
        model: Functional or Sequential Keras 3 model.
        program: Its `tfsparse.graph.calls.Program`.
        make: Function from a layer or an operation to the new one, or to a `Chain`. It is called
            once for each, however often the model calls it.
        make_input: Function from the model, or one nested in it, and the position of an input to
            the new input, a Keras tensor; by default one like the old.

    Returns:
        The new model, not compiled, of the same strategy; and a list of pairs of an old layer and
        what was made of it, without models and operations, which have no weights of their own.
    """
    nested = {id(one) for one, _ in program.entries}
    clones = {}

    def clone(operation):
        if id(operation) not in clones:
            made = clone_model(operation) if id(operation) in nested else make(operation)
            clones[id(operation)] = operation, made
        return clones[id(operation)][1]

    def clone_model(original):
        inputs = list(map(input_like, original.inputs))
        if make_input is not None:
            inputs = [make_input(original, position) for position in range(len(inputs))]
        if isinstance(original, keras.Sequential):
            # Not by Keras's clone_model, which in 3.1 fails on other inputs for these.
            made = [clone(layer) for layer in original.layers]
            layers = [x for one in made for x in (one.layers if isinstance(one, Chain) else [one])]
            own = type(original).__init__ is keras.Sequential.__init__
            kind = type(original) if own else keras.Sequential
            return kind([*inputs, *layers], original.trainable, original.name)
        inputs = tf.nest.pack_sequence_as(original.input, inputs)
        # Keras would compile it with what it finds by the names of losses and metrics.
        return keras.models.clone_model(view(original, compiled=False), inputs, clone)

    with strategy_of(model).scope():
        new = clone_model(model)
    return new, [
        (old, made)
        for old, made in clones.values()
        if isinstance(old, keras.layers.Layer) and id(old) not in nested
    ]


class Chain:
    """Layers in place of one.

    Args:
        layers: List of Keras layers, which run one after the other.
    """

    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        """Returns the output of the last layer."""
        for layer in self.layers:
            x = layer(x)
        return x


def input_like(tensor, length=None):
    """Returns an input like another, or with another length of its last axis."""
    layer = tensor._keras_history.operation
    config = layer.get_config()
    *shape, last = config["batch_shape"]
    if length is not None and shape and last is not None:
        config["batch_shape"] = (*shape, length)
    return type(layer).from_config(config).output
