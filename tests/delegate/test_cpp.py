"""Compiles every *_test.cc of this folder with the sources it tests, and runs it."""

import re
import shutil

import pytest

from tests.delegate.cpp import CXX, Build, run, sources

pytestmark = pytest.mark.skipif(shutil.which(CXX) is None, reason=f"no C++ compiler {CXX}")


@pytest.fixture(scope="session")
def build():
    return Build("cpp-tests")


@pytest.fixture(scope="session")
def objects(build):
    return build.engine()


@pytest.mark.parametrize("source", sources.find("tests/delegate/*_test.cc"))
def test_cpp(source, build):
    print(run(build.program(source)))


@pytest.mark.parametrize("source", sorted(sources.ISA_FLAGS))
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
    assert sorted(functions) == ["tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate"]
