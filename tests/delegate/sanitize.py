"""Builds the C++ tests with sanitizers and runs them: `make sanitize`.

AddressSanitizer and UndefinedBehaviorSanitizer together, then ThreadSanitizer, which has a build of
its own. Every instruction set that this CPU has is run, as in the plain tests. For arm64, where
QEMU and a cross compiler are installed, UndefinedBehaviorSanitizer alone: buffers that end at a
page without access stand in for the other.
"""

import sys

from tests.delegate.cpp import NO_GOOGLETEST, Build, CrossBuild, run, sources

# -O1: faster than without, and the stack of a report is still the source's.
COMMON = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
SANITIZERS = {
    "asan-ubsan": (*COMMON, "-fsanitize=address,undefined"),
    "tsan": (*COMMON, "-fsanitize=thread"),
}
# At the usual -O3: kernels for arm64 need their loops unrolled.
UNDEFINED = ("-fno-sanitize-recover=all", "-fsanitize=undefined", "-static-libubsan")
ARM64_CPU = "cortex-a76"  # which has float16 arithmetic, too


def check(name, build, run_program):
    for source in sources.find("tests/delegate/**/*_test.cc"):
        program = build.test_program(source)
        print(f"{name:12}{source:50}", end="", flush=True)
        print(*(line for line in run_program(program).splitlines() if "PASSED" in line), flush=True)


def main():
    if NO_GOOGLETEST:
        return NO_GOOGLETEST
    for name, flags in SANITIZERS.items():
        check(name, Build(name, flags=flags), run)
    if packages := CrossBuild.missing("aarch64"):
        print(f"not run for arm64, for lack of {' and '.join(packages)}")
        return
    build = CrossBuild("aarch64", "ubsan", UNDEFINED)
    check("ubsan arm64", build, lambda program: build.run(program, ARM64_CPU))


if __name__ == "__main__":
    sys.exit(main())
