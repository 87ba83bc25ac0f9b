"""Which values of a model TFLite quantises, and which of them share a range."""

import collections
import dataclasses

from tfsparse.quantize import steps as kinds

# A ReLU behind one of these is part of the same operator.
_TAKE_RELU = (kinds.KERNEL, kinds.TRANSPOSED, kinds.NORM, kinds.ARITHMETIC)
_SHARING = (kinds.SAME, kinds.ROUNDED)


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Where a model is quantised.

    Attributes:
        steps: List of `Step`.
        inputs: List of ints, the values that are the model's inputs.
        outputs: List of ints, those that are its outputs.
        names: Dict from values that are rounded to the name of their range.
        fixed: Dict from values that are rounded to a range that TFLite prescribes.
        float_layers: List of strings, the layers that stay float.
        folded: Dict from values between a layer and a BatchNormalization that becomes part of its
            operator to the latter.
        norms_alone: List of strings, the BatchNormalization layers that are operators.
    """

    steps: list
    inputs: list
    outputs: list
    names: dict
    fixed: dict
    float_layers: list
    folded: dict
    norms_alone: list


def plan(program):
    """Returns the `Plan` of a `tfsparse.graph.calls.Program`.

    Rounded are the inputs and outputs of each operator that TFLite has in int8. What becomes part
    of the operator before it, a BatchNormalization or a ReLU, has no range at its input. Where
    TFLite wants inputs and output in one scale, as in a concatenation, they share a range; else
    the file would need operators that rescale.
    """
    steps = kinds.steps_of(program)
    inputs = program.entries[0][1]
    readers = collections.Counter(x for step in steps for x in step.inputs)
    readers.update(program.outputs)
    inner = _inner_values(steps, readers)
    steps = [
        dataclasses.replace(step, run=step.run_alone)
        if step.run_alone and step.inputs[0] not in inner
        else step
        for step in steps
    ]
    shared = _SharedRanges(steps)
    quantized = {
        shared.of(x)
        for step in steps
        if step.kind not in (*_SHARING, kinds.FLOAT)
        for x in (*step.inputs, *step.outputs)
        if x not in inner
    }
    producers = {x: step for step in steps for x in step.outputs}
    names, fixed = {}, {}
    labels = _unique_labels(inputs, producers, shared)
    for x in (*inputs, *producers):
        root = shared.of(x)
        if root not in quantized or x in inner or not readers[x]:
            continue
        if x in producers and shared.is_rounded_before(producers[x]):
            continue
        if root in shared.fixed:
            fixed[x] = shared.fixed[root]
        else:
            names[x] = labels[root]
    floats = dict.fromkeys(step.name for step in steps if step.kind == kinds.FLOAT)
    norms = [step for step in steps if step.kind == kinds.NORM]
    folded = {step.inputs[0]: step.norm for step in norms if step.inputs[0] in inner}
    alone = [step.name for step in norms if step.inputs[0] not in inner]
    return Plan(steps, inputs, program.outputs, names, fixed, list(floats), folded, alone)


def _inner_values(steps, readers):
    """The values between steps that are one operator of TFLite."""
    producers, inner = {}, set()
    for step in steps:
        before = producers.get(step.inputs[0]) if step.inputs else None
        if before is not None and readers[step.inputs[0]] == 1:
            takes_norm = step.kind == kinds.NORM and before.kind == kinds.KERNEL
            takes_relu = step.kind == kinds.RELU and before.kind in _TAKE_RELU
            if takes_norm or takes_relu:
                inner.add(step.inputs[0])
        producers.update((x, step) for x in step.outputs)
    return inner


class _SharedRanges:
    """Sets of values with one range.

    Attributes:
        fixed: Dict from the first value of a set to the range that TFLite prescribes for it.
    """

    def __init__(self, steps):
        self._first = {}
        self.fixed = {}
        for step in steps:
            if step.limits is not None:
                self.fixed[step.outputs[0]] = step.limits
            elif step.kind in _SHARING:
                self._share(step)

    def of(self, value):
        """Returns the first value of the set that a value is in."""
        while value in self._first:
            value = self._first[value]
        return value

    def is_rounded_before(self, step):
        """Returns whether outputs are in the range of the inputs without being rounded again."""
        return step.kind == kinds.SAME and len({*map(self.of, (*step.inputs, *step.outputs))}) == 1

    def _share(self, step):
        roots = {self.of(x) for x in step.inputs}
        free = sorted(roots - set(self.fixed))
        # A prescribed range is shared only if nothing else comes in.
        chosen = free or (sorted(roots) if len({self.fixed[root] for root in roots}) == 1 else [])
        first, *others = [*chosen, *step.outputs]
        self._first.update((x, first) for x in others if x != first)


def _unique_labels(inputs, producers, shared):
    """Returns a name for each range: that of the layer which makes its first value."""
    labels, used = {}, collections.Counter()
    for x in (*inputs, *producers):
        root = shared.of(x)
        if root not in labels:
            name = producers[x].name if x in producers else "input"
            used[name] += 1
            labels[root] = name if used[name] == 1 else f"{name}#{used[name]}"
    return labels
