"""Builds the C++ tests with sanitizers and runs them: `make sanitize`.

AddressSanitizer and UndefinedBehaviorSanitizer together, then ThreadSanitizer, which has a build of
its own. Every instruction set that this CPU has is run, as in the plain tests.
"""

import sys

from tests.delegate.cpp import Build, run, sources

# -O1: faster than without, and the stack of a report is still the source's.
COMMON = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
SANITIZERS = {
    "asan-ubsan": (*COMMON, "-fsanitize=address,undefined"),
    "tsan": (*COMMON, "-fsanitize=thread"),
}


def main():
    for name, flags in SANITIZERS.items():
        build = Build(name, flags=flags)
        for source in sources.find("tests/delegate/*_test.cc"):
            program = build.program(source)
            print(f"{name:12}{source:50}", end="", flush=True)
            print(run(program).strip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
