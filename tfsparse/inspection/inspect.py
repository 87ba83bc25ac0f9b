"""`tfsparse.inspect`: what is inside a TFLite file."""

import os

from tfsparse import flatbuffer
from tfsparse.inspection import delegate
from tfsparse.inspection.describe import describe_operators, describe_tensors
from tfsparse.inspection.operators import Verdict
from tfsparse.inspection.result import Inspection, Totals
from tfsparse.inspection.tensors import gzip_file_size


def inspect(path, *, num_threads=1):
    """Tells what is inside a TFLite file, and what runtimes make of it.

    Per tensor: shape, type, encoding, zeros and their structure, bytes in the file and gzipped. Per
    operator: its weights, its multiply-adds and how many of them are not with a zero; whether
    tfsparse's delegate runs it sparse on this machine, which the delegate is asked itself; whether
    XNNPACK, TFLite's default, does so on ARM and on x86, by the rules of its source; and why not.

    Sizes that the file leaves open count as 1. TensorFlow is not imported where ai-edge-litert is
    installed, and the constants of the file are mapped into memory, not copied.

    Args:
        path: A `.tflite` file.
        num_threads: Threads that the delegate plans for.

    Returns:
        An `Inspection`. It prints as a table, and its `to_json()` has everything.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no TFLite file, or it is damaged.

    Example:

    >>> inspection = tfsparse.inspect("model.tflite")
    >>> print(inspection)
    >>> inspection.totals.sparsity
    0.8
    """
    path = os.fspath(path)
    model = flatbuffer.read(path)
    try:
        tensors = describe_tensors(model)
        operators = describe_operators(model, tensors)
    except ValueError as error:
        raise ValueError(f"The TFLite file is damaged: {path} ({error})") from error
    answer = delegate.ask(path, num_threads)
    for operator in operators:
        if operator.weights:
            operator.verdicts["tfsparse"] = _verdict(operator, answer)
    return Inspection(
        path=path,
        tensors=tuple(tensors),
        operators=tuple(operators),
        totals=Totals.of(tensors, operators, os.path.getsize(path), gzip_file_size(path)),
        isa=answer.isa,
        delegate=answer.summary or f"tfsparse's delegate could not be asked: {answer.problem}",
    )


def _verdict(operator, answer):
    """What the delegate said of an operator."""
    layer = answer.layers.get((operator.subgraph, operator.index))
    if layer is None:
        return Verdict(None, answer.problem or "the runtime did not show it to the delegate")
    if not layer["taken"]:
        return Verdict(False, f"left to TFLite: {layer['reason']}")
    kernel = layer["kernel"] or "part of its neighbour"
    return Verdict(kernel.startswith("sparse"), kernel)
