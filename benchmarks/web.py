"""Measures models in a browser: LiteRT.js on dense and on sparse files, and tfsparse's module.

All of them run in turn in one page of a headless Chromium, one thread each; with --num_threads,
tfsparse also with more. LiteRT.js is Google's runtime of .tflite files for browsers. It is
installed with npm, once, into the cache folder.

    make web
    python benchmarks/web.py --suite
    python benchmarks/web.py mobilenet_v2_padded --sparsity 0.8 --json out.json
    python benchmarks/web.py pose_detection model.tflite --num_threads 2
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse import flatbuffer, formatting
from tfsparse.files import cache_folder
from tfsparse.runtime import timing
from tfsparse.zoo import catalogue

if __name__ != "__main__":
    from benchmarks import browser
else:
    import browser

ROOT = Path(__file__).resolve().parents[1]
LITERT = "@litertjs/core@2.5.3"
MODULE = ROOT / "dist" / "web"
# As the page names them, with what each runs.
RUNTIMES = {"litert dense": "dense", "litert sparse": "sparse", "tfsparse": "sparse"}
# Networks and the zeros of those that are pruned: the rows of docs/web.md.
SUITE = {
    "mobilenet_v2_padded": (0.8, 0.9),
    "mobilenet_v2": (0.8, 0.9),
    **dict.fromkeys(catalogue.PRETRAINED),
}
INT8_SUITE = {"mobilenet_v2": (0.8, 0.9)}
INFERENCES = 5  # of one runtime in sequence, a part of a round
TIMEOUT = 300  # seconds for all that is not measuring

SPARSITY = flags.DEFINE_list("sparsity", ["0.8", "0.9"], "Zeros of named networks, as fractions.")
WHOLE_SUITE = flags.DEFINE_bool("suite", False, "Measure the networks of docs/web.md.")
SECONDS = flags.DEFINE_float("seconds", 10, "Time to measure each model for.", lower_bound=0.1)
THREADS = flags.DEFINE_integer("num_threads", 1, "Also time tfsparse with so many.", lower_bound=1)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")
CACHE_DIR = flags.DEFINE_string("cache_dir", str(cache_folder()), "Where files are kept.")


def litert_js(folder):
    """The folder of LiteRT.js's packages, installed where missing.

    Raises:
        OSError: npm is not installed, or cannot install it.
    """
    folder = Path(folder) / LITERT.replace("/", "_")
    packages = folder / "node_modules" / "@litertjs"
    if not (packages / "core" / "wasm" / "litert_wasm_internal.wasm").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", folder, "--no-save", LITERT]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise OSError(f"npm cannot install {LITERT}: {result.stderr.strip()}")
    return packages


def suite_files():
    """The files of the suite, as `measure` takes them; those that cannot be had are left out."""
    files = {}
    for network, sparsities in SUITE.items():
        try:
            files |= _network_files(network, sparsities)
        except OSError as error:
            print(f"{network} is left out, it could not be downloaded: {error}", file=sys.stderr)
    for network, sparsities in INT8_SUITE.items():
        files |= _network_files(network, sparsities, weights="int8", block_size=(1, 4))
    return files


def _network_files(network, sparsities, **options):
    """{name: path} of a network by its sparsity; Google's are as they are."""
    if network in catalogue.PRETRAINED:
        return {network: catalogue.cached_file(network, CACHE_DIR.value)}
    typed = f" {options['weights']}" if "weights" in options else ""
    return {
        f"{network}{typed}, {100 * sparsity:.0f} %": catalogue.cached_file(
            network, CACHE_DIR.value, sparsity, encoding="auto", **options
        )
        for sparsity in sparsities
    }


def sparse_files(arguments):
    """{name: path} of the files that the command line asks for, made or downloaded if missing."""
    files = {}
    for argument in arguments or ["mobilenet_v2"]:
        if argument in catalogue.NETWORKS:
            files |= _network_files(argument, map(float, SPARSITY.value))
        elif Path(argument).is_file():
            files[Path(argument).name] = Path(argument)
        else:
            names = ", ".join(catalogue.NETWORKS)
            raise app.UsageError(f"{argument!r} is neither a file nor one of {names}.")
    return files


def input_shape(path):
    """The shape of a file's only input, of float32 numbers."""
    (graph, *_) = flatbuffer.read(path).subgraphs
    inputs = [graph.tensors[i] for i in graph.inputs]
    if [one.type for one in inputs] != [flatbuffer.schema.TensorType.FLOAT32]:
        sys.exit(f"{path}: expected a model with one input of float32")
    return [max(1, int(size)) for size in inputs[0].shape]


def with_threads(num_threads):
    """`RUNTIMES`, and tfsparse with more threads than one."""
    more = {f"tfsparse, {num_threads} threads": "sparse"} if num_threads > 1 else {}
    return RUNTIMES | more


def measure(files, seconds, litert, module=MODULE, runtimes=RUNTIMES):
    """Times sparse files in a browser, and dense copies of them.

    Args:
        files: {name: path} of sparse files.
        seconds: To measure each of them for.
        litert: The folder of LiteRT.js's packages.
        module: The folder of tfsparse's.
        runtimes: {name: "dense" or "sparse"}, those of `with_threads` that are timed.

    Returns:
        {"models": [{"name", "times": {runtime: milliseconds}, "error"}], "browser"}.

    Raises:
        OSError: No browser is installed.
        RuntimeError: The page failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        served, models = {}, []
        for i, (name, path) in enumerate(files.items()):
            dense = Path(folder, f"{i}.tflite")
            tfsparse.densify(path, dense)
            served |= {f"/{i}-sparse.tflite": Path(path), f"/{i}-dense.tflite": dense}
            addresses = {runtime: f"/{i}-{kind}.tflite" for runtime, kind in runtimes.items()}
            models.append({"name": name, "files": addresses, "shape": input_shape(path)})
        job = {"models": models, "seconds": seconds, "inferences": INFERENCES}
        served |= {
            "/job.json": json.dumps(job).encode(),
            "/web.js": Path(__file__).with_suffix(".js"),
            "/litert/": litert,
            "/tfsparse/": module,
        }
        return browser.run("/web.js", served, TIMEOUT + 2 * seconds * len(models))


def show(found, console):
    """Prints a table of what `measure` returns."""
    table = Table(title=f"milliseconds in {found['browser'].split()[-2]}: fastest / median")
    table.add_column("model")
    rows = [_row(model) for model in found["models"]]
    for column in rows[0]:
        table.add_column(column, justify="right")
    for model, row in zip(found["models"], rows, strict=True):
        table.add_row(model["name"], *row.values())
    console.print(table)
    console.print(
        f"{timing.cpu_name()}, one thread each if it is not named; ratios are medians of those "
        "within a round",
        highlight=False,
    )


def _row(model):
    """The cells of a model by column: times, how much faster than each, and the error.

    That is one thread of tfsparse against the others, and several against it.
    """
    times = model["times"]
    row = {name: f"{min(t):.1f} / {statistics.median(t):.1f}" for name, t in times.items()}
    for name, baseline in times.items():
        if name.startswith("litert"):
            row[f"against {name}"] = f"{speedup(baseline, times['tfsparse']):.2f}x"
        elif name != "tfsparse":
            row[f"{name} : one"] = f"{speedup(times['tfsparse'], baseline):.2f}x"
    return row | {"error": f"{model['error']:.0e}"}


def speedup(baseline, candidate):
    """How often `candidate` runs in the time of `baseline`.

    The median over the rounds, of each the fastest inference: other load rarely slows all of a
    round's.
    """
    rounds = range(0, min(len(baseline), len(candidate)), INFERENCES)
    fastest = [
        (min(baseline[i : i + INFERENCES]), min(candidate[i : i + INFERENCES])) for i in rounds
    ]
    return statistics.median(first / second for first, second in fastest)


def main(argv):
    if not (MODULE / "index.js").exists():
        sys.exit(f"{MODULE} is missing: run `make web` first.")
    # Off a terminal there is no width to fit.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    try:
        files = suite_files() if WHOLE_SUITE.value else sparse_files(argv[1:])
        litert, runtimes = litert_js(CACHE_DIR.value), with_threads(THREADS.value)
        found = measure(files, SECONDS.value, litert, runtimes=runtimes)
    except (OSError, RuntimeError) as error:
        sys.exit(str(error))
    show(found, console)
    if JSON.value:
        Path(JSON.value).write_text(formatting.to_json(found | {"cpu": timing.cpu_name()}) + "\n")


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the files.
    app.run(main)
