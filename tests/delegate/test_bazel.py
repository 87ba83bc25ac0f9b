"""Bazel builds and tests the C++, for x86-64 and for arm64, and downloads nothing for it.

One C++ test is run, which is linked with all of the delegate. What the others find, they find in
test_cpp.py; here it is seen that Bazel knows them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate

import tfsparse
from delegate import sources
from tests.delegate.cpp import NO_GOOGLETEST, CrossBuild
from tfsparse.runtime import differences
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import architectures

pytestmark = [
    pytest.mark.skipif(
        shutil.which("bazel") is None,
        reason="bazel is not installed: apt-get install bazel-bootstrap",
    ),
    pytest.mark.skipif(NO_GOOGLETEST is not None, reason=str(NO_GOOGLETEST)),
]
ROOT = Path(__file__).resolve().parents[2]
# What is tested are its rules, for which no code needs to be optimised, but that g++ cannot compile
# kernels for arm64 without.
QUICKLY = ("--per_file_copt=.*,-.*/kernels/isa/.*@-O0", "--per_file_copt=.*/kernels/isa/.*@-O1")
LIBRARY, MODULE, TEST = "//:libtfsparse_delegate.so", "//:_native.so", "//:adapter_test"


def bazel(folder, command, *arguments):
    # What it makes goes when the folder does.
    startup = ("--batch", f"--output_base={folder}-output")
    result = subprocess.run(
        ["bazel", *startup, command, "--experimental_repository_disable_download", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHON_BIN_PATH": sys.executable},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def passed(output):
    return sorted(line.split()[0] for line in output.splitlines() if " PASSED in " in line)


def copy_project(folder):
    folder.mkdir()
    for name in ("BUILD", "WORKSPACE", ".bazelrc", "setup.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("delegate", "tests/delegate"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project in which the sources of a folder are one, to compile it sooner."""
    copy = copy_project(tmp_path_factory.mktemp("bazel") / "project")
    for folder, parts in sources.by_folder(
        sources.common_sources(*sources.ENGINE, "python")
    ).items():
        text = "".join((copy / part).read_text() for part in parts)
        for part in parts:
            (copy / part).unlink()
        (copy / folder / "together.cc").write_text(text)
    return copy


@pytest.fixture(scope="module")
def built(project):
    """The folder with what was built for this machine, and what the test wrote."""
    return project / ".bazel" / "bin", bazel(project, "test", *QUICKLY, LIBRARY, MODULE, TEST)


def test_a_cpp_test_passes(built):
    _, output = built
    assert passed(output) == [TEST]


def test_the_library_runs_a_network_as_the_default_does(built, tmp_path):
    folder, _ = built
    library = str(folder / "libtfsparse_delegate.so")
    path = tfsparse.convert(
        architectures.small_mobilenet_v2((16, 16, 3), 4), tmp_path / "model.tflite"
    )
    default = Interpreter(path)
    sparse = Interpreter(path, experimental_delegates=[load_delegate(library, {"auto": "0"})])
    for interpreter in (default, sparse):
        interpreter.allocate_tensors()
    set_random_inputs([default, sparse])
    assert differences.output_difference(default, sparse) < 1e-4
    assert sparse._get_ops_details()[-1]["op_name"] == "DELEGATE"


def test_python_imports_the_module(built):
    folder, _ = built
    code = "import _native; print(_native.isas())"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    from tfsparse import _native

    assert shown.strip() == str(_native.isas())


def test_builds_for_arm64(project):
    missing = CrossBuild.missing("aarch64")
    if missing:
        pytest.skip(f"nothing to compile for arm64: apt-get install {' '.join(missing)}")
    output = bazel(project, "test", "--config=aarch64", *QUICKLY, LIBRARY, TEST)
    assert passed(output) == [TEST]
    header = (project / ".bazel" / "bin" / "libtfsparse_delegate.so").read_bytes()[:20]
    assert header[18:] == b"\xb7\0"  # EM_AARCH64


def compiled(folder, machine):
    """The sources that setup.py has a compiler compile for a machine."""
    instead = dict.fromkeys(("CC", "CXX", "LDSHARED", "LDCXXSHARED"), "echo")
    shown = subprocess.run(
        [sys.executable, "setup.py", "build_ext"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | instead | {"_PYTHON_HOST_PLATFORM": f"linux-{machine}"},
    ).stdout
    return re.findall(r" -c (\S+\.cc) ", shown)


def test_a_new_source_is_seen_by_bazel_and_by_setup(tmp_path):
    project = copy_project(tmp_path / "project")
    new = ["delegate/core/steps/new.cc", "delegate/kernels/isa/new.cc", "delegate/tflite/new.cc"]
    for source in [*new, "tests/delegate/core/new_test.cc"]:
        (project / source).touch()
    # Bazel's query answers for all processors at once.
    machines = ("aarch64", "x86_64", "riscv64")
    seen_by_setup = {source for machine in machines for source in compiled(project, machine)}
    query = 'filter("^//:.*cc$", kind(source, deps(//:_native.so))) + tests(//...)'
    found = bazel(project, "query", query)
    seen_by_bazel = [line.removeprefix("//:") for line in found.splitlines()]
    tests = [Path(source).stem for source in sources.find("tests/delegate/**/*_test.cc")]
    assert set(new) < seen_by_setup
    assert sorted(seen_by_bazel) == sorted([*seen_by_setup, *tests, "new_test"])
