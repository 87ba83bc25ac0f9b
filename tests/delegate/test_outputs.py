"""The delegate's outputs are those of TFLite's reference kernels."""

import functools
import itertools

import keras
import pytest

import tfsparse
from tests.delegate import networks
from tests.delegate.outputs import (
    ALWAYS,
    check_close,
    check_outputs,
    explain,
    invoke,
    left_to_tflite,
    random_inputs,
    reference_interpreter,
    resize,
    runs_in_a_delegate,
)
from tfsparse import _native
from tfsparse.runtime.runtimes import RUNTIMES, import_runtime

NETWORKS = {
    "mobilenet_v2_like": networks.mobile_net,
    "mobilenet_v3_like": functools.partial(
        networks.mobile_net, activation="hard_swish", gate=True, kernel=5
    ),
    "efficientnet_like": functools.partial(networks.mobile_net, activation="silu", gate=True),
    "odd_size": functools.partial(networks.mobile_net, size=37),
    "around_unknown_operators": networks.around_unknown_operators,
    "large_images": networks.large_images,
    "arithmetic": networks.arithmetic,
    "several_outputs": networks.several_outputs,
    "activations": networks.activations,
    "sounds": networks.sounds,
}
WHOLE = [name for name in NETWORKS if name != "around_unknown_operators"]


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """Converts a network once for each set of options."""
    folder = tmp_path_factory.mktemp("networks")

    @functools.cache
    def convert(name, sparsity, **options):
        model = networks.randomize(NETWORKS[name](), sparsity)
        path = folder / f"{name}-{sparsity}-{'-'.join(map(str, options.values()))}.tflite"
        return tfsparse.convert(model, path, **options)

    return convert


@pytest.mark.parametrize("sparsity", [0.0, 0.8])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(convert, name, sparsity):
    check_outputs(convert(name, sparsity))


@pytest.mark.parametrize("name", WHOLE)
def test_takes_the_whole_network(convert, name):
    assert left_to_tflite(convert(name, 0.8)) == []


def test_leaves_and_reports_unsupported_operators(convert):
    explanation = explain(convert("around_unknown_operators", 0.8))
    left = {layer.operator: layer.reason for layer in explanation.layers if not layer.taken}
    assert set(left) == {"SIN", "COS"}
    assert set(left.values()) == {"operator is not supported"}
    assert len(explanation.parts) >= 2


@pytest.mark.parametrize("block", [2, 4])
def test_blocks_of_output_channels(tmp_path, block):
    model = networks.randomize(networks.mobile_net(), 0.7, block=block)
    path = tfsparse.convert(model, tmp_path / "model.tflite")
    check_outputs(path)
    kernels = [layer.kernel for layer in explain(path).layers]
    assert sum(f"blocks of {block}" in kernel for kernel in kernels) >= 8


def test_large_tensors_stay_in_the_cache(convert):
    kernels = [layer.kernel for layer in explain(convert("large_images", 0.8)).layers]
    assert sum("in row tiles" in kernel for kernel in kernels) >= 5


@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
def test_instruction_set(convert, isa):
    if isa not in _native.isas():
        pytest.skip(f"this CPU has no {isa}")
    check_outputs(convert("mobilenet_v3_like", 0.8), isa=isa)


@pytest.mark.parametrize("options", [{"encoding": "none"}, {"weights": "float16"}])
def test_encodings_of_the_weights(convert, options):
    path = convert("mobilenet_v2_like", 0.8, **options)
    check_outputs(path)
    assert left_to_tflite(path) == []
    sparse = [layer for layer in explain(path).layers if layer.kernel.startswith("sparse")]
    assert len(sparse) >= 7  # found by counting zeros, whatever the encoding


@pytest.mark.parametrize("isa", ["avx512", "avx2", "portable"])
def test_dense_classifier_of_float16(convert, isa):
    """Read as float16 if the CPU widens it in one instruction, otherwise widened when packed."""
    if isa not in _native.isas():
        pytest.skip(f"this CPU has no {isa}")
    path = convert("mobilenet_v2_like", 0.0, weights="float16")
    check_outputs(path, isa=isa)
    layers = explain(path, options={"isa": isa}).layers
    kernels = [layer.kernel for layer in layers if layer.operator == "FULLY_CONNECTED"]
    assert kernels == ["dense rows" if isa == "portable" else "dense float16 rows"]


def test_batch(convert):
    check_outputs(convert("mobilenet_v2_like", 0.8, batch_size=3))


@pytest.mark.parametrize("name", ["mobilenet_v2_like", "efficientnet_like"])
def test_open_batch_dimension_is_resized(convert, name):
    path = convert(name, 0.8, batch_size=None)
    assert left_to_tflite(path) == []
    check_outputs(path, shape=(2, 24, 24, 3))


def test_resized_again_and_again(convert):
    path = convert("mobilenet_v2_like", 0.8, batch_size=None)
    delegated = tfsparse.Interpreter(path, options=ALWAYS)
    for batch in (1, 3, 2):
        resize(delegated, (batch, 24, 24, 3)).invoke()
        output = delegated.get_output_details()[0]["index"]
        assert delegated.get_tensor(output).shape == (batch, 10)


WINDOWS = [
    {"kernel": kernel, "strides": strides, "padding": padding}
    for kernel, strides, padding in itertools.product([1, 2, 3, 5], [1, 2], ["same", "valid"])
]
UNUSUAL_WINDOWS = [
    {"dilation": 2},
    {"dilation": 3, "kernel": 5, "padding": "valid", "size": 17},
    {"pad": ((1, 0), (0, 2)), "strides": 2, "padding": "valid"},
    {"pad": 2, "padding": "same"},
    {"pad": 4, "kernel": 3, "padding": "valid"},
    {"kernel": (1, 3)},
    {"kernel": (5, 1), "strides": 2},
    {"kernel": 7},
    {"size": 1},
    {"size": 2, "kernel": 5},
    {"strides": 3, "size": 16},
]


@pytest.mark.parametrize("sparsity", [0.0, 0.7])
@pytest.mark.parametrize("kind", [networks.one_convolution, networks.one_depthwise])
def test_windows(tmp_path, kind, sparsity):
    models = [
        networks.randomize(kind(**options), sparsity) for options in WINDOWS + UNUSUAL_WINDOWS
    ]
    path = tfsparse.convert(networks.side_by_side(models), tmp_path / "model.tflite")
    check_outputs(path, threads=[1])


def test_padding_with_several_readers(tmp_path):
    inputs = networks.image(8, 4)
    padded = keras.layers.ZeroPadding2D(1)(keras.layers.Conv2D(4, 1)(inputs))
    x = keras.layers.DepthwiseConv2D(3)(padded)
    model = keras.Model(inputs, [keras.layers.Conv2D(4, 3)(padded) + x, padded])
    path = tfsparse.convert(networks.randomize(model), tmp_path / "model.tflite")
    check_outputs(path)


@pytest.mark.parametrize("network", ["MobileNet", "MobileNetV2", "MobileNetV3Small"])
def test_stock_network_converted_by_tflite_itself(tmp_path, network):
    """Open dimensions and their shape arithmetic."""
    import tensorflow as tf

    from tfsparse.capture import captured_output

    model = getattr(keras.applications, network)(
        weights=None, alpha=0.35 if "V3" not in network else 0.75, classes=10
    )
    networks.randomize(model, 0.8)
    with captured_output():
        model.export(tmp_path / "model")  # what TensorFlow 2.16 converts straight away aborts
        data = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model")).convert()
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    assert left_to_tflite(path) == []
    check_outputs(path, shape=(2, 96, 96, 3) if "V3" in network else None)


def no_default(module):
    """A runtime's operators without XNNPACK, so that any delegate is tfsparse's."""
    types = getattr(module, "OpResolverType", None) or module.experimental.OpResolverType
    return types.BUILTIN_WITHOUT_DEFAULT_DELEGATES


@pytest.mark.parametrize("loaded_by", RUNTIMES)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_delegate_loaded_by_either_runtime_runs_in_both(convert, runtime, loaded_by):
    path = convert("mobilenet_v2_like", 0.8)
    module = import_runtime(runtime)
    interpreter = module.Interpreter(
        path,
        experimental_delegates=[tfsparse.load_delegate(runtime=loaded_by, **ALWAYS)],
        experimental_op_resolver_type=no_default(module),
    )
    interpreter.allocate_tensors()
    assert runs_in_a_delegate(interpreter)
    reference = resize(reference_interpreter(path), None)
    inputs = random_inputs(reference)
    check_close(invoke(interpreter, inputs), invoke(reference, inputs))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_interpreter_of_either_runtime(convert, runtime):
    path = convert("mobilenet_v2_like", 0.8)
    module = import_runtime(runtime)
    interpreter = tfsparse.Interpreter(
        path, runtime=runtime, options=ALWAYS, experimental_op_resolver_type=no_default(module)
    )
    assert isinstance(interpreter, module.Interpreter)
    interpreter.allocate_tensors()
    assert runs_in_a_delegate(interpreter)
    reference = resize(reference_interpreter(path), None)
    inputs = random_inputs(reference)
    check_close(invoke(interpreter, inputs), invoke(reference, inputs))
