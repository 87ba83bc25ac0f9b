"""Time and memory to load a model, with TFLite's default and with tfsparse, on Linux.

Each measurement runs in its own process, forked from one that has imported all modules but opened
no file. So it does not include the time and memory of imports: the peak of a child's resident
memory starts at that of its parent.
"""

import ctypes
import dataclasses
import json
import multiprocessing
import subprocess
import sys
import time

import numpy as np

from tfsparse import (
    flatbuffer,  # noqa: F401  So that no child has to import it.
    processes,
)
from tfsparse.capture import captured_output
from tfsparse.runtime import timing
from tfsparse.runtime.random_inputs import set_random_inputs


@dataclasses.dataclass(frozen=True)
class LoadingCost:
    """Medians over the processes of each runtime.

    Attributes:
        baseline_load, candidate_load: milliseconds to create an interpreter and allocate tensors.
        load: median of candidate / baseline of consecutive processes.
        baseline_peak, candidate_peak: peak of resident memory in MB that loading and two inferences
            add.
        peak: median of candidate / baseline.
    """

    baseline_load: float
    candidate_load: float
    load: float
    baseline_peak: float
    candidate_peak: float
    peak: float


def measure(path, *, num_threads=1, runtime="tf", options=None, repeats=5):
    """Loads a file several times, in turn with TFLite's default and with tfsparse.

    Args:
        path: a .tflite file.
        num_threads: threads of the interpreters.
        runtime: "tf" or "litert", see `tfsparse.Interpreter`.
        options: for the delegate, see `tfsparse.load_delegate`.
        repeats: processes for each of the two.

    Returns:
        A `LoadingCost`.
    """
    request = json.dumps([str(path), num_threads, runtime, options, repeats])
    command = processes.command("tfsparse.runtime.loading", request)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Could not measure the memory of {path}: {done.stderr.strip()}")
    samples = np.array(json.loads(done.stdout))
    baseline, candidate = np.median(samples, axis=0).tolist()
    load, peak = np.median(samples[:, 1] / samples[:, 0], axis=0).tolist()
    return LoadingCost(baseline[0], candidate[0], load, baseline[1], candidate[1], peak)


def _main(path, num_threads, runtime, options, repeats):
    """Prints (repeats, 2, 2): for each turn, for each runtime, milliseconds and MB."""
    with captured_output():
        timing.prepare(runtime)
    # One run is not measured: it reads the file from the disk.
    tasks = [(path, delegate, num_threads, runtime, options) for delegate in (False, True)]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        samples = pool.starmap(_load, tasks * (repeats + 1), chunksize=1)[2:]
    print(json.dumps(np.reshape(samples, (repeats, 2, 2)).tolist()))


def _load(path, delegate, num_threads, runtime, options):
    # Otherwise memory that the imports have freed would be reused, and not counted.
    ctypes.CDLL(None).malloc_trim(0)
    inherited = _kilobytes("VmRSS")
    start = time.perf_counter()
    interpreter = timing.open_one(
        path, delegate, num_threads=num_threads, runtime=runtime, options=options
    )
    seconds = time.perf_counter() - start
    set_random_inputs([interpreter])
    for _ in range(2):
        interpreter.invoke()
    return 1e3 * seconds, (_kilobytes("VmHWM") - inherited) / 1e3


def _kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
