"""The Java class with its native methods, on the JVM of this machine."""

import shutil
from pathlib import Path

import pytest

from delegate.packaging.android import aar
from tests.delegate.cpp import CXX, Build, run

HERE = Path(__file__).parent
MISSING = [program for program in ("javac", "java", CXX) if shutil.which(program) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"apt-get install default-jdk-headless g++: {MISSING}")
def test_creates_uses_and_closes_the_delegate(tmp_path):
    build = Build("cpp-tests")
    methods = ("delegate/android/jni.cc", "tests/delegate/android/fake_tflite.cc")
    jni = [build.compile(source, aar.jni_flags()) for source in methods]
    library = build.link([*jni, *build.engine().values()], "jni.so", ["-shared", "-Wl,-z,defs"])
    shutil.copy(library, tmp_path / "libtfsparse_delegate.so")
    aar.compile_java(tmp_path)
    # The interface belongs to the app's TFLite and is not in the AAR.
    sources = [*HERE.glob("*.java"), *aar.ANDROID.glob("stubs/**/*.java")]
    run("javac", "-cp", str(tmp_path), "-d", str(tmp_path), *map(str, sources))
    run("java", "-cp", str(tmp_path), f"-Djava.library.path={tmp_path}", "SparseDelegateTest")
