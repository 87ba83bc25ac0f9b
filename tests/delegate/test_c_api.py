"""The C API in a program built by a C compiler."""

import os
import re
import shutil
from importlib import metadata

import pytest

from tests.delegate.cpp import CXX, ROOT, Build, run

CC = os.environ.get("CC", "gcc")
C99 = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I.")


@pytest.mark.skipif(
    not (shutil.which(CC) and shutil.which(CXX)), reason=f"no compilers {CC} and {CXX}"
)
def test_options_creation_and_errors(tmp_path):
    build = Build("cpp-tests")
    library = build.link(build.engine().values(), "c_api.so", ["-shared", "-Wl,-z,defs"])
    program = str(tmp_path / "c_api")
    run(CC, *C99, "tests/delegate/c_api.c", library, "-o", program)
    run(program)


def test_the_header_has_the_version_of_the_package():
    header = (ROOT / "delegate" / "tfsparse_delegate.h").read_text()
    found = re.search(r'#define TFSPARSE_VERSION "(.*)"', header)
    assert found[1] == metadata.version("tfsparse")
