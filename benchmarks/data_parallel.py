"""Measures what compressed gradients save in a data-parallel training, and what they cost.

Several processes of this machine train one network, each on its share of the pictures. In each step
they exchange gradients over loopback sockets: as float32, of which a server sends the mean back, or
compressed, and each gets the messages of all others. All apply the same mean with the same
optimizer, so that their weights stay equal, which is checked at the end.

    python benchmarks/data_parallel.py
    python benchmarks/data_parallel.py float32 terngrad --seeds 0,1 --steps 400 --json out.json
    python benchmarks/data_parallel.py --network resnet20 --data cifar10.zip --epochs 100

It counts the bytes of the messages, without those of TCP. Times of processes that share a machine
say nothing of a cluster and are not printed.
"""

import json
import statistics
import sys
from pathlib import Path

import data_parallel_worker
from absl import app, flags
from data_parallel_exchange import Server, WorkerFailedError
from rich.console import Console
from rich.table import Table

from tfsparse.runtime import timing

NETWORK = flags.DEFINE_enum(
    "network", "small", ["small", "resnet20"], "small is for Fashion-MNIST, resnet20 for CIFAR-10."
)
DATA = flags.DEFINE_string("data", None, "CIFAR-10 as a folder or zip file of class folders.")
WORKERS = flags.DEFINE_integer("workers", 4, "Processes.", 2, 64)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Pictures of all workers in a step.", 2)
EPOCHS = flags.DEFINE_integer("epochs", 1, "Passes over the data.", 1)
STEPS = flags.DEFINE_integer("steps", None, "Ends a training after so many steps.", 1)
LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.1, "Of SGD; falls as a cosine to 0.", 0)
MOMENTUM = flags.DEFINE_float("momentum", 0.9, "Of SGD.", 0, 1)
SEEDS = flags.DEFINE_list("seeds", ["0"], "One run of each method for each.")
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")


def run(method, seed):
    """Trains with one method; returns a dict of what was measured."""
    options = {
        "method": method,
        "seed": seed,
        "network": NETWORK.value,
        "data": DATA.value,
        "workers": WORKERS.value,
        "batch_size": BATCH_SIZE.value,
        "epochs": EPOCHS.value,
        "steps": STEPS.value,
        "learning_rate": LEARNING_RATE.value,
        "momentum": MOMENTUM.value,
    }
    with Server(WORKERS.value) as server:
        for worker in range(WORKERS.value):
            given = {**options, "worker": worker, "address": server.address}
            server.start([sys.executable, data_parallel_worker.__file__, json.dumps(given)])
        found = server.serve(averages=method == "float32")
    return {**options, **found}


def print_table(results):
    table = Table("gradients", "KB sent", "KB received", "bits a weight", "times less", "accuracy")
    baseline = next((r for r in results if r["method"] == "float32"), None)
    for method in dict.fromkeys(r["method"] for r in results):
        runs = [r for r in results if r["method"] == method]
        sent = statistics.mean(r["sent"] for r in runs)
        received = statistics.mean(r["received"] for r in runs)
        total = f"{(baseline['sent'] + baseline['received']) / (sent + received):.1f}x"
        less = f"{baseline['sent'] / sent:.1f}x sent, {total} in all"
        accuracies = ", ".join(f"{r['accuracy']:.1%}" for r in runs)
        bits = f"{8 * sent / runs[0]['weights']:.2f}"
        row = f"{sent / 1000:.1f}", f"{received / 1000:.1f}", bits, less, accuracies
        table.add_row(method, *row)
    first = results[0]
    print(
        f"{first['network']}, {first['weights']:,} weights, {first['workers']} workers, "
        f"{first['taken']} steps, {first['batch_size']} pictures each, {timing.cpu_name()}. "
        "Bytes are those of a worker in a step."
    )
    Console(width=120).print(table)


def main(argv):
    methods = argv[1:] or list(data_parallel_worker.METHODS)
    unknown = [method for method in methods if method not in data_parallel_worker.METHODS]
    if unknown:
        raise app.UsageError(
            f"Expected {', '.join(data_parallel_worker.METHODS)}. Received: {', '.join(unknown)}"
        )
    if BATCH_SIZE.value % WORKERS.value:
        raise app.UsageError(
            f"--batch_size is shared by all workers. Received: {BATCH_SIZE.value} for "
            f"{WORKERS.value} workers"
        )
    try:
        seeds = [int(seed) for seed in SEEDS.value]
    except ValueError:
        raise app.UsageError(f"--seeds takes ints. Received: {','.join(SEEDS.value)}") from None
    results = []
    for seed in seeds:
        # What the others are compared with comes first.
        for method in dict.fromkeys(["float32", *methods]):
            try:
                results.append(run(method, seed))
            except WorkerFailedError as error:
                sys.exit(str(error))
            print(f"{method}, seed {seed}: {results[-1]['accuracy']:.2%}", flush=True)
            if JSON.value:
                Path(JSON.value).write_text(json.dumps(results, indent=2) + "\n")
    print_table(results)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
