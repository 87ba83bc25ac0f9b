"""What arm.py and x86.py share: their rows, their flags and their table."""

import dataclasses
import json
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from tfsparse.files import cache_folder
from tfsparse.runtime import differences
from tfsparse.runtime.random_inputs import random_input
from tfsparse.zoo import catalogue

ROOT = Path(__file__).resolve().parents[1]

ISA = flags.DEFINE_string("isa", None, "Limits tfsparse to an instruction set, such as portable.")
ONLY = flags.DEFINE_enum("only", None, ["default", "tfsparse"], "Count one of the two runtimes.")
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
        sparsity, block_size: see `catalogue.build`; None for a network that is as it is.
        at_most: tfsparse's instructions as a fraction of the default's; None where there is no
            promise, or the default cannot run it.
        weights, encoding: see `catalogue.cached_file`.
    """

    network: str
    sparsity: float | None = None
    at_most: float | None = None
    weights: str = "float32"
    block_size: int = 1
    encoding: str = "none"

    @property
    def name(self):
        """Such as `mobilenet_v2-80-block4`, or `mobilenet_v2-80-int8`."""
        parts = [self.network]
        if self.sparsity is not None:
            parts.append(f"{100 * self.sparsity:g}")
        if self.block_size != 1:
            parts.append(f"block{self.block_size}")
        if self.weights != "float32":
            parts.append(self.weights)
        return "-".join(parts)


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


def select(cases, patterns):
    """The cases whose names match one of the patterns; all for none. A file is a case of its own.

    Raises:
        ValueError: a pattern matches no case, and is no file either.
    """
    if not patterns:
        return list(cases)
    chosen = []
    for pattern in patterns:
        found = [case for case in cases if fnmatchcase(case.name, pattern)]
        if not found and not Path(pattern).is_file():
            names = ", ".join(case.name for case in cases)
            raise ValueError(f"Expected a file or names of {names}. Received: {pattern!r}.")
        chosen += found or [Case(pattern)]
    return chosen


def file_of(case):
    if case.network not in catalogue.NETWORKS:
        return Path(case.network)
    return catalogue.cached_file(
        case.network,
        CACHE_DIR.value,
        case.sparsity or 0.0,
        (1, 4) if case.weights == "int8" else case.block_size,
        encoding=case.encoding,
        weights=case.weights,
    )


def random_inputs(path, seed=0):
    """Arrays by the index of their tensor."""
    from ai_edge_litert.interpreter import Interpreter

    rng = np.random.default_rng(seed)
    return {d["index"]: random_input(rng, d) for d in Interpreter(str(path)).get_input_details()}


def compiled(source, packages, compiler="cc"):
    """Path of a C source of this folder, compiled as a library.

    Args:
        source: its name.
        packages: the packages of programs that are needed besides the compiler, by program.
        compiler: of C.

    Raises:
        OSError: a program is missing.
    """
    for program, package in ({"cc": "gcc"} | packages).items():
        if shutil.which(program) is None:
            raise OSError(f"{program} is not installed: apt-get install {package}")
    library = (ROOT / "build" / source).with_suffix(".so")
    library.parent.mkdir(exist_ok=True)
    path = Path(__file__).with_name(source)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", path, "-o", library], check=True)
    return library


def our_options():
    # Of an emulator's speed the delegate could not tell what the default does faster.
    return {"auto": "0"} | ({"isa": ISA.value} if ISA.value else {})


def most(functions):
    """Those of `--functions`, the most first."""
    return dict(sorted(functions.items(), key=lambda item: -item[1])[: FUNCTIONS.value])


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
    return [*texts, f"{differences.largest_difference(pairs):.1e}" if both else ""]


def cell(counted):
    if counted is None:
        return ""
    return counted.error or f"{1e-6 * counted.instructions:.1f} M"


def table_of(rows, processor):
    table = Table(title=f"Instructions of one inference, {processor}, one thread")
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


def run(patterns, cases, count, count_ours, how):
    """Counts and prints the cases that match.

    Args:
        patterns: see `select`.
        cases: all rows.
        count: returns the `Count` of TFLite's default for a path and inputs.
        count_ours: the same of tfsparse.
        how: texts that say how it was counted, by their names in the JSON file; `processor` is one.
    """
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    rows = []
    try:
        for case in select(cases, patterns):
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
    console.print(table_of(rows, how["processor"]))
    console.print(", ".join(f"{name}: {text}" for name, text in how.items()), highlight=False)
    if JSON.value:
        results = [as_json(*row) for row in rows]
        Path(JSON.value).write_text(json.dumps(how | {"results": results}, indent=2))
