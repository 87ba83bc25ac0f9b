"""Runs graphs of any input size in any interpreter, and compares outputs."""

import hypothesis
import numpy as np
from ai_edge_litert import interpreter as litert

from tests.delegate.outputs import TOLERANCE, invoke, random_inputs
from tfsparse import flatbuffer

INT8 = flatbuffer.schema.TensorType.INT8


def operators(model, name):
    return [o for o in model.subgraphs[0].operators if flatbuffer.operator_name(model, o) == name]


def resolver(model):
    """The reference kernels, or TFLite's optimised ones for operators without a right reference."""
    types = litert.OpResolverType
    tensors = model.subgraphs[0].tensors
    # The reference kernel of an int8 SUM adds up in int8.
    int8_sums = [o for o in operators(model, "SUM") if tensors[o.outputs[0]].type == INT8]
    if not operators(model, "ELU") and not int8_sums:
        return types.BUILTIN_REF
    # There, TFLite crashes on a depthwise convolution without a bias.
    if any(len(o.inputs) < 3 for o in operators(model, "DEPTHWISE_CONV_2D")):
        hypothesis.reject()
    return types.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def write(model, path):
    path.write_bytes(flatbuffer.serialize(model))
    return path


def run(interpreter, model, growth):
    """Outputs by name, for inputs larger by `growth`; `None` if the runtime refuses."""
    graph = model.subgraphs[0]
    for index in graph.inputs:
        shape = graph.tensors[index].shape
        grown = [size + more for size, more in zip(shape, growth, strict=False)]
        interpreter.resize_tensor_input(index, [*grown, *shape[len(grown) :]])
    return _invoke(interpreter, lambda: random_inputs(interpreter))


def run_on(interpreter, inputs):
    """Outputs by name, for inputs of any size by name; `None` if the runtime refuses."""
    for detail in interpreter.get_input_details():
        interpreter.resize_tensor_input(detail["index"], inputs[detail["name"]].shape)
    return _invoke(interpreter, lambda: inputs)


def _invoke(interpreter, inputs):
    try:
        interpreter.allocate_tensors()
        return invoke(interpreter, inputs())
    except RuntimeError:
        return None


def compare(actual, expected):
    """Asserts that int8 outputs by name differ by one at most, and float ones by rounding.

    Infinities are compared: the small constant that keeps RSQRT finite can be rounded away in int8.
    Graphs with NaN are rejected: what kernels make of it differs.
    """
    assert actual.keys() == expected.keys()
    if any(np.isnan(value).any() for value in expected.values()):
        hypothesis.reject()
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        if value.dtype == np.int8:
            given, tolerance = actual[name].astype(int), 1
        else:
            # The graphs are made so that values are near 1.
            largest = np.abs(value[np.isfinite(value)]).max(initial=1.0)
            given, tolerance = actual[name], TOLERANCE * largest
        np.testing.assert_allclose(given, value, rtol=0, atol=tolerance, err_msg=name)
