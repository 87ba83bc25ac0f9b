"""The stages of discrimination-aware channel pruning, and their training."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tfsparse.keras_models import student_of
from tfsparse.prune.channels.dcp.auxiliary_losses import FinalLoss, Head, evenly_spaced, forward


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """The groups whose channels are selected with one loss.

    Attributes:
        loss: `Head`, or `FinalLoss` in the last stage.
        groups: List of `ChannelGroup`, in the order in which they are read.
    """

    loss: Any
    groups: list


def make_stages(program, groups, num_auxiliary_losses):
    """Assigns each group to the first auxiliary loss after all layers that read it.

    Args:
        program: `tfsparse.graph.calls.Program`.
        groups: List of `ChannelGroup`.
        num_auxiliary_losses: Int, number of auxiliary losses besides the model's own loss.

    Returns:
        List of `Stage`, in the order of the model, without empty ones.
    """
    ends = [*evenly_spaced(program, num_auxiliary_losses), len(program.calls) - 1]
    read = {group: _last_reader(program, group) for group in groups}
    stages, begin = [], -1
    for end in ends:
        members = [group for group in groups if begin < read[group] <= end]
        if members:
            loss = FinalLoss(program) if end == ends[-1] else Head(program, end)
            stages.append(Stage(loss, sorted(members, key=read.get)))
        begin = end
    return stages


def train_stage(stage, model, program, batches, learning_rate):
    """Trains a model, and a stage's head, with the stage's loss and the model's own.

    Args:
        stage: `Stage`.
        model: Compiled Keras 3 model.
        program: Its `tfsparse.graph.calls.Program`.
        batches: Iterable of batches `(x, y)`.
        learning_rate: Float, of SGD with a Nesterov momentum of 0.9.
    """
    final = FinalLoss(program)
    variables = [*student_of(model).trainable_variables, *stage.loss.variables]
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True)
    optimizer.build(variables)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(x, y):
        with tf.GradientTape() as tape:
            values = forward(program, x, final.end, training=True)
            loss = final.loss(model, values, x, y)
            if isinstance(stage.loss, Head):
                loss += stage.loss.loss(model, values, x, y, training=True)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for x, y in batches:
        step(x, y)


def _last_reader(program, group):
    readers = {id(place.layer) for place in group.consumers}
    return max(i for i, call in enumerate(program.calls) if id(call.operation) in readers)
