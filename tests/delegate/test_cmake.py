"""The CMake build, for Android developers with the NDK."""

import json
import platform
import shlex
import shutil

import pytest

from tests.delegate.cpp import ROOT, run, sources
from tests.delegate.test_cpp import EXPORTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed: apt-get install cmake")
    folder = tmp_path_factory.mktemp("cmake")
    # Only the project is tested, so nothing is optimised and headers are read once.
    launcher = folder / "without_optimisation"
    launcher.write_text('#!/bin/sh\nexec "$@" -O0\n')
    launcher.chmod(0o755)
    settings = {
        "CMAKE_CXX_COMPILER_LAUNCHER": launcher,
        "CMAKE_EXPORT_COMPILE_COMMANDS": "ON",
        "CMAKE_UNITY_BUILD": "ON",
        "CMAKE_UNITY_BUILD_BATCH_SIZE": "0",
    }
    run("cmake", "-S", "delegate", "-B", str(folder), *(f"-D{k}={v}" for k, v in settings.items()))
    return folder


def test_compiles_every_source_with_its_flags(folder):
    commands = json.loads((folder / "compile_commands.json").read_text())
    for command in commands:
        assert set(sources.COMMON_FLAGS) <= set(shlex.split(command["command"]))
    flags = {c["file"].removeprefix(f"{ROOT}/"): shlex.split(c["command"]) for c in commands}
    for source, needed in sources.isa_flags(platform.machine()).items():
        if needed:
            assert set(needed) <= set(flags[source])
    (unity,) = folder.glob("CMakeFiles/*/Unity/*.cxx")
    for source in sources.common_sources(*sources.ENGINE):
        assert f'{source}"' in unity.read_text()


def test_builds_a_library_that_exports_only_its_interfaces(folder):
    run("cmake", "--build", str(folder), "--parallel", "2")
    library = str(folder / "libtfsparse_delegate.so")
    names = run("nm", "--dynamic", "--defined-only", library).splitlines()
    assert sorted(line.split()[-1] for line in names) == EXPORTS
