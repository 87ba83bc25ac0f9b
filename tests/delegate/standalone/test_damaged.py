"""Damaged files are refused, or run: nothing outside of them is read, under sanitizers."""

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tfsparse
from tests.delegate import networks
from tests.delegate.cpp import CXX
from tests.delegate.libfuzzer import ENVIRONMENT
from tests.delegate.sanitize import KERNELS, SanitizedBuild
from tests.delegate.standalone.library import FOLDERS
from tests.mutations import how_many, mutations

pytestmark = pytest.mark.skipif(shutil.which(CXX) is None, reason=f"no C++ compiler {CXX}")
SOURCE = "tests/delegate/standalone/run_files.cc"


@pytest.fixture(scope="module")
def program():
    build = SanitizedBuild("asan-ubsan", KERNELS)
    objects = build.engine(FOLDERS)
    return build.link([build.compile(SOURCE), *objects.values()], "run_files")


@pytest.fixture(scope="module", params=["sparse", "float16", "int8"])
def data(request, tmp_path_factory):
    model = networks.randomize(networks.mobile_net(size=16), 0.8)
    options = {"sparse": {}, "float16": {"weights": "float16"}, "int8": {"weights": "int8"}}
    if request.param == "int8":
        images = [np.random.default_rng(0).random((1, 16, 16, 3), np.float32)]
        options["int8"]["representative_dataset"] = lambda: images
    path = tmp_path_factory.mktemp("damaged") / "model.tflite"
    return Path(tfsparse.convert(model, path, **options[request.param])).read_bytes()


def run(program, files):
    """A line for each file: why it was refused, or nothing."""
    stream = b"".join(struct.pack("<I", len(file)) + file for file in files)
    return subprocess.run(
        [program], input=stream, capture_output=True, env=ENVIRONMENT, check=False, timeout=600
    )


def test_damaged_files(program, data):
    damaged = dict(mutations(data, how_many(150)))
    result = run(program, [data, *damaged.values()])
    lines = result.stdout.decode(errors="replace").splitlines()
    names = ["undamaged", *damaged]
    assert result.returncode == 0, f"{names[len(lines)]}\n{result.stderr.decode()}"
    assert lines[0] == ""
    assert "" in lines[1:]  # some damage changes nothing but a number
    messages = set(lines) - {""}
    assert any(line.startswith("the file is damaged") for line in messages)
    assert "out of memory" not in messages


@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 12, 40])
def test_files_that_end_at_once(program, data, length):
    result = run(program, [data[:length], b"\0" * length, b"\xff" * length])
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 0, result.stderr.decode()
    assert len(lines) == 3
    assert all(lines)
