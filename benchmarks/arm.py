"""Counts the instructions of one inference on arm64, with tfsparse and with TFLite's default.

LiteRT for arm64 runs in QEMU's emulation of a Cortex-A76, one thread, float32 (tfsparse also in
float16), and a plugin of QEMU counts instructions; the counts are exact and reproducible. They are
not time, but they compare two sets of NEON kernels for the same arithmetic without a phone. A
network takes minutes, because QEMU computes floats in software.

    python benchmarks/arm.py                                  # every row
    python benchmarks/arm.py 'mobilenet_v2_padded-*' --runs 1 # some, quickly
    python benchmarks/arm.py pose_detection --functions 15    # and where tfsparse spends them
    python benchmarks/arm.py my_model.tflite --only tfsparse --precision fp16

A count is the difference between many inferences and half as many, so that it does not include the
start. Needs Debian 12 and its packages g++-aarch64-linux-gnu, qemu-user and qemu-user-static.
"""

import bisect
import collections
import dataclasses
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.delegate import arm64  # noqa: E402
from tfsparse.files import cache_folder  # noqa: E402
from tfsparse.runtime import timing  # noqa: E402
from tfsparse.runtime.random_inputs import random_input  # noqa: E402
from tfsparse.zoo import catalogue  # noqa: E402

RUNS = flags.DEFINE_integer(
    "runs", 10, "Count a run of this many inferences and one of twice as many.", lower_bound=1
)
ISA = flags.DEFINE_string("isa", None, "Limits tfsparse to an instruction set, such as portable.")
PRECISION = flags.DEFINE_enum("precision", "fp32", ["fp32", "fp16"], "What tfsparse computes in.")
ONLY = flags.DEFINE_enum("only", None, ["default", "tfsparse"], "Count one of the two runtimes.")
CPU = flags.DEFINE_string("cpu", arm64.CPU, "What QEMU emulates, see qemu-aarch64 -cpu help.")
FUNCTIONS = flags.DEFINE_integer(
    "functions", 0, "Also list this many functions of tfsparse that take most.", lower_bound=0
)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")
CACHE_DIR = flags.DEFINE_string("cache_dir", str(cache_folder()), "Where named networks are kept.")


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: a network, and the part of the default's instructions that tfsparse may take.

    Attributes:
        network: one of `catalogue.NETWORKS`, or a file.
        sparsity: see `catalogue.build`; None for a network that is as it is.
        at_most: tfsparse's instructions as a fraction of the default's; None where there is no
            promise, or the default cannot run it.
    """

    network: str
    sparsity: float | None = None
    at_most: float | None = None
    weights: str = "float32"

    @property
    def name(self):
        """Such as `mobilenet_v2-80`, or `mobilenet_v2-80-int8`."""
        zeros = "" if self.sparsity is None else f"-{100 * self.sparsity:g}"
        return self.network + zeros + ("" if self.weights == "float32" else f"-{self.weights}")


CASES = (
    Case("mobilenet_v2_padded", 0.8, 0.80),  # XNNPACK's own sparse mode is on
    Case("mobilenet_v2_padded", 0.9, 0.80),
    Case("mobilenet_v2", 0.8, 0.45),  # and here it is not
    Case("mobilenet_v2", 0.9, 0.33),
    Case("pose_detection", None, 0.55),
    Case("face_detection_full_range_sparse", None, 0.65),
    Case("mobilenet_v2_convolutional", 0.8),
    Case("mobilenet_v2", 0.8, 0.55, weights="int8"),
    Case("mobilenet_v2", 0.9, 0.50, weights="int8"),
)


@dataclasses.dataclass(frozen=True)
class Count:
    """Instructions of one inference, and what came out; or why there was none.

    Attributes:
        instructions: of one inference, a float since it is a mean.
        outputs: arrays by the index of their tensor.
        functions: instructions by function of tfsparse, the most first; empty if not asked for.
        error: what the runtime said when it could not load or run the model.
    """

    instructions: float | None = None
    outputs: dict = dataclasses.field(default_factory=dict)
    functions: dict = dataclasses.field(default_factory=dict)
    error: str = ""


def select(patterns):
    """The cases whose names match one of the patterns; all for none. A file is a case of its own.

    Raises:
        ValueError: a pattern matches no case, and is no file either.
    """
    if not patterns:
        return list(CASES)
    cases = []
    for pattern in patterns:
        found = [case for case in CASES if fnmatchcase(case.name, pattern)]
        if not found and not Path(pattern).is_file():
            names = ", ".join(case.name for case in CASES)
            raise ValueError(f"Expected a file or names of {names}. Received: {pattern!r}.")
        cases += found or [Case(pattern)]
    return cases


def file_of(case):
    if case.network not in catalogue.NETWORKS:
        return Path(case.network)
    return catalogue.cached_file(
        case.network,
        CACHE_DIR.value,
        case.sparsity or 0.0,
        (1, 4) if case.weights == "int8" else 1,
        encoding="auto",
        weights=case.weights,
    )


def random_inputs(path, seed=0):
    """Arrays by the index of their tensor."""
    from ai_edge_litert.interpreter import Interpreter

    rng = np.random.default_rng(seed)
    return {d["index"]: random_input(rng, d) for d in Interpreter(str(path)).get_input_details()}


@functools.cache
def counter():
    """Path of QEMU's plugin, compiled.

    Raises:
        OSError: QEMU or a C compiler is not installed.
    """
    for program, package in (("qemu-aarch64", "qemu-user"), ("cc", "gcc")):
        if shutil.which(program) is None:
            raise OSError(f"{program} is not installed: it comes with {package}")
    library = ROOT / "build" / "instructions.so"
    source = Path(__file__).with_name("instructions.c")
    library.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
    return library


def blocks_of(path, inputs, runs, delegate, options, folder):
    """Runs inferences; returns outputs, executed instructions by block, and the memory map."""
    counts, maps = folder / "counts", folder / "maps"
    qemu = ("qemu-aarch64", "-cpu", CPU.value, "-plugin", f"{counter()},out={counts}")
    outputs, _ = arm64.infer(path, inputs, delegate, options, runs, maps, qemu)
    return outputs, parse_blocks(counts.read_text()), maps.read_text()


def parse_blocks(text):
    """Executed instructions by the address of their block."""
    blocks = collections.Counter()
    for line in text.splitlines():
        address, executed = line.split()
        blocks[int(address, 16)] += int(executed)
    return blocks


def count_ours(path, inputs):
    # Of an emulator's speed the delegate could not tell what the default does faster.
    options = {"auto": "0", "precision": PRECISION.value}
    options |= {"isa": ISA.value} if ISA.value else {}
    return count(path, inputs, arm64.plugin(), options)


def count(path, inputs, delegate=None, options=None):
    """Returns the `Count` of one inference of a model."""
    runs, blocks, functions = RUNS.value, [], []
    with tempfile.TemporaryDirectory() as folder:
        for times in (runs, 2 * runs):
            try:
                outputs, executed, maps = blocks_of(
                    path, inputs, times, delegate, options, Path(folder)
                )
            except RuntimeError as error:
                return Count(error=str(error).splitlines()[-1])
            blocks.append(sum(executed.values()))
            if delegate and FUNCTIONS.value:
                functions.append(by_function(executed, maps, delegate))
    each = {}
    if functions:
        few, many = functions
        each = {name: (many[name] - few[name]) / runs for name in many}
        each = dict(sorted(each.items(), key=lambda item: -item[1])[: FUNCTIONS.value])
    return Count((blocks[1] - blocks[0]) / runs, outputs, each)


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


def cells(case, default, ours):
    """The row of a case."""
    texts = [case.name, *(cell(one) for one in (default, ours))]
    both = default and ours and default.instructions and ours.instructions
    ratio = ours.instructions / default.instructions if both else None
    promise = ""
    if case.at_most:
        promise = f"{case.at_most:.2f}"
        if both:
            promise += " kept" if ratio <= case.at_most else " missed"
    texts += [f"{ratio:.3f}" if both else "", promise]
    pairs = [(default.outputs[i], ours.outputs[i]) for i in default.outputs] if both else []
    return [*texts, f"{timing.largest_difference(pairs):.1e}" if both else ""]


def cell(counted):
    if counted is None:
        return ""
    return counted.error or f"{1e-6 * counted.instructions:.1f} M"


def table_of(rows):
    table = Table(title="Instructions of one inference, arm64, one thread")
    table.add_column("network-zeros", no_wrap=True)
    columns = ("TFLite default", "tfsparse", "ratio", "at most", "outputs differ by")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*cells(*row))
    return table


def functions_of(ours):
    table = Table("instructions", "%", "function of tfsparse", box=None)
    for name, executed in ours.functions.items():
        share = f"{100 * executed / ours.instructions:.1f}"
        table.add_row(f"{1e-6 * executed:.2f} M", share, name)
    return table


def as_json(case, default, ours):
    counted = {"default": default, "tfsparse": ours}
    return {"name": case.name, "at_most": case.at_most} | {
        runtime: {"instructions": one.instructions, "error": one.error, "functions": one.functions}
        for runtime, one in counted.items()
        if one
    }


def main(argv):
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    rows = []
    try:
        for case in select(argv[1:]):
            path = file_of(case)
            inputs = random_inputs(path)
            default = None if ONLY.value == "tfsparse" else count(path, inputs)
            ours = None if ONLY.value == "default" else count_ours(path, inputs)
            rows.append((case, default, ours))
            print(*cells(*rows[-1]), file=sys.stderr)
            if ours and ours.functions:
                console.print(functions_of(ours))
    except ValueError as error:
        raise app.UsageError(str(error)) from None
    except OSError as error:
        sys.exit(str(error))
    console.print(table_of(rows))
    precision = f"tfsparse in {PRECISION.value}"
    console.print(f"{arm64.WHEELS[0]}, qemu-aarch64 -cpu {CPU.value}, {precision}", highlight=False)
    if JSON.value:
        results = [as_json(*row) for row in rows]
        how = {"cpu": CPU.value, "precision": PRECISION.value}
        Path(JSON.value).write_text(json.dumps(how | {"results": results}, indent=2))


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the patterns.
    app.run(main)
