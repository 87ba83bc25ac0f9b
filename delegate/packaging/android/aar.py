"""The Java class, and the AAR for Android Studio with it and the libraries.

Only javac and zip are needed. The same versions of these and of the compiler give the same bytes.
"""

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from delegate import sources

ANDROID = sources.ROOT / "delegate" / "android"
JAVA_RELEASE = 8  # Android's build tools translate it for every version


def jni_flags():
    """Compiler flags to find jni.h, which is the same in every Java Development Kit.

    Raises:
        OSError: There is no Java Development Kit.
    """
    include = Path(_javac()).resolve().parents[1] / "include"
    return [f"-I{include}", f"-I{include}/linux"]


def compile_java(folder):
    """Writes the classes of `com.tfsparse` under a folder.

    Raises:
        OSError: There is no Java Development Kit.
        RuntimeError: A source does not compile; what javac wrote.
    """
    command = [_javac(), "--release", str(JAVA_RELEASE), "-Xlint:all,-options", "-Werror"]
    command += ["-implicit:none", "-sourcepath", ANDROID / "stubs", "-d", folder]
    command += sorted((ANDROID / "java").rglob("*.java"))
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"javac: {result.stdout}{result.stderr}")


def write(path, libraries):
    """Writes the archive.

    Args:
        path: Where to.
        libraries: {Android's name of a processor: path of the library for it}.
    """
    with tempfile.TemporaryDirectory() as folder:
        compile_java(folder)
        classes = {str(p.relative_to(folder)): p for p in Path(folder).rglob("*.class")}
        _zip(Path(folder, "classes.jar"), {n: p.read_bytes() for n, p in classes.items()})
        entries = {
            "AndroidManifest.xml": ANDROID / "AndroidManifest.xml",
            "classes.jar": Path(folder, "classes.jar"),
            "headers/tfsparse_delegate.h": sources.ROOT / "delegate" / "tfsparse_delegate.h",
            "proguard.txt": ANDROID / "proguard.txt",
        } | {f"jni/{abi}/{library.name}": library for abi, library in libraries.items()}
        _zip(path, {n: p.read_bytes() for n, p in entries.items()} | {"R.txt": b""})


def _zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name)  # dated 1980, not today
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entries[name])


def _javac():
    found = shutil.which("javac")
    if found is None:
        raise OSError("javac is not installed: apt-get install default-jdk-headless")
    return found
