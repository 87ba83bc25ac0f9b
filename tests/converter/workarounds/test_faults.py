"""The faults that the converter works around are there still, in the runtimes that are installed.

One that fails here is good news: remove the entry of `FAULTS`, and the workaround with it.
"""

import keras
import numpy as np
import pytest

import tfsparse
from tests.converter.single_op import pruned, quantized_op, run, single_op
from tests.delegate import arm64, networks
from tfsparse import flatbuffer
from tfsparse.converter.sparsify import sparsify
from tfsparse.converter.workarounds import FAULTS
from tfsparse.flatbuffer.encoding import encode
from tfsparse.runtime.runtimes import import_runtime, runtime_version


def dense_layer_of_int8():
    return quantized_op(pruned((64, 100), 0.8, np.int8))


def int8_weights_on_floats():
    model = quantized_op(pruned((64, 1, 1, 100), 0.9, np.int8))
    image, _, bias, output = model.subgraphs[0].tensors
    for tensor in (image, bias, output):
        tensor.type, tensor.quantization = flatbuffer.schema.TensorType.FLOAT32, None
    model.buffers[2] = flatbuffer.buffer(np.arange(64, dtype=np.float32))
    return model


def float16_weights_beside_a_float32_bias():
    model = single_op(pruned((64, 64), 0.8, np.float16))
    graph = model.subgraphs[0]
    model.buffers.append(flatbuffer.buffer(np.arange(64, dtype=np.float32)))
    graph.tensors[5].buffer = 3
    del graph.operators[1]  # the DEQUANTIZE of the bias
    return model


MODELS = {
    "int8_dense": dense_layer_of_int8,
    "int8_on_floats": int8_weights_on_floats,
    "float16_bias": float16_weights_beside_a_float32_bias,
}


def densified(model):
    """The bytes of a model with its weights behind a DENSIFY, whatever comes of it."""
    graph = model.subgraphs[0]
    encoding = encode(flatbuffer.constant(model, graph.tensors[1]))
    flatbuffer.replace_by_densify(model, graph, 1, encoding, 0)
    return flatbuffer.serialize(model)


def is_wrong(interpreter, dense, sparse):
    expected = run(interpreter(model_content=dense))
    try:
        received = run(interpreter(model_content=sparse))
    except RuntimeError:
        return True
    return not all(map(np.array_equal, received, expected))


def gone(name, version):
    fault = FAULTS[name]
    return f"{version} no longer {fault.what}: what can go is that {fault.workaround}"


def test_each_fault_is_shown_here():
    assert set(FAULTS) == {*MODELS, "sparse_mode"}


@pytest.mark.parametrize(
    ("name", "runtime"), [(name, runtime) for name in MODELS for runtime in FAULTS[name].versions]
)
def test_the_fault_is_there(name, runtime):
    dense, sparse = flatbuffer.serialize(MODELS[name]()), densified(MODELS[name]())
    interpreter = import_runtime(runtime).Interpreter
    assert is_wrong(interpreter, dense, sparse), gone(name, runtime_version(runtime))


@pytest.mark.download
def test_the_sparse_mode_on_arm_is_wrong(tmp_path):
    try:
        arm64.root()
    except OSError as error:
        pytest.skip(str(error))
    model = networks.randomize(networks.padded_stem(keras.layers.AveragePooling2D(2)), 0.9)
    dense = tfsparse.convert(model, tmp_path / "dense.tflite", encoding="none")
    sparse = tmp_path / "sparse.tflite"
    model = flatbuffer.read(dense)
    assert sparsify(model), "and its PAD stays whole"
    sparse.write_bytes(flatbuffer.serialize(model))
    (detail,) = tfsparse.Interpreter(dense, runtime="litert").get_input_details()
    inputs = {detail["index"]: np.random.default_rng(0).random(detail["shape"], np.float32)}
    (expected,), (received,) = (arm64.infer(path, inputs)[0].values() for path in (dense, sparse))
    difference = np.abs(received - expected).max()
    assert difference > 0.1 * np.abs(expected).max(), gone("sparse_mode", arm64.WHEELS[0])
