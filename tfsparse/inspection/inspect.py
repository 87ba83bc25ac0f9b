"""`tfsparse.inspect`: lists the tensors and operators of a TFLite file."""

import contextlib
import dataclasses
import os

from tfsparse import flatbuffer
from tfsparse.annotations import PathLike, Shapes
from tfsparse.inspection import delegate
from tfsparse.inspection.describe import describe_operators, describe_tensors, input_details
from tfsparse.inspection.operators import Support
from tfsparse.inspection.result import Inspection, Totals
from tfsparse.inspection.tensors import gzip_file_size
from tfsparse.runtime import input_shapes


def inspect(path: PathLike, *, num_threads: int = 1, shapes: Shapes | None = None) -> Inspection:
    """Lists the tensors and operators of a TFLite file, and their support in each runtime.

    For each tensor: shape, type, encoding, zeros and their structure, bytes in the file and
    gzipped. For each operator: its weights, its MACs, and the MACs with nonzero weights; whether
    tfsparse's delegate runs it sparse on this machine, as the delegate reports; whether
    XNNPACK, TFLite's default, does on ARM and on x86, by the conditions in its source; and the
    reasons.

    A file with open input sizes is run once, on random input, to find the shapes of its tensors.
    TensorFlow is not imported if ai-edge-litert is installed, and the constants of the file are
    mapped into memory, not copied.

    Args:
        path: A `.tflite` file.
        num_threads: Threads that the delegate plans for.
        shapes: Shapes of inputs with open dimensions: a dictionary from names of inputs to
            shapes, or the shape of the only input. By default 1 for the batch and 224 for height
            and width.

    Returns:
        An `Inspection`. It prints as a table; `to_json()` returns everything.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no TFLite file, it is damaged, or a shape does not fit.

    Example:

    >>> inspection = tfsparse.inspect("model.tflite")
    >>> print(inspection)
    >>> inspection.totals.sparsity
    0.8
    """
    path = os.fspath(path)
    model = flatbuffer.read(path)
    with _telling_damage(path):
        tensors = describe_tensors(model)
    details = input_details(model)
    shapes = input_shapes.by_name(shapes, details)
    sizes_are_open = any(-1 in detail["shape_signature"][1:] for detail in details)
    answer = delegate.ask(
        path, num_threads=num_threads, sizes=sizes_are_open or bool(shapes), shapes=shapes
    )
    tensors = [_sized(tensor, answer.sizes) for tensor in tensors]
    with _telling_damage(path):
        operators = describe_operators(model, tensors)
    for operator in operators:
        if operator.weights:
            operator.support["tfsparse"] = _support(operator, answer)
    return Inspection(
        path=path,
        tensors=tuple(tensors),
        operators=tuple(operators),
        totals=Totals.of(tensors, operators, os.path.getsize(path), gzip_file_size(path)),
        isa=answer.isa,
        delegate=answer.summary or f"tfsparse's delegate could not be asked: {answer.problem}",
        assumed_shapes=answer.assumed_shapes,
    )


@contextlib.contextmanager
def _telling_damage(path):
    try:
        yield
    except ValueError as error:
        raise ValueError(f"The TFLite file is damaged: {path} ({error})") from error


def _sized(tensor, sizes):
    """A tensor with its shape in a run, if there was one."""
    if tensor.subgraph or tensor.index not in sizes:
        return tensor
    return dataclasses.replace(tensor, shape=sizes[tensor.index], is_sized=True)


def _support(operator, answer):
    """The delegate's support of an operator."""
    layer = answer.layers.get((operator.subgraph, operator.index))
    if layer is None:
        return Support(None, answer.problem or "the runtime did not show it to the delegate")
    if not layer["taken"]:
        return Support(False, f"left to TFLite: {layer['reason']}")
    if not layer["planned"]:
        return Support(None, "planned when the model runs, which computes the layer's size")
    kernel = layer["kernel"] or "part of its neighbour"
    return Support(kernel.startswith("sparse"), kernel)
