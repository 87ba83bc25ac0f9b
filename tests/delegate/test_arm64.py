"""The delegate in the real LiteRT for arm64, emulated: outputs are those of x86 and of XNNPACK."""

import functools
import os

import keras
import numpy as np
import pytest

import tfsparse
from tests.delegate import arm64, cpp, networks
from tests.delegate.outputs import ALWAYS, TOLERANCE
from tests.downloads import mediapipe_model
from tfsparse.runtime.random_inputs import set_random_inputs

pytestmark = pytest.mark.download

# Each of MobileNetV3Small's 54 convolutions may round by one more unit of float16.
FLOAT16_TOLERANCE = 54 * 2**-11

# As small as they come: QEMU computes floats in software.
STOCK = {
    "MobileNetV2": functools.partial(keras.applications.MobileNetV2, alpha=0.35),
    "MobileNetV3Small": functools.partial(keras.applications.MobileNetV3Small, alpha=0.75),
}


@pytest.fixture(scope="module")
def delegate():
    try:
        arm64.root()
    except OSError as error:
        pytest.skip(str(error))
    return arm64.plugin(cpp.CrossBuild("aarch64"))  # that of the C++ tests


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    @functools.cache
    def convert(name):
        model = STOCK[name](
            input_shape=(64, 64, 3), weights=None, classes=10, classifier_activation=None
        )
        path = tmp_path_factory.mktemp("stock") / f"{name}.tflite"
        return tfsparse.convert(networks.randomize(model, 0.8), path)

    return convert


def on_x86(path):
    """Inputs and outputs of one inference with the delegate, by the index of their tensor."""
    interpreter = tfsparse.Interpreter(path, num_threads=1, runtime="litert", options=ALWAYS)
    interpreter.allocate_tensors()
    set_random_inputs([interpreter])
    interpreter.invoke()
    inputs, outputs = (
        {detail["index"]: interpreter.get_tensor(detail["index"]) for detail in details}
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    return inputs, outputs


def on_arm64(path, inputs, delegate, cpu=arm64.CPU, precision="fp32", kernels="neon"):
    """Outputs of the second of two inferences with the delegate, whose profile names `kernels`."""
    options = {"auto": "0", "profile": "1", "precision": precision}
    qemu = (arm64.QEMU, "-cpu", cpu)
    outputs, written = arm64.infer(path, inputs, delegate, options, runs=2, qemu=qemu)
    assert "tfsparse: the fastest of 2 run(s)" in written, "the delegate took nothing"
    assert "left to TFLite" not in written
    assert kernels in written
    return outputs


def assert_same(received, expected, tolerance=TOLERANCE):
    assert received.keys() == expected.keys()
    for index, value in expected.items():
        largest = np.abs(value).max()
        assert 0 < largest < np.inf, "a network whose outputs prove nothing"
        np.testing.assert_allclose(received[index], value, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("name", STOCK)
def test_outputs_are_those_of_x86_and_of_xnnpack(name, stock, delegate):
    inputs, expected = on_x86(stock(name))
    assert_same(on_arm64(stock(name), inputs, delegate), expected)
    xnnpack, _ = arm64.infer(stock(name), inputs)
    assert_same(xnnpack, expected)


def test_xnnpack_s_sparse_mode_is_not_entered_where_it_computes_wrongly(delegate, tmp_path):
    """Of the file without a PAD in two, LiteRT 2.3.0 was off by a quarter of the largest output."""
    network = networks.padded_stem(keras.layers.AveragePooling2D(2))
    path = tmp_path / "model.tflite"
    tfsparse.convert(networks.randomize(network, 0.9), path)
    inputs, expected = on_x86(path)
    xnnpack, _ = arm64.infer(path, inputs)
    assert_same(xnnpack, expected)
    assert_same(on_arm64(path, inputs, delegate), expected)


def test_runs_on_a_cpu_without_float16_arithmetic(stock, delegate):
    inputs, expected = on_x86(stock("MobileNetV2"))
    assert_same(on_arm64(stock("MobileNetV2"), inputs, delegate, "cortex-a72"), expected)


@pytest.mark.parametrize(
    ("cpu", "kernels", "tolerance"),
    [
        ("cortex-a76", "neon fp16", FLOAT16_TOLERANCE),
        ("cortex-a72", "there are no float16 kernels for this CPU", TOLERANCE),
    ],
)
def test_float16_where_the_cpu_has_it(cpu, kernels, tolerance, stock, delegate):
    path = stock("MobileNetV3Small")
    inputs, expected = on_x86(path)
    received = on_arm64(path, inputs, delegate, cpu, "fp16", kernels)
    assert_same(received, expected, tolerance)
    for index, value in expected.items():
        assert received[index].argmax() == value.argmax()


@pytest.mark.parametrize("name", ["face_detection_full_range_sparse", "pose_detection"])
def test_outputs_of_googles_sparse_models_are_those_of_x86(name, delegate):
    path = mediapipe_model(name)
    inputs, expected = on_x86(path)
    assert_same(on_arm64(path, inputs, delegate), expected)


def test_a_failure_says_what_the_runtime_said(delegate, tmp_path):
    model = tfsparse.convert(networks.one_convolution(), tmp_path / "model.tflite")
    with pytest.raises(RuntimeError, match="unknown option 'speed'"):
        arm64.infer(model, {}, delegate, {"speed": "1"})


def test_says_which_package_is_missing(monkeypatch):
    monkeypatch.setattr(arm64.shutil, "which", lambda program: None)
    with pytest.raises(OSError, match="it comes with qemu-user-static"):
        arm64.root()


def test_without_the_packages_says_what_apt_said_and_leaves_nothing(monkeypatch, tmp_path):
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'W: old' >&2\necho 'E: no network' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(arm64.shutil, "which", lambda program: program)
    with pytest.raises(OSError, match="arm64 packages could not be had: E: no network"):
        arm64.root()
    assert not list((tmp_path / "cache" / "tfsparse").iterdir())
