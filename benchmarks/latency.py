"""How much faster is a network with the tfsparse delegate than with TFLite's default?

Takes .tflite files and names of networks, alternates the two runtimes within one process, and
prints the latency of both and the speed-up with its spread. TFLite's default is XNNPACK. A named
network has random weights whose 1x1 convolutions are pruned (of resnet50 all); it is made once and
kept. pose_detection and face_detection_full_range_sparse are Google's and as sparse as they are.

    python benchmarks/latency.py                                  # MobileNetV2, 80 and 90 %
    python benchmarks/latency.py mobilenet_v1 --sparsity 0.7,0.95 --block 4
    python benchmarks/latency.py resnet50 pose_detection
    python benchmarks/latency.py my_model.tflite --threads 2 --runtime litert --json out.json
"""

import dataclasses
import json
import sys
from importlib import metadata
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

from tfsparse import downloads, networks, timing

SPARSITY = flags.DEFINE_list(
    "sparsity", ["0.8", "0.9"], "Zeros in the pruned convolutions of named networks, as fractions."
)
BLOCK = flags.DEFINE_enum(
    "block", "1", ["1", "2", "4"], "Output channels of named networks that share a pattern."
)
THREADS = flags.DEFINE_integer("threads", 1, "Threads of both runtimes.", lower_bound=1)
RUNTIME = flags.DEFINE_enum(
    "runtime", "tf", ["tf", "litert"], "Whose interpreter: tensorflow's or ai-edge-litert's."
)
SECONDS = flags.DEFINE_float("seconds", 10, "Time to measure each file for.", lower_bound=0.1)
TOLERANCE = flags.DEFINE_float(
    "tolerance", 1e-4, "Fail where outputs differ by more than this part of the largest output."
)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")
CACHE_DIR = flags.DEFINE_string(
    "cache_dir", str(downloads.cache_folder()), "Where named networks are kept."
)


@dataclasses.dataclass(frozen=True)
class Result:
    """One row: a network, its latency in both runtimes, and how far their outputs are apart."""

    network: str
    sparsity: float | None
    path: str
    comparison: timing.Comparison
    difference: float


def runtime_name(runtime):
    package = {"tf": "tensorflow", "litert": "ai-edge-litert"}[runtime]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        raise app.UsageError(
            f"--runtime {runtime} needs a package: pip install {package}"
        ) from None


def files_to_measure(arguments, sparsities, folder, console):
    """Yields (name, sparsity or None, path) of each file, making those of named networks."""
    for argument in arguments:
        if argument in networks.ARCHITECTURES:
            for sparsity in sparsities:
                with console.status(f"making {argument} at {sparsity:.0%} zeros"):
                    path = networks.cached_file(argument, folder, sparsity, int(BLOCK.value))
                yield argument, sparsity, path
        elif argument in networks.PRETRAINED:
            try:
                with console.status(f"downloading {argument}"):
                    path = networks.cached_file(argument, folder)
            except OSError as error:
                sys.exit(f"{error}\nA cache folder from another machine serves too (--cache_dir).")
            yield argument, None, path
        elif Path(argument).is_file():
            yield Path(argument).name, None, Path(argument)
        else:
            names = ", ".join(networks.NETWORKS)
            raise app.UsageError(f"{argument!r} is neither a file nor one of {names}.")


def table_of(results, tolerance):
    table = Table(title="Latency of one inference in ms: median (fastest)")
    table.add_column("network", no_wrap=True)
    for column in ("zeros", "TFLite default", "tfsparse", "speed-up (quartiles)"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("outputs differ by", justify="right", no_wrap=True)
    for result in results:
        times = result.comparison
        lower, upper = times.speedup_quartiles
        wrong = not result.difference <= tolerance
        table.add_row(
            result.network,
            "" if result.sparsity is None else f"{result.sparsity:.0%}",
            f"{times.baseline_median:.2f} ({times.baseline_min:.2f})",
            f"{times.candidate_median:.2f} ({times.candidate_min:.2f})",
            f"{times.speedup:.2f}x ({lower:.2f}-{upper:.2f})",
            f"{result.difference:.1e}",
            style="red" if wrong else None,
        )
    return table


def write_json(path, results, machine):
    rows = [dataclasses.asdict(result) for result in results]
    Path(path).write_text(json.dumps({**machine, "results": rows}, indent=2) + "\n")


def parse_sparsities(texts):
    try:
        sparsities = [float(text) for text in texts]
    except ValueError:
        raise app.UsageError(f"--sparsity takes fractions such as 0.8,0.9, not {texts}.") from None
    if not all(0 <= sparsity < 1 for sparsity in sparsities):
        raise app.UsageError(f"--sparsity takes fractions from 0 to below 1, not {texts}.")
    return sparsities


def main(argv):
    # Off a terminal there is no width to fit: a table cut in a log file would be useless.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    machine = {
        "cpu": timing.cpu_name(),
        "threads": THREADS.value,
        "runtime": runtime_name(RUNTIME.value),
    }
    files = files_to_measure(
        argv[1:] or ["mobilenet_v2"], parse_sparsities(SPARSITY.value), CACHE_DIR.value, console
    )
    results = []
    for name, sparsity, path in files:
        with console.status(f"timing {name}"):
            pair = timing.open_pair(path, path, THREADS.value, RUNTIME.value)
            difference = timing.output_difference(*pair)
            comparison = timing.compare(*pair, seconds=SECONDS.value)
        results.append(Result(name, sparsity, str(path), comparison, difference))
    console.print(table_of(results, TOLERANCE.value))
    console.print("{cpu}, threads: {threads}, {runtime}".format(**machine), highlight=False)
    if JSON.value:
        write_json(JSON.value, results, machine)
    wrong = [result.path for result in results if not result.difference <= TOLERANCE.value]
    if wrong:
        sys.exit(f"Outputs differ by more than {TOLERANCE.value:g}: {', '.join(wrong)}")


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the files.
    app.run(main)
