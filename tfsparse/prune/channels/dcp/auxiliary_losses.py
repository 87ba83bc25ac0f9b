"""The auxiliary losses of discrimination-aware channel pruning, and their places in a model."""

import math

import keras
import tensorflow as tf
from keras import layers

from tfsparse.prune.batches import loss_on

_KERNELS = ("kernel", "depthwise_kernel")


def forward(program, x, end, training=False):
    """Runs the calls of a model up to one of them.

    Args:
        program: `tfsparse.graph.calls.Program`.
        x: Input of the model, or a list or dict of them.
        end: Int, the last call to run.
        training: Bool, whether layers run as in training.

    Returns:
        Dict from values, ints, to tensors.
    """
    _, inputs = program.entries[0]
    values = dict(zip(inputs, tf.nest.flatten(x), strict=True))
    for call in program.calls[: end + 1]:
        learns = training and getattr(call.operation, "_call_has_training_arg", False)
        options = {"training": True} if learns else {}
        made = call.run([values[v] for v in call.inputs], **options)
        values.update(zip(call.outputs, tf.nest.flatten(made), strict=True))
    return values


def evenly_spaced(program, count):
    """Returns the calls after which auxiliary losses are placed.

    Depth is counted in layers with a kernel. A loss needs a call whose output is the only tensor
    that later calls read, such as at the end of a residual block. Of such calls of equal depth it
    takes the last, after normalization and activation.

    Args:
        program: `tfsparse.graph.calls.Program`.
        count: Int, the number of losses. A model with fewer such calls gets fewer.

    Returns:
        List of ints, in ascending order.
    """
    depths, depth = [], 0
    for call in program.calls:
        depth += any(hasattr(call.operation, name) for name in _KERNELS)
        depths.append(depth)
    places = [i for i in _bottlenecks(program) if 0 < depths[i] < depth]
    wanted = [depth * (i + 1) / (count + 1) for i in range(count)]
    chosen = {min(places, key=lambda i: (abs(depths[i] - w), -i)) for w in wanted if places}
    return sorted(chosen)


def _bottlenecks(program):
    """Yields the calls whose output is the only tensor that later calls read."""
    last_use = dict.fromkeys(program.outputs, math.inf)
    for i, call in enumerate(program.calls):
        for value in call.inputs:
            last_use[value] = max(last_use.get(value, 0), i)
    earlier = max(last_use.get(value, 0) for value in program.entries[0][1])
    for i, call in enumerate(program.calls):
        if earlier <= i and len(call.outputs) == 1:
            yield i
        earlier = max(earlier, *(last_use.get(value, 0) for value in call.outputs))


class Head:
    """The layers of an auxiliary loss: BatchNormalization, ReLU, average pooling, Dense.

    It is no part of the model.

    Args:
        program: `tfsparse.graph.calls.Program` of a model with one output (batch, classes).
        call: Int, the call after which the head is placed.
    """

    def __init__(self, program, call):
        self.end = call
        (self._value,) = program.calls[call].outputs
        shape = program.shapes[self._value]
        pooling = []
        if len(shape) > 2:
            pooling.append(getattr(layers, f"GlobalAveragePooling{len(shape) - 2}D")())
        (output,) = program.outputs
        classes = program.shapes[output][-1]
        self._layers = keras.Sequential(
            [
                keras.Input(shape[1:]),
                layers.BatchNormalization(),
                layers.ReLU(),
                *pooling,
                # The model's loss expects the model's kind of output: probabilities or logits.
                layers.Dense(classes, activation=_last_activation(program), dtype="float32"),
            ]
        )

    @property
    def variables(self):
        """The head's trainable variables, a list."""
        return self._layers.trainable_variables

    def loss(self, model, values, x, y, training=False):
        """Returns the model's loss on the head's outputs for the tensors of a forward pass."""
        outputs = self._layers(values[self._value], training=training)
        return loss_on(model, x, y, outputs)


class FinalLoss:
    """The model's own loss, in place of an auxiliary loss.

    Args:
        program: `tfsparse.graph.calls.Program` of a model with one output.
    """

    variables = ()

    def __init__(self, program):
        self.end = len(program.calls) - 1
        (self._value,) = program.outputs

    def loss(self, model, values, x, y, training=False):
        """Returns the model's loss for the tensors of a forward pass."""
        return loss_on(model, x, y, values[self._value])


def _last_activation(program):
    last = next(call for call in program.calls if program.outputs[0] in call.outputs)
    if isinstance(last.operation, layers.Softmax):
        return keras.activations.softmax
    return getattr(last.operation, "activation", None)
