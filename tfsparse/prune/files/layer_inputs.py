"""Runs two networks layer by layer on calibration data, and collects the inputs of each layer."""

import copy

import numpy as np

from tfsparse import flatbuffer
from tfsparse.capture import captured_output
from tfsparse.prune.files.quantized_values import dequantized
from tfsparse.prune.files.reconstruction import Moments
from tfsparse.runtime.runtimes import open_bytes

# How many positions of a feature map are looked at in each example: neighbours are much alike.
POSITIONS = 784
# Rows of inputs that are added to moments at once: the moments of a wide layer are large, so that
# to add to them costs as much as to multiply some hundred rows.
ROWS = 4096
# What the activations of a network may take in memory for all examples, between one layer and the
# next: those of early layers of large pictures take more, but are cheap to compute anew.
KEPT_BYTES = 1 << 27


class Activations:
    """The outputs of a network's operators on some examples, computed up to a given operator.

    From one layer to the next only the operators between them run, if their inputs are small enough
    to store; otherwise all operators since the last such layer. So the weights of operators that
    have run must not change.

    Args:
        model: A `ModelT` as `tfsparse.flatbuffer` reads it.
        examples: List of lists of arrays, one for each input of the first subgraph.
        runtime: As for `tfsparse.Interpreter`.
    """

    def __init__(self, model, examples, runtime=None):
        self._model, self._runtime = model, runtime
        graph = model.subgraphs[0]
        inputs = flatbuffer.ints(graph.inputs)
        self._kept = [dict(zip(inputs, example, strict=True)) for example in examples]
        self._position = 0
        self._varying = _varying(graph)
        # Operators without outputs set variables, which interpreters do not share.
        self._is_pure = all(flatbuffer.ints(op.outputs) for op in graph.operators)

    def before(self, position, tensor):
        """Yields one input tensor of an operator for each example, as a float array.

        Args:
            position: Index of the operator in the first subgraph, at least that of the last call.
            tensor: Index of the tensor.

        Raises:
            ValueError: TFLite refuses the model, or cannot run it on the examples.
        """
        if self._is_pure:
            self._advance(position)
        if self._position == position and tensor in self._varying:
            found = (kept[tensor] for kept in self._kept)
        else:
            run = self._part(position, {tensor})
            found = (run(kept)[tensor] for kept in self._kept)
        description = self._model.subgraphs[0].tensors[tensor]
        for values in found:
            yield dequantized(values, description).astype(np.float32, copy=False)

    def _advance(self, position):
        """Runs the operators before a position, and stores their outputs if small enough."""
        run = self._part(position, self._read_from(position))
        first = run(self._kept[0])
        if len(self._kept) * sum(array.nbytes for array in first.values()) <= KEPT_BYTES:
            self._kept = [first, *map(run, self._kept[1:])]
            self._position = position

    def _part(self, stop, outputs):
        """The part that computes some tensors from the stored ones, up to a position."""
        # Operators on constants, such as a DEQUANTIZE of weights, run in every part.
        operators = [
            operator
            for i, operator in enumerate(self._model.subgraphs[0].operators[:stop])
            if i >= self._position
            or not self._varying.intersection(flatbuffer.ints(operator.outputs))
        ]
        return _Part(self._model, operators, set(self._kept[0]), outputs, self._runtime)

    def _read_from(self, position):
        """The tensors computed before a position that operators from there on read."""
        operators = self._model.subgraphs[0].operators
        read = {i for op in operators[position:] for i in flatbuffer.ints(op.inputs)}
        made = {i for op in operators[position:] for i in flatbuffer.ints(op.outputs)}
        return (read - made) & self._varying


class _Part:
    """A part of a model's first subgraph, which an interpreter runs.

    Args:
        model: A `ModelT`; later edits have no effect.
        operators: Operators of its first subgraph that may run.
        inputs: Indices of the tensors that are known before.
        outputs: Indices of tensors, which may be among the inputs.
        runtime: As for `tfsparse.Interpreter`.
    """

    def __init__(self, model, operators, inputs, outputs, runtime):
        self._outputs = outputs
        self._made = sorted(outputs - inputs)
        operators = _needed(operators, self._made)
        self._inputs = sorted(
            inputs.intersection(i for op in operators for i in flatbuffer.ints(op.inputs))
        )
        self._shapes = None
        self._interpreter = None
        if self._made:
            content = _cut(model, operators, self._inputs, self._made)
            with captured_output():
                self._interpreter = open_bytes(content, runtime)

    def __call__(self, before):
        """Returns the outputs for one example's inputs, both dictionaries of arrays by index."""
        found = {i: before[i] for i in self._outputs if i not in self._made}
        if self._made:
            try:
                self._set([before[i] for i in self._inputs])
                self._interpreter.invoke()
            except RuntimeError as error:
                raise ValueError(f"TFLite cannot run it on the data: {error}") from error
            details = self._interpreter.get_output_details()
            for index, detail in zip(self._made, details, strict=True):
                found[index] = self._interpreter.get_tensor(detail["index"])
        return found

    def _set(self, arrays):
        details = self._interpreter.get_input_details()
        shapes = [array.shape for array in arrays]
        # Open sizes are 1 in the file; not all models can be prepared with that.
        if shapes != self._shapes:
            for detail, shape in zip(details, shapes, strict=True):
                if tuple(detail["shape"]) != shape:
                    self._interpreter.resize_tensor_input(detail["index"], shape)
            with captured_output():
                self._interpreter.allocate_tensors()
            self._shapes = shapes
        for detail, array in zip(details, arrays, strict=True):
            self._interpreter.set_tensor(detail["index"], array)


def gather(layer, position, activations, original):
    """The `Moments` of a layer's inputs.

    Args:
        layer: `tfsparse.prune.files.prunable_layers.Layer`.
        position: Index of its operator in the first subgraph.
        activations, original: The `Activations` of the network pruned so far, and of the original.
    """
    moments = Moments(layer.inputs, layer.bias is not None)
    pairs = zip(
        *(one.before(position, layer.input) for one in (activations, original)), strict=True
    )
    pending = []
    for number, pair in enumerate(pairs):
        pending.append(
            [layer.rows(value, POSITIONS, np.random.default_rng(number)) for value in pair]
        )
        if sum(len(rows) for rows, _ in pending) >= ROWS:
            moments.add(*map(np.concatenate, zip(*pending, strict=True)))
            pending = []
    if pending:
        moments.add(*map(np.concatenate, zip(*pending, strict=True)))
    return moments


def _needed(operators, outputs):
    """The operators, in their order, that are needed to compute some tensors."""
    needed, found = set(outputs), []
    for operator in reversed(operators):
        made = flatbuffer.ints(operator.outputs)
        # Operators without outputs set variables.
        if not made or needed.intersection(made):
            needed.update(flatbuffer.ints(operator.inputs))
            found.insert(0, operator)
    return found


def _varying(graph):
    """The tensors of a subgraph that depend on its inputs, or on variables."""
    found = set(flatbuffer.ints(graph.inputs))
    for operator in graph.operators:
        inputs = flatbuffer.ints(operator.inputs)
        if not inputs or found.intersection(inputs):
            found.update(flatbuffer.ints(operator.outputs))
    return found


def _cut(model, operators, inputs, outputs):
    """The bytes of a model with only some operators of the first subgraph."""
    graph = copy.copy(model.subgraphs[0])
    graph.operators, graph.inputs, graph.outputs = operators, inputs, outputs
    cut = copy.copy(model)
    cut.subgraphs = [graph, *model.subgraphs[1:]]
    cut.signatureDefs = cut.metadata = cut.archive = None
    read = {i for op in operators for i in flatbuffer.ints(op.inputs) if i >= 0}
    buffers = {graph.tensors[index].buffer for index in read}
    buffers.update(t.buffer for other in cut.subgraphs[1:] for t in other.tensors or ())
    cut.buffers = [
        buffer if number in buffers else flatbuffer.schema.BufferT()
        for number, buffer in enumerate(model.buffers)
    ]
    return flatbuffer.serialize(cut)
