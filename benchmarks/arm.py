"""Counts the instructions of one inference on arm64, with tfsparse and with TFLite's default.

LiteRT for arm64 runs in QEMU's emulation of a Cortex-A76, one thread, float32 (tfsparse also in
float16), and a plugin of QEMU counts instructions; the counts are exact and reproducible. They are
not time, but they compare two sets of NEON kernels for the same arithmetic without a phone. A
network takes minutes, because QEMU computes floats in software.

    python benchmarks/arm.py                                  # every row
    python benchmarks/arm.py 'mobilenet_v2_padded-*'          # some
    python benchmarks/arm.py pose_detection --functions 15    # and where tfsparse spends them
    python benchmarks/arm.py my_model.tflite --only tfsparse --precision fp16

Inferences are counted from the second on, and nothing else. Needs Debian 12 and its packages
g++-aarch64-linux-gnu, qemu-user and qemu-user-static.
"""

import bisect
import collections
import dataclasses
import functools
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import instruction_counts
from benchmarks.instruction_counts import Case, Count
from tests.delegate import arm64

RUNS = flags.DEFINE_integer("runs", 1, "Count this many inferences.", lower_bound=1)
PRECISION = flags.DEFINE_enum("precision", "fp32", ["fp32", "fp16"], "What tfsparse computes in.")
CPU = flags.DEFINE_string("cpu", arm64.CPU, "What QEMU emulates, see qemu-aarch64 -cpu help.")


def _encoded(*arguments, **options):
    """A case whose file stores zeros sparse: XNNPACK looks for zeros only where some are."""
    return Case(*arguments, **options, encoding="auto")


CASES = (
    _encoded("mobilenet_v2_padded", 0.8, 0.80),  # XNNPACK's own sparse mode is on
    _encoded("mobilenet_v2_padded", 0.9, 0.80),
    _encoded("mobilenet_v2", 0.8, 0.45),  # and here it is not
    _encoded("mobilenet_v2", 0.9, 0.33),
    _encoded("pose_detection", None, 0.55),
    _encoded("face_detection_full_range_sparse", None, 0.65),
    _encoded("mobilenet_v2_convolutional", 0.8),
    _encoded("mobilenet_v2", 0.8, 0.45, weights="int8"),
    _encoded("mobilenet_v2", 0.9, 0.40, weights="int8"),
    _encoded("resnet50", 0.8, 0.36, weights="int8"),
)
# By the emulated processor.
AT_MOST = {
    arm64.CPU: {case.name: case.at_most for case in CASES},
    # XNNPACK uses int8 matrix products here, which sparse weights cannot.
    "max": {"mobilenet_v2-80-int8": 0.75, "mobilenet_v2-90-int8": 0.66},
}


@functools.cache
def counter():
    """Path of QEMU's plugin, compiled.

    Raises:
        OSError: QEMU or a C compiler is not installed.
    """
    return instruction_counts.compiled("instructions.c", {"qemu-aarch64": "qemu-user"})


@functools.cache
def marks():
    """Path of the library that starts and stops the counting, compiled for arm64."""
    compiler = arm64.CXX.replace("g++", "gcc")
    packages = {compiler: "g++-aarch64-linux-gnu"}
    return instruction_counts.compiled("marks.c", packages, compiler)


def blocks_of(path, inputs, runs, delegate, options, folder):
    """Runs inferences; returns outputs, executed instructions by block, and the memory map."""
    counts, maps = folder / "counts", folder / "maps"
    qemu = ("qemu-aarch64", "-cpu", CPU.value, "-plugin", f"{counter()},out={counts}")
    outputs, _ = arm64.infer(path, inputs, delegate, options, runs, maps, marks(), qemu)
    return outputs, parse_blocks(counts.read_text()), maps.read_text()


def parse_blocks(text):
    """Executed instructions by the address of their block."""
    blocks = collections.Counter()
    for line in text.splitlines():
        address, executed = line.split()
        blocks[int(address, 16)] += int(executed)
    return blocks


def count_ours(path, inputs):
    options = instruction_counts.our_options() | {"precision": PRECISION.value}
    return count(path, inputs, arm64.plugin(), options)


def count(path, inputs, delegate=None, options=None):
    """Returns the `Count` of one inference of a model."""
    runs = RUNS.value
    with tempfile.TemporaryDirectory() as folder:
        try:
            outputs, blocks, maps = blocks_of(path, inputs, runs, delegate, options, Path(folder))
        except RuntimeError as error:
            return Count(error=str(error).splitlines()[-1])
    functions = {}
    if delegate and instruction_counts.FUNCTIONS.value:
        executed = by_function(blocks, maps, delegate)
        functions = instruction_counts.most({name: executed[name] / runs for name in executed})
    return Count(sum(blocks.values()) / runs, outputs, functions)


def by_function(blocks, maps, library):
    """Executed instructions by function of a library that was in the process's memory."""
    symbols = symbols_of(library)
    starts = [start for start, _ in symbols]
    first, last = span(maps, library)
    functions = collections.Counter()
    for address, executed in blocks.items():
        if first <= address < last:
            at = bisect.bisect_right(starts, address - first) - 1
            functions[symbols[at][1] if at >= 0 else "?"] += executed
        else:
            functions["(outside of tfsparse)"] += executed
    return functions


def span(maps, library):
    """First address of a library in /proc/PID/maps, and the one behind its last."""
    ranges = [line.split()[0].split("-") for line in maps.splitlines() if str(library) in line]
    return min(int(first, 16) for first, _ in ranges), max(int(last, 16) for _, last in ranges)


@functools.cache
def symbols_of(library):
    """(address, name) of every function of a library, sorted."""
    listed = subprocess.run(
        ["aarch64-linux-gnu-nm", "--demangle", "--defined-only", "--numeric-sort", library],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    return [(int(address, 16), name) for address, kind, name in lines if kind in "tTwW"]


def main(argv):
    how = {
        "processor": "arm64",
        "runtime": arm64.WHEELS[0],
        "emulator": f"qemu-aarch64 -cpu {CPU.value}",
        "precision": PRECISION.value,
    }
    at_most = AT_MOST.get(CPU.value, {})
    cases = [dataclasses.replace(case, at_most=at_most.get(case.name)) for case in CASES]
    instruction_counts.run(argv[1:], cases, count, count_ours, how)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the patterns.
    app.run(main)
