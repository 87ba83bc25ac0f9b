"""The Java class with its native methods, on the JVM of this machine."""

import shutil
from pathlib import Path

import pytest

import tfsparse
from delegate.packaging.android import aar
from tests.converter.single_op import pruned, single_op
from tests.delegate.cpp import CXX, Build, run, sources
from tfsparse import flatbuffer

HERE = Path(__file__).parent
MISSING = [program for program in ("javac", "java", CXX) if shutil.which(program) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"apt-get install default-jdk-headless g++: {MISSING}")
def test_the_delegate_and_the_decoder_of_packed_files(tmp_path):
    build = Build("cpp-tests")
    methods = (*sources.find("delegate/android/*.cc"), "tests/delegate/android/fake_tflite.cc")
    jni = [build.compile(source, aar.jni_flags()) for source in methods]
    library = build.link([*jni, *build.engine().values()], "jni.so", ["-shared", "-Wl,-z,defs"])
    shutil.copy(library, tmp_path / "libtfsparse_delegate.so")
    aar.compile_java(tmp_path)
    # The interface belongs to the app's TFLite and is not in the AAR.
    programs = [*HERE.glob("*.java"), *aar.ANDROID.glob("stubs/**/*.java")]
    run("javac", "-cp", str(tmp_path), "-d", str(tmp_path), *map(str, programs))
    java = ("java", "-cp", str(tmp_path), f"-Djava.library.path={tmp_path}")
    run(*java, "SparseDelegateTest")
    model, archive, unpacked = (tmp_path / f"m.{end}" for end in ("tflite", "pack", "out"))
    model.write_bytes(flatbuffer.serialize(single_op(pruned((16, 64), 0.8))))
    run(*java, "PackedModelTest", tfsparse.pack(model, archive), str(unpacked))
    assert unpacked.read_bytes() == model.read_bytes()
