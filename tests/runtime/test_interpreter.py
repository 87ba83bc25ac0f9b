"""What a user of the delegate from Python meets: loading, and damaged files."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

import tfsparse
from tests.delegate import networks
from tests.delegate.outputs import (
    ALWAYS,
    check_close,
    invoke,
    random_inputs,
    reference_interpreter,
    resize,
    runs_in_a_delegate,
)
from tfsparse import flatbuffer

NO_DEFAULT = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = networks.randomize(networks.mobile_net(), 0.8)
    return tfsparse.convert(model, tmp_path_factory.mktemp("runtime") / "model.tflite")


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_profile_is_printed_when_the_interpreter_ends(path):
    code = (
        "import tfsparse\n"
        "options = {'auto': False, 'profile': True}\n"
        f"interpreter = tfsparse.Interpreter({path!r}, options=options)\n"
        "interpreter.allocate_tensors(); interpreter.invoke()\n"
    )
    printed = run_python(code).stderr
    assert "the fastest of 1 run(s) of each step, 1 thread(s)" in printed
    assert re.search(r"\d us +[\d.]+ GFLOP/s  sparse \w+ .* CONV_2D ", printed)
    assert "us in all" in printed


def test_runs_without_keras_and_tensorflow(path):
    """A program that only runs models pays for nothing else."""
    code = (
        "import sys, tfsparse\n"
        f"interpreter = tfsparse.Interpreter({path!r}, runtime='litert')\n"
        "interpreter.allocate_tensors(); interpreter.invoke()\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])\n"
    )
    assert run_python(code).stdout.strip() == "[]"


def test_two_interpreters_of_one_delegate(path):
    """They take turns, each on inputs of its own."""
    delegate = tfsparse.load_delegate(**ALWAYS)
    options = {"experimental_delegates": [delegate], "experimental_op_resolver_type": NO_DEFAULT}
    interpreters = [litert.Interpreter(path, **options) for _ in range(2)]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
        assert runs_in_a_delegate(interpreter)
    reference = resize(reference_interpreter(path), None)
    for seed in range(2):
        for number, interpreter in enumerate(interpreters):
            inputs = random_inputs(reference, seed=2 * number + seed)
            check_close(invoke(interpreter, inputs), invoke(reference, inputs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 2}, "unknown option 'threads'"),
        ({"num_threads": -1}, "option num_threads: expected a number from 0"),
        ({"isa": "mmx"}, "option isa: expected an instruction set"),
        ({"precision": "int8"}, "option precision: expected fp16 or fp32, received 'int8'"),
        ({"auto": "yes"}, "option auto: expected 0 or 1"),
        ({"profile": "yes"}, "option profile: expected 0 or 1"),
    ],
)
def test_wrong_option(options, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.load_delegate(**options)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"no_input": (1, 8)}, "the model has no tensor 'no_input'"),
        ((1, 8), "expected 4 sizes for input '.*', received 2"),
    ],
)
def test_wrong_input_shapes_are_refused_when_the_model_is_known(path, shapes, message):
    delegate = tfsparse.load_delegate(runtime="litert", input_shapes=shapes)
    with pytest.raises(RuntimeError, match=message):
        litert.Interpreter(path, experimental_delegates=[delegate])


def test_wrong_runtime():
    with pytest.raises(ValueError, match="Expected runtime to be one of"):
        tfsparse.load_delegate(runtime="onnx")


def test_missing_file():
    with pytest.raises(FileNotFoundError, match="no-such-model"):
        tfsparse.Interpreter("no-such-model.tflite")


@pytest.mark.parametrize("runtime", ["litert", "tf"])
@pytest.mark.parametrize("fraction", [0, 0.001, 0.3, 0.9, 0.9999])
def test_truncated_file(path, tmp_path, fraction, runtime):
    data = Path(path).read_bytes()
    damaged = tmp_path / "model.tflite"
    damaged.write_bytes(data[: int(fraction * len(data))])
    with pytest.raises(ValueError, match="Expected a valid TFLite model"):
        tfsparse.Interpreter(damaged, runtime=runtime)


def test_a_wrong_number_of_threads_is_no_fault_of_the_file(path):
    with pytest.raises(ValueError, match="Expected num_threads to be a positive int"):
        tfsparse.Interpreter(path, num_threads=0)


def test_an_argument_that_the_runtime_refuses_is_no_fault_of_the_file(path):
    with pytest.raises(ValueError, match=r"^Unrecognized passed in op resolver type"):
        tfsparse.Interpreter(path, experimental_op_resolver_type="none")


def index_beyond_the_dimension(tensor, metadata):
    indices = metadata[-1].arrayIndices
    indices.values = np.full_like(indices.values, 255)


def segments_beyond_the_indices(tensor, metadata):
    segments = metadata[-1].arraySegments
    segments.values = np.array(segments.values)
    segments.values[1:] = np.iinfo(segments.values.dtype).max


def segments_that_decrease(tensor, metadata):
    segments = metadata[-1].arraySegments
    segments.values = np.array(segments.values)[::-1]


def fewer_segments(tensor, metadata):
    metadata[-1].arraySegments.values = np.array(metadata[-1].arraySegments.values)[:-1]


def dimension_twice_in_the_order(tensor, metadata):
    tensor.sparsity.traversalOrder = [0, 0, *range(2, len(metadata))]


def huge_dimension(tensor, metadata):
    metadata[0].denseSize = 10**6


def missing_level(tensor, metadata):
    del metadata[-1]


def block_of_no_dimension(tensor, metadata):
    tensor.sparsity.blockMap = [9]


@pytest.mark.parametrize(
    "lie",
    [
        index_beyond_the_dimension,
        segments_beyond_the_indices,
        segments_that_decrease,
        fewer_segments,
        dimension_twice_in_the_order,
        huge_dimension,
        missing_level,
        block_of_no_dimension,
    ],
)
def test_sparsity_metadata_that_lies(path, tmp_path, lie):
    """TFLite itself would read out of bounds: the delegate refuses the model, with the reason."""
    model = flatbuffer.read(path)
    tensor = next(t for t in model.subgraphs[0].tensors if t.sparsity is not None)
    lie(tensor, tensor.sparsity.dimMetadata)
    damaged = tmp_path / "model.tflite"
    damaged.write_bytes(flatbuffer.serialize(model))
    with pytest.raises(ValueError, match=r"tfsparse: tensor '.*': sparsity metadata: "):
        tfsparse.Interpreter(damaged)


def test_threads_can_be_given_as_the_second_argument(path):
    with pytest.raises(ValueError, match=r"Expected num_threads to be a positive int.*0"):
        tfsparse.Interpreter(path, 0)
    tfsparse.Interpreter(path, 2).allocate_tensors()
