"""setup.py builds the native part again when something that it is made of has changed, else not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Instead of compiling: tells the command, and makes what it would have made.
COMPILER = """#!/bin/sh
echo "$@"
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then touch "$2"; fi
    shift
done
"""


@pytest.fixture
def project(tmp_path):
    shutil.copy(ROOT / "setup.py", tmp_path)
    shutil.copytree(ROOT / "delegate", tmp_path / "delegate")
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    return tmp_path


def built(project):
    """The files that a build makes, objects and the module."""
    names = ("CC", "CXX", "LDSHARED", "LDCXXSHARED")
    shown = subprocess.run(
        [sys.executable, "setup.py", "build_ext"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | dict.fromkeys(names, str(project / "compiler")),
    ).stdout
    commands = [line.split() for line in shown.splitlines() if " -o " in line]
    return [Path(command[command.index("-o") + 1]).name for command in commands]


def test_what_has_changed_is_built_again(project):
    first = built(project)
    assert {"graph.o", "portable.o", "module.o"} < set(first)
    assert first[-1].startswith("_native.")
    assert first[-1].endswith(".so")
    assert built(project) == []
    for changed in (
        "delegate/core/graph.cc",
        "delegate/kernels/isa/portable.cc",
        "delegate/kernels/spmm.h",
        "delegate/python/module.cc",
        "delegate/exports.map",
        "delegate/flags.bzl",
    ):
        module = next(project.glob("build/**/_native.*"))
        os.utime(project / changed, ns=(0, module.stat().st_mtime_ns + 10**9))
        again = built(project)
        assert sorted(again) == sorted(first), changed
        os.utime(module, ns=(0, (project / changed).stat().st_mtime_ns + 10**9))
