"""Counts the instructions of one inference on x86-64, with tfsparse and with TFLite's default.

ai-edge-litert runs under valgrind's callgrind, one thread, float32. Valgrind shows programs a
processor with AVX2 and FMA but without AVX-512, whatever the machine is, so that counts are the
same on all of them. They are not time, but they compare two sets of AVX2 kernels for the same
arithmetic, and other work on the machine does not change them.

    python benchmarks/x86.py                               # every row
    python benchmarks/x86.py 'mobilenet_v2-*'              # some
    python benchmarks/x86.py pose_detection --functions 15 # and where tfsparse spends them
    python benchmarks/x86.py my_model.tflite --only tfsparse

Instructions are counted from the end of the first inference on, so that they do not include the
start. The files are those of latency.py, which store zeros like other weights. Needs a processor
with AVX2, and the packages valgrind and gcc.
"""

import collections
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
from absl import app, flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import instruction_counts
from benchmarks.instruction_counts import Case, Count
from tests.delegate import arm64
from tfsparse.runtime.delegate import native

RUNS = flags.DEFINE_integer("runs", 1, "Count this many inferences.", lower_bound=1)

CASES = (
    Case("mobilenet_v2", 0.8, 0.45),
    Case("mobilenet_v2", 0.9, 0.35),
    Case("mobilenet_v2", 0.8, block_size=4),
    Case("mobilenet_v2", 0.9, block_size=4),
    Case("mobilenet_v1", 0.8),
    Case("mobilenet_v1", 0.9),
    Case("mobilenet_v3_large", 0.8),
    Case("efficientnet_b0", 0.8),
    Case("pose_detection"),
    Case("face_detection_full_range_sparse"),
    Case("resnet50", 0.9),
    Case("mobilenet_v2", 0.0),
)


@functools.cache
def counter():
    """Path of the library that starts and stops the counting, compiled.

    Raises:
        OSError: this is not an x86-64 machine, or valgrind or a C compiler is not installed.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise OSError(f"x86.py needs an x86-64 machine. This one is {platform.machine()}.")
    return instruction_counts.compiled("callgrind.c", {"valgrind": "valgrind"})


def infer(path, inputs, runs, delegate, options, folder):
    """Runs inferences; returns the outputs and what callgrind wrote.

    Raises:
        RuntimeError: they failed, with the end of the program's output.
    """
    given, found, counts = folder / "inputs.npz", folder / "outputs.npz", folder / "counts"
    np.savez(given, **{str(index): value for index, value in inputs.items()})
    request = {"model": path, "inputs": given, "outputs": found, "delegate": delegate}
    request |= {"options": options, "runs": runs, "counter": counter()}
    valgrind = ("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no")
    plain = (f"--callgrind-out-file={counts}", "--compress-strings=no", "--compress-pos=no")
    program = (sys.executable, arm64.INFER, json.dumps(request, default=str))
    result = subprocess.run(
        [*valgrind, *plain, *program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | arm64.REPRODUCIBLE,
    )
    if result.returncode:
        raise RuntimeError(result.stderr.strip() or f"ended with {result.returncode}")
    outputs = {int(index): value for index, value in np.load(found).items()}
    return outputs, counts.read_text()


def parse(text):
    """Instructions by library and function, from callgrind's file without compression."""
    functions = collections.Counter()
    library = function = ""
    is_of_callee = False
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            library = value
        elif key == "fn":
            function = value
        elif key == "calls":  # the next line has the instructions of the call
            is_of_callee = True
        elif line[:1].isdigit():
            if not is_of_callee:
                functions[library, function] += int(line.split()[1])
            is_of_callee = False
    return functions


def count(path, inputs, delegate=None, options=None):
    """Returns the `Count` of one inference of a model."""
    runs = RUNS.value
    with tempfile.TemporaryDirectory() as folder:
        try:
            outputs, text = infer(path, inputs, runs, delegate, options, Path(folder))
        except RuntimeError as error:
            return Count(error=str(error).splitlines()[-1])
    executed = parse(text)
    functions = collections.Counter()
    if delegate:
        for (library, name), instructions in executed.items():
            ours = library == delegate
            functions[name if ours else "(outside of tfsparse)"] += instructions / runs
    return Count(sum(executed.values()) / runs, outputs, instruction_counts.most(functions))


def count_ours(path, inputs):
    return count(path, inputs, native().__file__, instruction_counts.our_options())


def main(argv):
    how = {
        "processor": "x86-64 with AVX2",
        "runtime": f"ai-edge-litert {metadata.version('ai-edge-litert')}",
        "emulator": subprocess.run(
            ["valgrind", "--version"], capture_output=True, text=True, check=True
        ).stdout.strip(),
    }
    instruction_counts.run(argv[1:], CASES, count, count_ours, how)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the patterns.
    app.run(main)
