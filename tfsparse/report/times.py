"""Times of the layers of a file, with its zeros and without."""

import dataclasses
import os
import tempfile

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model
from tfsparse.files import write_atomically
from tfsparse.inspection import delegate
from tfsparse.inspection.operators import constant_weights
from tfsparse.runtime import benchmark

# What a zero becomes in the dense twin: small enough that no activation overflows.
FILLER = 1e-3
# All that the delegate can run, so that every layer has a time.
EVERYTHING = {"auto": False}


@dataclasses.dataclass(frozen=True)
class Times:
    """Times of a file on this machine.

    Attributes:
        layers: Dictionary from (subgraph, name of the output) to a pair of seconds: with its zeros,
            and with every zero replaced by a small number, both run by tfsparse's delegate. Layers
            that the delegate does not run, or fuses into others, are left out.
        whole: A `benchmark.Result` of the file, against TFLite's default; or `None`.
        problem: The reason why there are no times, else empty.
    """

    layers: dict
    whole: benchmark.Result | None = None
    problem: str = ""


def measure(path, machine, seconds, shapes=None):
    """Measures the `Times` of a file.

    Args:
        path: A `.tflite` file.
        machine: A `benchmark.Machine`.
        seconds: Time to spend on the comparison with TFLite's default.
        shapes: Shapes of inputs with open dimensions, as for `tfsparse.explain`.
    """
    with tempfile.TemporaryDirectory() as folder:
        twin = os.path.join(folder, "dense.tflite")
        paths = [path, twin]
        try:
            write_dense_twin(path, twin)
        except ValueError:  # Metadata that forbids edits: the times as it is are still of use.
            paths.pop()
        answers = delegate.ask_in_turn(
            paths,
            num_threads=machine.num_threads,
            measure=True,
            runtime=machine.runtime,
            options=EVERYTHING,
            shapes=shapes,
        )
    if answers[0].problem:
        return Times({}, problem=answers[0].problem)
    sparse, *dense = (_seconds(answer) for answer in answers)
    dense = dense[0] if dense else {}
    layers = {key: (sparse[key], dense.get(key)) for key in sparse}
    try:
        return Times(layers, benchmark.measure(path, machine, seconds, shapes=shapes))
    except (RuntimeError, ValueError) as error:
        return Times(layers, problem=str(error))


def write_dense_twin(path, out):
    """Writes a file with all weights dense and none of them zero.

    Raises:
        ValueError: The file cannot be edited.
    """
    model = flatbuffer.read(path)
    densify_model(model)
    for graph in model.subgraphs:
        for index in constant_weights(model, graph).values():
            _fill(model, graph.tensors[index])
    write_atomically(out, *flatbuffer.pieces(model))


def _fill(model, tensor):
    values = flatbuffer.constant(model, tensor)
    if values is None or values.dtype.kind not in "fiu":
        return
    filler = FILLER if values.dtype.kind == "f" else 1
    filled = np.where(values == 0, np.asarray(filler, values.dtype), values)
    model.buffers[tensor.buffer].data = flatbuffer.buffer(filled).data


def _seconds(answer):
    return {
        (layer["subgraph"], layer["name"]): layer["seconds"]
        for layer in answer.layers.values()
        if layer["seconds"]
    }
