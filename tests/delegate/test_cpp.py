"""Compiles every *_test.cc of this folder with the sources it tests, and runs it.

Objects are kept under build/ and compiled again when a source, a header or a flag changes.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from delegate import sources  # noqa: E402

BUILD = ROOT / "build" / "cpp-tests"
CXX = os.environ.get("CXX", "g++")
TESTS = sorted(path.name for path in Path(__file__).parent.glob("*_test.cc"))

pytestmark = pytest.mark.skipif(shutil.which(CXX) is None, reason=f"no C++ compiler {CXX}")


def run(*command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout


def compile_object(source, extra_flags=()):
    """Path of the object of a source, named by what it was made from."""
    command = [CXX, *sources.COMMON_FLAGS, "-fPIC", "-Werror", *extra_flags, "-I."]
    files = [source, *sources.headers(), *sources.find("tests/delegate/*.h")]
    digest = hashlib.sha256(repr(command).encode())
    for file in files:
        digest.update((ROOT / file).read_bytes())
    target = BUILD / f"{source.replace('/', '-')}-{digest.hexdigest()[:16]}.o"
    if not target.exists():
        for stale in BUILD.glob(f"{source.replace('/', '-')}-*.o"):
            stale.unlink(missing_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        run(*command, "-c", source, "-o", str(partial))
        partial.rename(target)
    return str(target)


@pytest.fixture(scope="session")
def objects():
    """The objects of the engine, without the Python module."""
    BUILD.mkdir(parents=True, exist_ok=True)
    flags = {source: () for source in sources.common_sources("core", "kernels", "tflite")}
    flags |= sources.ISA_FLAGS
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(flags, pool.map(compile_object, flags, flags.values()), strict=True))


@pytest.mark.parametrize("test", TESTS)
def test_cpp(test, objects):
    program = str(BUILD / Path(test).stem)
    run(CXX, compile_object(f"tests/delegate/{test}"), *objects.values(), "-pthread", "-o", program)
    print(run(program))


@pytest.mark.parametrize("source", sorted(sources.ISA_FLAGS))
def test_one_instruction_set_leaks_nothing_into_another(source, objects):
    # A function shared between files compiled with different flags would be whichever copy the
    # linker kept, which another CPU may not run.
    symbols = run("nm", "--extern-only", "--defined-only", objects[source]).splitlines()
    assert len(symbols) == 1
    assert re.search(r"k\w+Kernels", symbols[0])


def test_plugin_needs_nothing_but_the_system_and_exports_nothing_but_itself(objects):
    library = str(BUILD / "plugin.so")
    # -z defs: an undefined symbol fails here, and not in a user's dlopen.
    run(CXX, "-shared", "-Wl,-z,defs", *objects.values(), "-pthread", "-o", library)
    functions = [
        line.split()[-1]
        for line in run("nm", "--dynamic", "--defined-only", library).splitlines()
        if line.split()[-2] == "T"
    ]
    assert sorted(functions) == ["tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate"]
