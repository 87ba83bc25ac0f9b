"""Run a TFLite model up to one of its tensors, and gather what a layer sees there."""

import copy

import numpy as np

from tfsparse import flatbuffer
from tfsparse.capture import captured_output
from tfsparse.converter.reconstruction import Moments
from tfsparse.runtime import open_bytes

# How many positions of a feature map are looked at in each example: neighbours are much alike.
POSITIONS = 784


class Runner:
    """Computes one tensor of a model's first subgraph, in TFLite and without the rest of the model.

    Args:
        model: A `ModelT` as `tfsparse.flatbuffer` reads it; later edits have no effect.
        tensor: Index of the tensor.
        runtime: As for `tfsparse.Interpreter`.

    Raises:
        ValueError: TFLite refuses the model.
    """

    def __init__(self, model, tensor, runtime=None):
        try:
            with captured_output():
                self._interpreter = open_bytes(flatbuffer.serialize(_cut(model, tensor)), runtime)
                self._interpreter.allocate_tensors()
        except RuntimeError as error:
            raise ValueError(f"TFLite cannot run it: {error}") from error
        self._inputs = self._interpreter.get_input_details()
        self._output = self._interpreter.get_output_details()[0]["index"]

    def __call__(self, example):
        """The tensor, an array, for a list of arrays, one for each of the model's inputs."""
        try:
            self._set(example)
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ValueError(f"TFLite cannot run it: {error}") from error
        return self._interpreter.get_tensor(self._output)

    def _set(self, example):
        shapes = [tuple(detail["shape"]) for detail in self._inputs]
        if shapes != [array.shape for array in example]:
            for detail, array in zip(self._inputs, example, strict=True):
                self._interpreter.resize_tensor_input(detail["index"], array.shape)
            self._interpreter.allocate_tensors()
            self._inputs = self._interpreter.get_input_details()
        for detail, array in zip(self._inputs, example, strict=True):
            self._interpreter.set_tensor(detail["index"], array)


def gather(layer, run, run_original, examples):
    """The `Moments` of a layer's inputs.

    Args:
        layer: `tfsparse.converter.prunable.Layer`.
        run, run_original: Functions that return the tensor that feeds the layer for an example, in
            the network pruned so far and in the original one.
        examples: List of examples.
    """
    moments = Moments(layer.inputs, layer.bias is not None)
    for number, example in enumerate(examples):
        pair = [
            layer.rows(run_one(example), POSITIONS, np.random.default_rng(number))
            for run_one in (run, run_original)
        ]
        moments.add(*pair)
    return moments


def _cut(model, tensor):
    """A model of nothing but what computes one tensor of the first subgraph, with all its inputs.

    It shares its parts with `model`.
    """
    graph = copy.copy(model.subgraphs[0])
    needed, operators = {tensor}, []
    # Operators are listed in the order in which they run; those without outputs set variables.
    for operator in reversed(graph.operators):
        outputs = flatbuffer.ints(operator.outputs)
        if not outputs or needed.intersection(outputs):
            needed.update(flatbuffer.ints(operator.inputs))
            operators.insert(0, operator)
    graph.operators, graph.outputs = operators, [tensor]
    cut = copy.copy(model)
    cut.subgraphs = [graph, *model.subgraphs[1:]]
    cut.signatureDefs = cut.metadata = cut.archive = None
    buffers = {graph.tensors[index].buffer for index in needed if index >= 0}
    buffers.update(t.buffer for other in cut.subgraphs[1:] for t in other.tensors or ())
    cut.buffers = [
        buffer if number in buffers else flatbuffer.schema.BufferT()
        for number, buffer in enumerate(model.buffers)
    ]
    return cut
