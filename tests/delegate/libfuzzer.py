"""Runs the libFuzzer targets of fuzz/, each for a given time: `make fuzz SECONDS=600`.

The corpus is kept under build/libfuzzer, and the next run continues from it. The input of a crash
is kept there too; pass it to the target as an argument to reproduce the crash.
"""

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.delegate.cpp import Build, sources

CLANG = os.environ.get("CLANGXX", "clang++")
FLAGS = ("-O1", "-g1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
# Parameters are the fuzzer's bytes, in which a bool may be 2; a runtime's never is.
SANITIZERS = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize=bool")
# A model may need more memory than there is. The delegate must report that.
ENVIRONMENT = {"ASAN_OPTIONS": "allocator_may_return_null=1:max_allocation_size_mb=512"}


def missing(build):
    """What has to be installed, or None."""
    if shutil.which(CLANG) is None:
        return f"there is no {CLANG}: apt-get install clang"
    empty = build.folder / "empty.cc"
    empty.write_text('extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }\n')
    try:
        build.link([str(empty)], "empty")
    except AssertionError:
        return f"{CLANG} has no libFuzzer: apt-get install libclang-rt-dev, or that of its version"
    return None


def compile_target(build, source):
    """Path of the program of a target."""
    objects = [build.compile(source), *build.engine(["core", "tflite"]).values()]
    # Clang takes many minutes to instrument the kernels. `make sanitize` covers them with GCC.
    objects += Build("cpp-tests").engine(["kernels"]).values()
    return build.link(objects, Path(source).stem)


def fuzz(program, seconds):
    """Whether the target ran for that time without a finding."""
    corpus = Path(program + "-corpus")
    corpus.mkdir(exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-max_len=2048", "-timeout=60"]
    command += ["-print_final_stats=1", f"-artifact_prefix={program}-", str(corpus)]
    log = Path(program + ".log")
    with log.open("w") as output:
        code = subprocess.run(
            command, stdout=output, stderr=output, env=os.environ | ENVIRONMENT
        ).returncode
    lines = log.read_text(errors="replace").splitlines()
    shown = [line for line in lines if line.startswith("stat::")] if code == 0 else lines[-60:]
    print(
        f"{Path(program).name}: {'no finding' if code == 0 else 'FAILED'}",
        *shown,
        sep="\n  ",
        flush=True,
    )
    return code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    build = Build("libfuzzer", CLANG, (*FLAGS, *SANITIZERS))
    problem = missing(build)
    if problem:
        print(f"libFuzzer targets are left out, since {problem}")
        return 0
    targets = sources.find("tests/delegate/fuzz/*_fuzzer.cc")
    programs = [compile_target(build, source) for source in targets]
    with ThreadPoolExecutor() as pool:  # which are few, and take a core each
        passed = pool.map(lambda program: fuzz(program, arguments.seconds), programs)
    return 0 if all(list(passed)) else 1


if __name__ == "__main__":
    sys.exit(main())
