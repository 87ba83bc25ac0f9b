"""setup.py builds the native part again when something that it is made of has changed, else not."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Instead of compiling: makes what a compiler would have made, and lists it. Several run at once.
COMPILER = """#!/bin/sh
while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then touch "$2"; echo "$2" >> "$0.made"; fi
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
    made = project / "compiler.made"
    made.write_text("")
    subprocess.run(
        [sys.executable, "setup.py", "build_ext"],
        cwd=project,
        capture_output=True,
        check=True,
        env=os.environ | dict.fromkeys(names, str(project / "compiler")),
    )
    return [Path(line).name for line in made.read_text().splitlines()]


def set_time(files, seconds):
    """Makes files as old as if nothing had touched them since that time."""
    for file in files:
        os.utime(file, (seconds, seconds))


def test_what_has_changed_is_built_again(project):
    hour = 3600
    now = time.time() - 24 * hour
    set_time(project.rglob("*"), now)
    first = built(project)
    assert {"graph.o", "portable.o", "module.o"} < set(first)
    assert first[-1].startswith("_native.")
    assert first[-1].endswith(".so")
    assert built(project) == []
    for changed in (
        "delegate/core/graph/graph.cc",
        "delegate/kernels/isa/portable.cc",
        "delegate/kernels/spmm.h",
        "delegate/python/module.cc",
        "delegate/exports.map",
        "delegate/flags.bzl",
    ):
        set_time((project / "build").rglob("*"), now + hour)
        now += 2 * hour
        set_time([project / changed], now)
        assert sorted(built(project)) == sorted(first), changed
