"""The libraries and the AAR of `make android`, run by Android's own TFLite.

In one file, so that one process builds them for all tests.
"""

import functools
import os
import re
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsparse
from delegate.packaging.android import aar, build, toolchain
from tests.delegate import arm64, networks
from tests.delegate.android import tflite
from tests.delegate.cpp import run
from tests.delegate.outputs import invoke, random_inputs, reference_interpreter, resize
from tests.delegate.test_cpp import EXPORTS

ABIS = {abi.name: abi for abi in toolchain.ABIS}
JAVA = [
    *(f"Java_com_tfsparse_PackedModel_{name}" for name in ("decode", "size")),
    *(f"Java_com_tfsparse_SparseDelegate_{name}" for name in ("create", "createTuned", "delete")),
]


@functools.cache
def built(name):
    return build.library(ABIS[name])


@pytest.fixture(scope="module", params=ABIS)
def library(request):
    try:
        return built(request.param)
    except OSError as error:
        pytest.skip(str(error))


def symbols(library, kind):
    """Names in the dynamic symbol table: `kind` is --defined-only or --undefined-only."""
    lines = run("nm", "--dynamic", kind, str(library)).splitlines()
    return sorted(line.split()[-1].split("@")[0] for line in lines)


def test_is_small(library):
    # What an app grows by: arm64's library has 700 kB, 150 kB of them for int8 kernels with dot
    # products and without.
    assert library.stat().st_size < 720_000


def test_needs_only_android_s_c_libraries(library):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", str(library)))
    assert sorted(needed) == ["libc.so", "libm.so"]


def test_calls_only_listed_functions(library):
    listed = {*toolchain.symbols("libc"), *toolchain.symbols("libm")}
    assert set(symbols(library, "--undefined-only")) <= listed


def test_exports_only_its_interfaces(library):
    assert symbols(library, "--defined-only") == JAVA + EXPORTS


def test_has_no_thread_local_data_and_pages_of_16_kb(library):
    headers = run("readelf", "-lW", str(library))
    alignments = [int(line.split()[-1], 16) for line in headers.splitlines() if " LOAD " in line]
    assert min(alignments) >= 1 << 14
    assert " TLS " not in headers


@pytest.mark.skipif(shutil.which("javac") is None, reason="apt-get install default-jdk-headless")
def test_the_archive_is_reproducible_and_has_what_android_studio_expects(tmp_path):
    library = tmp_path / build.NAME
    library.write_bytes(b"a library")
    for name in ("a.aar", "b.aar"):
        aar.write(tmp_path / name, {"arm64-v8a": library, "x86_64": library})
    assert (tmp_path / "a.aar").read_bytes() == (tmp_path / "b.aar").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.aar") as archive:
        assert archive.namelist() == [
            "AndroidManifest.xml",
            "R.txt",
            "classes.jar",
            "headers/tfsparse_delegate.h",
            f"jni/arm64-v8a/{build.NAME}",
            f"jni/x86_64/{build.NAME}",
            "proguard.txt",
        ]
        archive.extract("classes.jar", tmp_path)
    with zipfile.ZipFile(tmp_path / "classes.jar") as classes:
        assert classes.namelist() == [
            "com/tfsparse/PackedModel.class",
            "com/tfsparse/SparseDelegate$Host.class",
            "com/tfsparse/SparseDelegate$Options.class",
            "com/tfsparse/SparseDelegate$Session.class",
            "com/tfsparse/SparseDelegate$Tuning.class",
            "com/tfsparse/SparseDelegate.class",
        ]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("android") / "model.tflite"
    return tfsparse.convert(networks.randomize(networks.mobile_net(), 0.8), path)


@pytest.fixture(scope="module", params=ABIS)
def host(request):
    abi = ABIS[request.param]
    try:
        return tflite.Host(abi, loader(abi), built(abi.name))
    except OSError as error:
        pytest.skip(str(error))


def loader(abi):
    """Path of musl, as Debian has it."""
    name = f"ld-musl-{abi.machine}.so.1"
    path = arm64.root() / "lib" / name if abi.machine == "aarch64" else Path("/lib", name)
    if not path.exists():
        pytest.skip(f"no {path}: apt-get install musl")
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_outputs_are_litert_s_and_every_operator_is_taken(host, model, threads, tmp_path):
    reference = resize(reference_interpreter(model), None)
    inputs = random_inputs(reference)
    (expected,) = invoke(reference, inputs).values()
    (image,) = inputs.values()
    output, steps = host.infer(model, image, tmp_path, threads)
    np.testing.assert_allclose(output.reshape(expected.shape), expected, rtol=0, atol=1e-6)
    assert f"{min(threads, len(os.sched_getaffinity(0)))} thread(s)" in steps
    assert len(re.findall(r"sparse \S+ .*CONV_2D", steps)) > 5
    assert "left to TFLite" not in steps


def test_tuning_is_followed(host, model, tmp_path):
    reference = resize(reference_interpreter(model), None)
    inputs = random_inputs(reference)
    (expected,) = invoke(reference, inputs).values()
    (image,) = inputs.values()
    for done in ("measured", "followed"):
        output, told = host.infer(model, image, tmp_path, delegate=f"tuned:{tmp_path / 'cache'}")
        np.testing.assert_allclose(output.reshape(expected.shape), expected, rtol=0, atol=1e-6)
        assert f"{done}, saved; 1 part(s)" in told


@pytest.mark.parametrize("host", ["arm64-v8a"], indirect=True)
@pytest.mark.parametrize(
    ("cpu", "kernels", "tolerance"),
    [
        ("cortex-a76", "neon fp16", 0.03),
        ("cortex-a72", "there are no float16 kernels for this CPU", 1e-4),
    ],
)
def test_float16_where_the_processor_has_it(host, model, cpu, kernels, tolerance, tmp_path):
    reference = resize(reference_interpreter(model), None)
    inputs = random_inputs(reference)
    (expected,) = invoke(reference, inputs).values()
    (image,) = inputs.values()
    output, steps = host.infer(model, image, tmp_path, delegate="fp16", cpu=cpu)
    assert kernels in steps
    difference = np.abs(output.reshape(expected.shape) - expected).max()
    assert difference < tolerance * np.abs(expected).max()


# On x86-64, XNNPACK of that version crashes on int8 files, also from TensorFlow's converter.
@pytest.mark.parametrize("host", ["arm64-v8a"], indirect=True)
@pytest.mark.usefixtures("calibrate_here")
@pytest.mark.parametrize(
    ("weights", "tolerance"), [("float32", 1e-6), ("float16", 1e-6), ("int8", 2 / 255)]
)
def test_its_xnnpack_runs_what_convert_writes(host, weights, tolerance, tmp_path):
    depthwise = keras.layers.DepthwiseConv2D(3, padding="same")
    stem = networks.padded_stem(depthwise)
    outputs = keras.layers.Dense(100)(stem.layers[-2].output)
    model = networks.randomize(keras.Model(stem.input, outputs), 0.8)
    images = np.random.default_rng(0).random((8, *model.input_shape[1:]), np.float32)
    options = {"representative_dataset": images} if weights == "int8" else {}
    path = tfsparse.convert(model, tmp_path / "m.tflite", weights=weights, **options)
    assert tfsparse.inspect(path).weighted[-1].weights.encoding != "dense"
    reference = resize(reference_interpreter(path), None)
    (name,) = (detail["name"] for detail in reference.get_input_details())
    (expected,) = invoke(reference, {name: images[:1]}).values()
    output, _ = host.infer(path, images[0], tmp_path, delegate="xnnpack")
    np.testing.assert_allclose(output, expected[0], rtol=0, atol=tolerance * np.ptp(expected))


def test_refuses_an_instruction_set_of_another_processor(host, model, tmp_path):
    with pytest.raises(AssertionError, match="option isa: expected an instruction set that this"):
        host.infer(model, np.zeros(1, np.float32), tmp_path, isa="abacus")


@pytest.mark.parametrize("abi", ABIS.values(), ids=ABIS)
def test_abi_h_has_what_the_headers_of_that_tflite_have(abi):
    flags = ("-std=c++17", "-O1", "-I.", f"-I{tflite.headers()}")
    toolchain.compile(abi, tflite.HERE / "abi.cc", *flags)
