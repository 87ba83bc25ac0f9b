"""Measures how well the option `auto` decides, also on a busy machine.

Loads each of twenty networks ten times, each time in a process of its own, and half of the times
beside a busy process. Times each loaded network and TFLite's default in turn; if the network was
left to the default, also the delegate.

    python benchmarks/decisions.py
    python benchmarks/decisions.py 'mobilenet*' my_model.tflite --loads 4
    python benchmarks/decisions.py --busy 0        # on a quiet machine: are all decisions the same?

Prints a row for each network. Exits with 1 if a load has a speed-up below 0.95, or if the delegate
is taken in less than 95 % of the loads with a possible speed-up of 1.15.
"""

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

from tfsparse.files import cache_folder
from tfsparse.progress import track
from tfsparse.runtime import input_shapes, timing
from tfsparse.runtime.interpreter import open_reporting
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import catalogue

LOADS = flags.DEFINE_integer("loads", 10, "Loads of each network.", lower_bound=1)
BUSY = flags.DEFINE_float(
    "busy", 0.5, "Part of the loads beside a busy process.", lower_bound=0, upper_bound=1
)
THREADS = flags.DEFINE_integer("num_threads", 1, "Threads of both runtimes.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 2, "Time to measure each load for.", lower_bound=0.1)
JSON = flags.DEFINE_string("json", None, "Also write all loads to this file.")
CACHE_DIR = flags.DEFINE_string("cache_dir", str(cache_folder()), "Where named networks are kept.")
MEASURE = flags.DEFINE_string("measure", None, "Load this one file once, and print JSON.")

SLOWER, FASTER, SHARE_TAKEN = 0.95, 1.15, 0.95


@dataclasses.dataclass(frozen=True)
class Case:
    """A network of the benchmark; `size` is that of its pictures, where not the usual one."""

    network: str
    sparsity: float | None = None
    size: int | None = None

    @property
    def name(self):
        """Such as `mobilenet_v2-80-32px`."""
        zeros = "" if self.sparsity is None else f"-{100 * self.sparsity:g}"
        return self.network + zeros + (f"-{self.size}px" if self.size else "")

    def file(self):
        if self.sparsity is None:
            return catalogue.published_file(self.network, CACHE_DIR.value)
        return catalogue.cached_file(self.network, CACHE_DIR.value, self.sparsity, size=self.size)


CASES = (
    # Dense.
    Case("mobilenet_v1", 0.0),
    Case("mobilenet_v2", 0.0),
    Case("mobilenet_v3_large", 0.0),
    Case("efficientnet_b0", 0.0),
    Case("resnet50", 0.0),
    # With too few zeros, or just enough.
    Case("mobilenet_v1", 0.5),
    Case("mobilenet_v2", 0.5),
    Case("efficientnet_lite0", 0.5),
    Case("resnet50", 0.5),
    # Sparse.
    Case("mobilenet_v1", 0.8),
    Case("mobilenet_v2", 0.8),
    Case("mobilenet_v3_small", 0.8),
    Case("resnet50", 0.9),
    Case("u_net", 0.9),
    # Tiny.
    Case("mobilenet_v2", 0.0, 32),
    Case("mobilenet_v2", 0.8, 32),
    # Published in float16: two dense ones, two sparse ones.
    Case("iris_landmark"),
    Case("hand_landmark_full"),
    Case("face_detection_full_range_sparse"),
    Case("pose_detection"),
)


@dataclasses.dataclass(frozen=True)
class Load:
    """What one load decided, and what that was worth.

    Attributes:
        busy: whether another process kept a core busy.
        taken: ids of the operators that the delegate took.
        speedup: the default's latency through that of what was loaded; 1 where nothing was taken.
        possible: the same where all is taken that can be, or None where that is what was taken.
    """

    busy: bool
    taken: tuple
    speedup: float
    possible: float | None

    @property
    def worth_taking(self):
        """Whether the delegate is clearly faster."""
        return (self.possible or self.speedup) >= FASTER


def measure(path):
    """Loads a file once and prints a `Load` as JSON, for another process."""
    taken, interpreter = open_and_list(path, auto=True)
    everything, forced = open_and_list(path, auto=False)
    default = timing.open_one(path, False, num_threads=THREADS.value, runtime="litert")
    set_random_inputs([default, interpreter, forced])
    speedup, possible = 1.0, None
    if taken:
        speedup = timing.compare(default, interpreter, SECONDS.value).speedup
    if taken != everything:
        possible = timing.compare(default, forced, SECONDS.value).speedup
    print(json.dumps({"taken": taken, "speedup": speedup, "possible": possible}))


def open_and_list(path, auto):
    """The operators that the delegate took, and the interpreter, ready to run."""
    options = {"auto": auto, "tuning": None}
    interpreter, delegate = open_reporting(
        path, num_threads=THREADS.value, runtime="litert", options=options
    )
    input_shapes.allocate(interpreter, None)
    nodes = delegate.report()["nodes"]
    return [node["id"] for node in nodes if node["taken"]], interpreter


def load(path, busy):
    """A `Load` in a process of its own."""
    command = [sys.executable, __file__, "--measure", path, "--seconds", str(SECONDS.value)]
    with neighbour() if busy else contextlib.nullcontext():
        result = subprocess.run(
            [*command, "--num_threads", str(THREADS.value)],
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise SystemExit(f"{path} could not be loaded: {result.stderr.strip()[-500:]}")
    found = json.loads(result.stdout.splitlines()[-1])
    return Load(busy, tuple(found["taken"]), found["speedup"], found["possible"])


@contextlib.contextmanager
def neighbour():
    """A process that multiplies matrices on one core until the block ends."""
    program = "import numpy as np\na = np.ones((512, 512), np.float32)\nwhile True: a @ a"
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as process:
        try:
            yield
        finally:
            process.kill()


def chosen(arguments):
    """Names and files of the cases that the command line asks for."""
    files = {argument: argument for argument in arguments if Path(argument).is_file()}
    patterns = [argument for argument in arguments if argument not in files]
    named = {
        case.name: case
        for case in CASES
        if not arguments or any(fnmatchcase(case.name, pattern) for pattern in patterns)
    }
    if not named and not files:
        raise app.UsageError(
            f"Expected files or some of {', '.join(case.name for case in CASES)}. "
            f"Received: {' '.join(arguments)}"
        )
    return {name: str(case.file()) for name, case in named.items()} | files


def row(name, loads):
    """Cells of the table."""
    decisions = Counter(one.taken for one in loads)
    possible = [one.possible or one.speedup for one in loads]
    return (
        Path(name).name,
        f"{sum(bool(one.taken) for one in loads)} of {len(loads)}",
        str(len(decisions)),
        f"{min(one.speedup for one in loads):.2f}",
        f"{min(possible):.2f} to {max(possible):.2f}",
    )


def main(argv):
    if MEASURE.value:
        return measure(MEASURE.value)
    files = chosen(argv[1:])
    results = {name: [] for name in files}
    # One load of each network after the other: a slow hour then hits all of them.
    for turn in track(range(LOADS.value), "loading"):
        busy = (turn + 1) * BUSY.value // 1 > turn * BUSY.value // 1
        for name, path in files.items():
            results[name].append(load(path, busy))
    show(results)
    if JSON.value:
        rows = {n: [dataclasses.asdict(one) for one in loads] for n, loads in results.items()}
        Path(JSON.value).write_text(json.dumps(rows, indent=1))
    return summary([one for loads in results.values() for one in loads])


def show(results):
    """Prints the table."""
    table = Table(
        "network", title=f"Option auto against TFLite's default, threads: {THREADS.value}"
    )
    columns = ("taken", "different decisions", "slowest load", "if taken")
    for column in columns:
        table.add_column(column, justify="right")
    for name, loads in results.items():
        table.add_row(*row(name, loads))
    Console(width=100).print(table)
    print(timing.cpu_name())


def summary(loads):
    """Prints whether the promises were kept, and returns the exit code."""
    slower = [one for one in loads if one.speedup < SLOWER]
    worth = [one for one in loads if one.worth_taking]
    taken = [one for one in worth if one.speedup >= FASTER or one.possible is None]
    print(f"{len(slower)} of {len(loads)} loads run slower than {SLOWER} of the default.")
    print(f"{len(taken)} of the {len(worth)} loads of what is {FASTER} times faster took it.")
    return int(bool(slower) or len(taken) < SHARE_TAKEN * len(worth))


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
