"""Compiles every *_test.cc under this folder with the sources it tests, and runs it.

For this machine with sanitizers, which look into the kernels of one instruction set (into all of
them with `make sanitize`); for others in an emulator without.
"""

import re
import shutil
from pathlib import Path

import pytest

from tests.delegate.cpp import CXX, NO_GOOGLETEST, Build, CrossBuild, run, sources
from tests.delegate.sanitize import KERNELS, SanitizedBuild
from tfsparse import _native

EXPORTS = [
    "TfSparseDelegateCreate",
    "TfSparseDelegateCreateTuned",
    "TfSparseDelegateDelete",
    "TfSparseDelegateOptionsDefault",
    "TfSparseUnpack",
    "TfSparseUnpackedSize",
    "tflite_plugin_create_delegate",
    "tflite_plugin_destroy_delegate",
]
pytestmark = pytest.mark.skipif(shutil.which(CXX) is None, reason=f"no C++ compiler {CXX}")
needs_googletest = pytest.mark.skipif(NO_GOOGLETEST is not None, reason=str(NO_GOOGLETEST))
TESTS = sources.find("tests/delegate/**/*_test.cc")
# What these test is the same for every processor.
PORTABLE = {
    *("allocation", "fingerprint", "graph", "infer", "input_shapes", "latency", "memory", "scale"),
    *("sparsity", "trial", "tuning_cache", "unpack"),
}
ARM64_TESTS = [
    source for source in TESTS if Path(source).stem.removesuffix("_test") not in PORTABLE
]
assert len(ARM64_TESTS) == len(TESTS) - len(PORTABLE)
ARM64_CPUS = ["cortex-a72", "cortex-a76", "max"]  # without float16 arithmetic, with it, with all


@pytest.fixture(scope="session")
def build():
    return Build("cpp-tests")


@pytest.fixture(scope="session")
def objects(build):
    return build.engine()


@needs_googletest
@pytest.mark.parametrize("source", TESTS)
def test_cpp_under_sanitizers(source):
    build = SanitizedBuild("asan-ubsan", KERNELS)
    print(run(build.test_program(source)))


@needs_googletest
@pytest.mark.parametrize("source", ARM64_TESTS)
def test_cpp_on_arm64(source):
    build = cross_build("aarch64")
    program = build.test_program(source)
    # What is not a kernel is the same on all of them.
    for cpu in ARM64_CPUS if source.endswith("kernels_test.cc") else ["cortex-a76"]:
        print(cpu, build.run(program, cpu))


@needs_googletest
@pytest.mark.parametrize(
    ("cpu", "has_float16"), [("cortex-a72", False), ("cortex-a76", True), ("max", True)]
)
def test_float16_where_the_cpu_computes_with_it(cpu, has_float16):
    build = cross_build("aarch64")
    output = build.run(build.test_program("tests/delegate/core/precision_test.cc"), cpu)
    assert ("[       OK ] Float16.RunsANetworkAsFloat32Does" in output) == has_float16


@needs_googletest
@pytest.mark.parametrize("source", sources.find("tests/delegate/kernels/**/*_test.cc"))
def test_portable_kernels_on_armv7(source):
    build = cross_build("armv7l", kernel_flags=["-O1"])
    print(build.run(build.test_program(source, ["kernels"]), "cortex-a7"))


def cross_build(machine, **optimised):
    missing = CrossBuild.missing(machine)
    if missing:
        pytest.skip(f"nothing to compile for {machine}: apt-get install {' '.join(missing)}")
    return CrossBuild(machine, **optimised)


@pytest.mark.parametrize("source", sorted(sources.isa_flags()))
def test_one_instruction_set_leaks_nothing_into_another(source, objects):
    # A function shared between files compiled with different flags would be whichever copy the
    # linker kept, which another CPU may not run.
    symbols = run("nm", "--extern-only", "--defined-only", objects[source]).splitlines()
    assert len(symbols) == 1
    assert re.search(r"k\w+Kernels", symbols[0])


def test_plugin_needs_nothing_but_the_system_and_exports_nothing_but_itself(build, objects):
    # -z defs: an undefined symbol fails here, and not in a user's dlopen.
    library = build.link(objects.values(), "plugin.so", ["-shared", "-Wl,-z,defs"])
    functions = [
        line.split()[-1]
        for line in run("nm", "--dynamic", "--defined-only", library).splitlines()
        if line.split()[-2] == "T"
    ]
    assert sorted(functions) == EXPORTS


def test_the_python_module_exports_itself_and_the_delegate_and_nothing_of_the_cpp_library():
    symbols = run("nm", "--dynamic", "--defined-only", _native.__file__).splitlines()
    assert sorted(line.split()[-1] for line in symbols) == ["PyInit__native", *EXPORTS]
