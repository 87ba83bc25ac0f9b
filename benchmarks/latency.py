"""Measures the speed-up of the tfsparse delegate over TFLite's default, XNNPACK.

Takes .tflite files and names of networks, runs both in turn within one process, and
prints the latency of both and the speed-up with its spread. A named
network has random weights and pruned 1x1 convolutions (resnet50: all convolutions); it is cached.
pose_detection and face_detection_full_range_sparse are Google's, with their own zeros.

    python benchmarks/latency.py                                  # MobileNetV2, 80 and 90 %
    python benchmarks/latency.py mobilenet_v1 --sparsity 0.7,0.95 --block 4
    python benchmarks/latency.py resnet50 pose_detection
    python benchmarks/latency.py my_model.tflite --num_threads 2 --runtime litert --json out.json

With --suite, measures what tfsparse promises and shows the promised figure beside the measured,
with the time to load and the peak of memory; names and patterns then choose among its rows.

    python benchmarks/latency.py --suite
    python benchmarks/latency.py --suite 'mobilenet_v2-80*' --isa avx2
"""

import dataclasses
import sys
from pathlib import Path

import suite
from absl import app, flags
from rich.console import Console

from tfsparse import formatting
from tfsparse.files import cache_folder
from tfsparse.runtime import benchmark, loading, timing
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import catalogue

SUITE = flags.DEFINE_bool("suite", False, "Measure what tfsparse promises.")
SPARSITY = flags.DEFINE_list(
    "sparsity", ["0.8", "0.9"], "Zeros in the pruned convolutions of named networks, as fractions."
)
BLOCK = flags.DEFINE_enum(
    "block", "1", ["1", "2", "4"], "Output channels of named networks that share a pattern."
)
THREADS = flags.DEFINE_integer("num_threads", 1, "Threads of both runtimes.", lower_bound=1)
RUNTIME = flags.DEFINE_enum(
    "runtime", "tf", ["tf", "litert"], "Whose interpreter: tensorflow's or ai-edge-litert's."
)
AUTO = flags.DEFINE_bool(
    "auto", True, "Let tfsparse leave to TFLite's default what that runs faster."
)
ISA = flags.DEFINE_enum(
    "isa", None, ["avx512", "avx2", "portable"], "Limits tfsparse to an instruction set."
)
SECONDS = flags.DEFINE_float("seconds", 10, "Time to measure each file for.", lower_bound=0.1)
TOLERANCE = flags.DEFINE_float(
    "tolerance", 1e-4, "Largest error of outputs, see `tfsparse benchmark --help`."
)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")
CACHE_DIR = flags.DEFINE_string("cache_dir", str(cache_folder()), "Where named networks are kept.")

# Neither cpuinfo nor XNNPACK, as of TensorFlow 2.21, reads a variable or an option for it.
ISA_NOTE = "TFLite's default has no option for it, and uses all that the CPU has."


@dataclasses.dataclass(frozen=True)
class Result(benchmark.Result):
    """One row: also the case, and what it takes to load."""

    case: suite.Case
    loading_cost: loading.LoadingCost | None


def cases_to_measure(arguments):
    """Returns the cases that the command line asks for."""
    sparsities = parse_sparsities(SPARSITY.value)
    if SUITE.value:
        try:
            return suite.select(arguments)
        except ValueError as error:
            raise app.UsageError(f"--suite: {error}") from None
    cases = []
    for argument in arguments or ["mobilenet_v2"]:
        if argument in catalogue.ARCHITECTURES:
            cases += [suite.Case(argument, s, int(BLOCK.value)) for s in sparsities]
        elif argument in catalogue.PRETRAINED or Path(argument).is_file():
            cases.append(suite.Case(argument))
        else:
            names = ", ".join(catalogue.NETWORKS)
            raise app.UsageError(f"{argument!r} is neither a file nor one of {names}.")
    return cases


def file_of(case):
    """Returns the file of a case, made or downloaded where missing."""
    if case.network not in catalogue.NETWORKS:
        return Path(case.network)
    try:
        return catalogue.cached_file(
            case.network,
            CACHE_DIR.value,
            case.sparsity or 0.0,
            case.block_size,
            weights=case.weights,
        )
    except OSError as error:
        sys.exit(f"{error}\nA cache folder from another machine serves too (--cache_dir).")


def measure(case, path, machine):
    """Returns the `Result` of a case."""
    runtime, options = machine.runtime, machine.options
    opened = {"num_threads": machine.num_threads, "runtime": runtime, "options": options}
    if case.baseline == "one thread":
        both = options | {"auto": False}
        pair = [
            timing.open_one(path, True, num_threads=n, runtime=runtime, options=both)
            for n in (1, 2)
        ]
        set_random_inputs(pair)
    else:
        pair = timing.open_pair(path, path, **opened)
    name = Path(case.name).name if case.network not in catalogue.NETWORKS else case.name
    reference = timing.open_plain(path, runtime)
    measured = benchmark.compare(name, pair, SECONDS.value, reference)
    cost = None
    if case.weighs and sys.platform == "linux":
        cost = loading.measure(path, **opened)
    return Result(**vars(measured), case=case, loading_cost=cost)


def promises(results):
    """Columns with what is promised, where something is."""
    if not any(result.case.at_least for result in results):
        return []

    def kept(result):
        if result.case.at_least is None:
            return ""
        reached = result.comparison.speedup >= result.case.at_least
        return f"{result.case.at_least:g}x {'kept' if reached else 'missed'}"

    def cost(field):
        return lambda result: (
            f"{getattr(result.loading_cost, field):.2f}x" if result.loading_cost else ""
        )

    return [
        ("promised", kept),
        (f"load, <= {suite.MOST_LOAD:g}x", cost("load")),
        (f"memory, <= {suite.MOST_PEAK}x", cost("peak")),
    ]


def parse_sparsities(texts):
    try:
        sparsities = [float(text) for text in texts]
    except ValueError:
        raise app.UsageError(f"--sparsity takes fractions such as 0.8,0.9, not {texts}.") from None
    if not all(0 <= sparsity < 1 for sparsity in sparsities):
        raise app.UsageError(f"--sparsity takes fractions from 0 to below 1, not {texts}.")
    return sparsities


def this_machine():
    options = {"auto": AUTO.value} | ({"isa": ISA.value} if ISA.value else {})
    try:
        return benchmark.machine(num_threads=THREADS.value, runtime=RUNTIME.value, options=options)
    except ImportError as error:
        raise app.UsageError(f"--runtime: {error}") from None


def main(argv):
    # Off a terminal there is no width to fit: a table cut in a log file would be useless.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    machine = this_machine()
    results = []
    for case in cases_to_measure(argv[1:]):
        with console.status(f"making {case.name}"):
            path = file_of(case)
        with console.status(f"timing {case.name}"):
            results.append(measure(case, path, machine))
    console.print(benchmark.table(results, TOLERANCE.value, promises(results)))
    console.print(machine.describe(), highlight=False)
    if any(result.case.baseline == "one thread" for result in results):
        console.print("-threads: tfsparse with one thread, and with two, side by side.")
    if ISA.value:
        console.print(f"tfsparse is limited to {ISA.value}. {ISA_NOTE}", highlight=False)
    for note in benchmark.notes(results):
        console.print(note, highlight=False)
    if JSON.value:
        found = benchmark.to_dict(results, machine)
        Path(JSON.value).write_text(formatting.to_json(found) + "\n")
    try:
        benchmark.check_differences(results, TOLERANCE.value)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the files.
    app.run(main)
