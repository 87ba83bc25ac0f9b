"""Measures how well the option `auto` predicts the latency of TFLite's default, XNNPACK.

The delegate cannot time XNNPACK, so it predicts its time from the operators and the measured speed
of the processor (delegate/core/assignment/estimate.h). Prints both for dense networks, one thread,
with the median of their ratio and the range of nine networks of ten. A large error on a machine
means that `auto` leaves models that tfsparse would run faster, or takes models that it runs slower.

    python benchmarks/default_latency.py
    python benchmarks/default_latency.py mobilenet_v2 my_model.tflite
"""

import time
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.files import cache_folder
from tfsparse.runtime import timing
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import catalogue

SECONDS = flags.DEFINE_float("seconds", 3, "Time to measure each file for.", lower_bound=0.1)
CACHE_DIR = flags.DEFINE_string("cache_dir", str(cache_folder()), "Where named networks are kept.")


def fastest(interpreter, seconds):
    """Seconds of the fastest inference: what the prediction is about."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.invoke()
        best = min(best, time.perf_counter() - start)
    return best


def find(name):
    if Path(name).is_file():
        return Path(name)
    if name in catalogue.NETWORKS:
        sparsity = 0.0 if name in catalogue.ARCHITECTURES else None
        return catalogue.cached_file(name, CACHE_DIR.value, sparsity)
    raise app.UsageError(f"{name!r} is neither a file nor one of {', '.join(catalogue.NETWORKS)}.")


def main(argv):
    table = Table("network", title="One inference of TFLite's default, one thread")
    for column in ("fastest ms", "predicted ms", "predicted / measured"):
        table.add_column(column, justify="right")
    ratios = []
    for name in argv[1:] or catalogue.NETWORKS:
        path = find(name)
        parts = tfsparse.explain(path, options={"auto": False}).parts
        predicted = sum(part.default_seconds for part in parts)
        default = timing.open_one(path, False)
        set_random_inputs([default])
        measured = fastest(default, SECONDS.value)
        ratios.append(predicted / measured)
        row = (1e3 * measured, 1e3 * predicted, ratios[-1])
        table.add_row(Path(name).name, *(f"{value:.2f}" for value in row))
    Console(width=100).print(table)
    low, median, high = np.percentile(ratios, [5, 50, 95])
    print(f"predicted / measured: median {median:.2f}, nine of ten {low:.2f} to {high:.2f}")
    print(timing.cpu_name())


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the files.
    app.run(main)
