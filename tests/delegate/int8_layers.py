"""Compares every operator of an int8 graph with TFLite's reference kernel on the same inputs.

An output may differ by one code from TFLite's. A later operator can make more of that difference,
so outputs of whole graphs cannot be compared. Instead the delegate runs the graph with every tensor
as an output, and TFLite runs each operator by itself on the tensors that the delegate computed.
"""

import copy

import numpy as np
from ai_edge_litert import interpreter as litert

from tests.delegate.outputs import random_inputs
from tests.delegate.runs import compare, resolver, run, run_on, write
from tfsparse import flatbuffer
from tfsparse.flatbuffer import schema
from tfsparse.runtime.interpreter import open_reporting


def check_layers(model, folder, *, isa=None, threads=1, growth=()):
    """Asserts that every operator computes what TFLite's does. Returns the delegate's report.

    Fusion must change nothing: the outputs of the graph as it is are the same to the bit.

    Args:
        model: `ModelT` with int8 or float32 inputs.
        folder: Where the graphs are written.
        isa: The delegate's option.
        threads: Number of threads.
        growth: By how much the dimensions of the inputs grow for a second inference.
    """
    kernels = resolver(model)

    def delegated(graph, name):
        return open_reporting(
            write(graph, folder / f"{name}.tflite"),
            num_threads=threads,
            runtime="litert",
            options={"isa": isa, "auto": False},
            experimental_op_resolver_type=kernels,
        )

    layers, delegate = delegated(_with_all_outputs(model), "layers")
    fused, _ = delegated(model, "fused")
    parts, sources = _cut(model)
    reference = _reference(parts, folder / "parts.tflite")
    exact = _without_float_operators(model)
    for change in ([], growth, []) if growth else ([],):
        actual = run(layers, model, change)
        # Larger inputs can make a taken operator unsupported.
        assert change or actual is not None, "a graph that the delegate refuses"
        if actual is None:
            continue
        known = random_inputs(layers) | actual
        expected = run_on(reference, {name: known[source] for name, source in sources.items()})
        assert change or expected is not None, "a graph that TFLite itself refuses"
        if expected is not None:
            compare(actual, expected)
        for name, value in run(fused, model, change).items():
            if name in exact:
                np.testing.assert_array_equal(value, actual[name], err_msg=f"{name}, fused")
    return delegate.report()["nodes"]


def computed_values(model, folder):
    """The values of all tensors of a float graph by name, on random inputs."""
    reference = _reference(_with_all_outputs(model), folder / "float.tflite")
    outputs = run(reference, model, [])
    return random_inputs(reference) | outputs


def stored_constants(model):
    """The constant behind each output of a DENSIFY or DEQUANTIZE that prepares one."""
    (graph,) = model.subgraphs
    stored = {}
    for operator in graph.operators:
        source = stored.get(operator.inputs[0], operator.inputs[0])
        prepares = flatbuffer.operator_name(model, operator) in ("DENSIFY", "DEQUANTIZE")
        if prepares and flatbuffer.is_constant(model, graph.tensors[source]):
            stored[operator.outputs[0]] = source
    return stored


def _reference(model, path):
    write(model, path)
    return litert.Interpreter(str(path), experimental_op_resolver_type=resolver(model))


def _computed(model):
    """The tensors that operators compute."""
    stored = stored_constants(model)
    return [t for o in model.subgraphs[0].operators for t in o.outputs if t not in stored]


def _with_all_outputs(model):
    """The graph with every computed tensor as an output."""
    shown = copy.deepcopy(model)
    shown.subgraphs[0].outputs = _computed(model)
    return shown


def _cut(model):
    """The operators of a graph, with an input each for what they read of each other.

    Returns:
        The graph, and for the name of each of its inputs the name of the tensor.
    """
    parts = copy.deepcopy(model)
    (graph,) = parts.subgraphs
    cuts = {*graph.inputs, *_computed(model)}
    graph.inputs, sources = [], {}
    for number, operator in enumerate(graph.operators):
        inputs = list(operator.inputs)
        for i, tensor in enumerate(inputs):
            if tensor not in cuts:
                continue
            inputs[i] = len(graph.tensors)
            part = copy.deepcopy(graph.tensors[tensor])
            part.name = f"{part.name.decode()} of {number}, {i}".encode()
            sources[part.name.decode()] = graph.tensors[tensor].name.decode()
            graph.inputs.append(inputs[i])
            graph.tensors.append(part)
        operator.inputs = inputs
    graph.outputs = _computed(model)
    return parts, sources


def _without_float_operators(model):
    """The names of the tensors that no float operator affects, except conversions."""
    (graph,) = model.subgraphs
    exact, computed = set(graph.inputs), set(_computed(model))
    for operator in graph.operators:
        converts = flatbuffer.operator_name(model, operator) in ("QUANTIZE", "DEQUANTIZE")
        is_int8 = graph.tensors[operator.outputs[0]].type == schema.TensorType.INT8
        read = computed.intersection(operator.inputs)
        if (converts or is_int8) and exact.issuperset(read):
            exact.update(operator.outputs)
    return {graph.tensors[tensor].name.decode() for tensor in exact}
