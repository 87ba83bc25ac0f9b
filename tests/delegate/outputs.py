"""Runs a model with the delegate and with TFLite's reference kernels, and compares."""

import numpy as np
from ai_edge_litert import interpreter as litert

import tfsparse

# Relative to the largest output. float32 sums differ by their order.
TOLERANCE = 1e-4

# The networks of tests are too small to time, so take everything supported.
ALWAYS = {"auto": False}


def random_inputs(interpreter, seed=0):
    random = np.random.default_rng(seed)
    details = sorted(interpreter.get_input_details(), key=lambda detail: detail["name"])
    return {d["name"]: _random_input(random, d["shape"], d["dtype"]) for d in details}


def _random_input(random, shape, dtype):
    if dtype == np.int8:
        return random.integers(-128, 128, shape, np.int8)
    return random.standard_normal(shape).astype(np.float32)


def invoke(interpreter, inputs):
    """Outputs by name."""
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]])
    interpreter.invoke()
    return {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


def reference_interpreter(path):
    """TFLite's reference kernels, or the default ones for operators without them (ELU)."""
    types = litert.OpResolverType
    for resolver in (types.BUILTIN_REF, types.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        try:
            return litert.Interpreter(str(path), experimental_op_resolver_type=resolver)
        except ValueError as e:
            error = e
    raise error


def runs_in_a_delegate(interpreter):
    """Whether a delegate runs operators of an interpreter without TFLite's default delegate."""
    return any(operator["op_name"] == "DELEGATE" for operator in interpreter._get_ops_details())


def resize(interpreter, shape):
    """Resizes every input to `shape`, unless it is `None`."""
    if shape is not None:
        for detail in interpreter.get_input_details():
            interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    return interpreter


def check_close(actual, expected):
    """Asserts that outputs by name are close to those expected, which must be finite and not 0."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        largest = np.abs(value).max()
        assert 0 < largest < np.inf, "the network's outputs prove nothing"
        atol = TOLERANCE * largest
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=atol, err_msg=name)


def check_outputs(path, *, threads=(1, 2), isa=None, shape=None):
    """Asserts that the delegate's outputs are the reference's, on two inputs in sequence."""
    reference = resize(reference_interpreter(path), shape)
    inputs = [random_inputs(reference, seed) for seed in (0, 1)]
    expected = [invoke(reference, given) for given in inputs]
    options = ALWAYS | ({"isa": isa} if isa else {})
    for count in threads:
        delegated = resize(tfsparse.Interpreter(path, num_threads=count, options=options), shape)
        for given, outputs in zip(inputs, expected, strict=True):
            check_close(invoke(delegated, given), outputs)


def explain(path, options=None, **kwargs):
    return tfsparse.explain(path, options=ALWAYS | (options or {}), **kwargs)


def left_to_tflite(path, **kwargs):
    """The operators that the delegate did not take."""
    return [layer.operator for layer in explain(path, **kwargs).layers if not layer.taken]
