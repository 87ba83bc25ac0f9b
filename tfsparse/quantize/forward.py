"""A model's computation with what int8 does to it, in the place of the model's own."""

import collections
import contextlib
import dataclasses

import tensorflow as tf

from tfsparse.formatting import listed
from tfsparse.graph.calls import functional_of
from tfsparse.quantize.fake_quantization import fake_quantize_values
from tfsparse.quantize.fixed_point import is_fixed_point
from tfsparse.quantize.mode import Mode
from tfsparse.quantize.value_ranges import seen_in


class QuantizedForward(contextlib.AbstractContextManager):
    """Takes the place of a model's `call` while it is entered.

    The model's layers are called one by one, as the model itself would, and activations are rounded
    in between. So nothing is wrapped or cloned: the variables, the optimizer and whatever is saved
    are those of the model. Layers get rounded kernels for the time of their call, without a change
    to the variable. A train step that is compiled inside computes this from then on; the model is
    itself again as soon as the context ends, whatever ended it.

    Args:
        model: Functional or Sequential Keras 3 model.
        plan: Its `Plan`.
        limits: Function from the name of a range and a tensor of what was seen of it to its limits.
        mode: `Mode`.
        update: Function of what a training batch has shown, a dict from names of ranges to lists of
            tensors that `see` returns; None if nothing trains.
        see: Function of a tensor of activations to a tensor of what its range has to hold.
    """

    def __init__(self, model, plan, limits, mode, update=None, see=seen_in):
        self._model = model
        self._plan = plan
        self._limits = limits
        self._mode = mode
        self._update = update
        self._see = see

    def __enter__(self):
        vars(self._model)["call"] = self
        return self

    def __exit__(self, *_):
        del vars(self._model)["call"]

    def __call__(self, inputs, training=None, mask=None, **kwargs):
        """Returns the model's outputs, as its `call` does."""
        function = functional_of(self._model)
        seen = collections.defaultdict(list)
        values = {}
        given = function._standardize_inputs(inputs)
        for x, value in zip(self._plan.inputs, given, strict=True):
            values[x] = self._rounded(x, value, seen)
        for step in self._plan.steps:
            made = step.run([values[x] for x in step.inputs], self._mode)
            for x, value in zip(step.outputs, tf.nest.flatten(made), strict=True):
                values[x] = self._rounded(x, value, seen)
        if training and self._update is not None:
            self._update(seen)
        outputs = tf.nest.pack_sequence_as(
            function._outputs_struct, [values[x] for x in self._plan.outputs]
        )
        is_single = isinstance(outputs, list | tuple) and len(outputs) == 1
        return outputs[0] if is_single else outputs

    def _rounded(self, x, value, seen):
        """Returns a value as int8 has it, and notes what its range has to hold."""
        if not value.dtype.is_floating:
            return value
        if x in self._plan.fixed:
            return _with_mask_of(value, fake_quantize_values(value, self._plan.fixed[x]))
        name = self._plan.names.get(x)
        if name is None:
            return value
        seen[name].append(self._see(value))
        limits = self._limits(name, seen[name][-1])
        return _with_mask_of(value, fake_quantize_values(value, limits))


def with_trained_ranges(model, plan, ranges):
    """Returns a `QuantizedForward` of which TFLite's converter makes a file in int8.

    The converter rounds the weights by itself, unless the ranges are those of fixed point.

    Args:
        model: Functional or Sequential Keras 3 model.
        plan: Its `Plan`.
        ranges: Dict from names of ranges to pairs of floats. It has none for integers, such as the
            words that an Embedding takes.

    Raises:
        ValueError: The ranges are those of another model.
    """
    if not ranges or not set(ranges) <= set(plan.names.values()):
        raise ValueError(
            f"Expected the trained ranges of model {model.name!r}, which are of "
            f"{listed(sorted(set(plan.names.values())))}. Received: ranges of "
            f"{listed(sorted(ranges)) or 'nothing'}. Its layers were changed since: train it again."
        )
    plan = dataclasses.replace(plan, names={x: n for x, n in plan.names.items() if n in ranges})
    folded = plan.folded if is_fixed_point(list(ranges.values())) else None
    mode = Mode(fake_quantize=False, freeze_batchnorm=True, folded=folded)
    return QuantizedForward(model, plan, lambda name, seen: ranges[name], mode)


def _with_mask_of(value, rounded):
    """Gives a tensor the mask that Keras keeps beside another one."""
    mask = getattr(value, "_keras_mask", None)
    if mask is not None:
        rounded._keras_mask = mask
    return rounded
