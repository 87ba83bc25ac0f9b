"""Processes that this package starts: what they can import."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.converter.single_op import pruned, single_op
from tfsparse import flatbuffer, processes
from tfsparse.converter import int8_conversion
from tfsparse.inspection import delegate
from tfsparse.runtime import loading

ROOT = str(Path(processes.__file__).parents[1])


def run(module, *arguments, **options):
    command = processes.command(module, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory whose files have names of modules, at the front of sys.path."""
    for name in ("random", "json", "runpy", "tfsparse"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} of the program')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return tmp_path


def test_the_working_directory_hides_no_module(folder):
    (folder / "added").mkdir()
    code = "import json, random, tfsparse; print(tfsparse.__file__)"
    (folder / "added" / "a_module.py").write_text(code)
    sys.path.append(str(folder / "added"))
    assert run("a_module") == f"{ROOT}/tfsparse/__init__.py\n"


def test_what_the_program_has_added_is_found(tmp_path, monkeypatch):
    """Also by a relative path, and from another working directory."""
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "a_module.py").write_text("import sys; print(__name__, sys.argv[1:])")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "added"])
    assert run("a_module", "one two", cwd="/") == "__main__ ['one two']\n"


def test_this_package_is_found_where_only_the_working_directory_has_it(tmp_path, monkeypatch):
    """Which is where it was when it was imported, and may be another one now."""
    (tmp_path / "a_module.py").write_text("print('found')")
    monkeypatch.setattr(processes, "_ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert run("a_module", cwd="/") == "found\n"


def test_each_process_starts_in_such_a_folder(folder):
    """Those that fail say why: it is not what the folder has."""
    (folder / "m.tflite").write_bytes(flatbuffer.serialize(single_op(pruned((8, 16), 0.5))))
    assert not delegate.ask("m.tflite").problem
    with pytest.raises(RuntimeError, match="SavedModel file does not exist"):
        int8_conversion.in_a_process(str(folder), "serve", [{"x": np.zeros(1)}])
    assert run("pip", "--version").startswith("pip ")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.usefixtures("folder")
def test_memory_is_measured_in_such_a_folder():
    with pytest.raises(RuntimeError, match=r"none\.tflite(?s:.)*[Cc]ould not open"):
        loading.measure("none.tflite", repeats=1)
