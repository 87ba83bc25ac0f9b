"""Builds the C++ tests with sanitizers and runs them: `make sanitize`.

AddressSanitizer and UndefinedBehaviorSanitizer together, then ThreadSanitizer, which has a build of
its own. Every instruction set that this CPU has is run, as in the plain tests. For arm64, where
QEMU and a cross compiler are installed, UndefinedBehaviorSanitizer alone: buffers that end at a
page without access stand in for the other.
"""

import sys
from pathlib import Path

from tests.delegate.cpp import NO_GOOGLETEST, Build, CrossBuild, run, sources

# -O1: faster than without, and the stack of a report is still the source's, of which it needs the
# lines alone.
COMMON = ("-O1", "-g1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
# By calls, g++ compiles the kernels in half the time that inlined checks take. Clang ignores it.
CALLS = ("--param", "asan-instrumentation-with-call-threshold=0")
CALLS += ("-Wno-unused-command-line-argument",)
SANITIZERS = {
    "asan-ubsan": (*COMMON, *CALLS, "-fsanitize=address,undefined"),
    "tsan": (*COMMON, "-fsanitize=thread"),
}
# Instruction sets whose kernels alone are instrumented where time is short: one of each processor.
# Their pointers are left to AddressSanitizer there, which finds what they read: in the kernels the
# other checks of a pointer take two thirds of the compiler's time.
KERNELS = ("avx2", "neon")
SHORT = ("-fno-sanitize=alignment,null,object-size,pointer-overflow",)
# At the usual -O3: kernels for arm64 need their loops unrolled.
UNDEFINED = ("-fno-sanitize-recover=all", "-fsanitize=undefined", "-static-libubsan")
ARM64_CPU = "cortex-a76"  # which has float16 arithmetic, too


class SanitizedBuild(Build):
    """A build with one of `SANITIZERS`.

    Args:
        name: Which.
        kernels: Instruction sets whose kernels are instrumented, by default all, with all checks.
            With some, those of the others and the tests themselves are the plain ones.
    """

    def __init__(self, name, kernels=None):
        super().__init__(name, flags=SANITIZERS[name], kernel_flags=SHORT if kernels else ())
        isas = {source: Path(source).stem for source in sources.isa_flags()}
        self._plain = {source for source, isa in isas.items() if kernels and isa not in kernels}
        self._are_tests_plain = kernels is not None

    def compile(self, source, flags=(), parts=()):
        """See `Build`."""
        if source in self._plain or (self._are_tests_plain and source.endswith("_test.cc")):
            return Build("cpp-tests").compile(source, flags)
        return super().compile(source, flags, parts)


def check(name, build, run_program):
    for source in sources.find("tests/delegate/**/*_test.cc"):
        program = build.test_program(source)
        print(f"{name:12}{source:50}", end="", flush=True)
        print(*(line for line in run_program(program).splitlines() if "PASSED" in line), flush=True)


def main():
    if NO_GOOGLETEST:
        return NO_GOOGLETEST
    for name in SANITIZERS:
        check(name, SanitizedBuild(name), run)
    if packages := CrossBuild.missing("aarch64"):
        print(f"not run for arm64, for lack of {' and '.join(packages)}")
        return
    build = CrossBuild("aarch64", "ubsan", UNDEFINED)
    check("ubsan arm64", build, lambda program: build.run(program, ARM64_CPU))


if __name__ == "__main__":
    sys.exit(main())
