"""What does each pruning method cost in accuracy?

Trains a network on CIFAR-10 with the methods that are named, each for the same number of epochs and
with the same learning rates, and writes one JSON file a run. A run whose file is there already is
skipped, so a table can be completed in many sittings. Controls are the dense network (`dense`),
networks of fewer channels trained from scratch (`small-params` has as many weights as the sparse
ones, `small-flops` as many multiply-adds as those whose channels are cut) and masks that
never change (`static`).

    python benchmarks/accuracy.py dense gradual --seeds 0,1 --json results
    python benchmarks/accuracy.py dense --network mobilenet_v2 --data cifar10.zip --json results
    python benchmarks/accuracy.py --table results

CIFAR-10 comes from `keras.datasets`, or from a folder or zip file of class folders (--data).
"""

import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import cifar10
import numpy as np
from absl import app, flags

import tfsparse
from tfsparse import timing

SPARSITY = 0.9
# Of the multiply-adds, by the methods that cut channels.
REMAINING = 0.5

NETWORK = flags.DEFINE_enum("network", "resnet20", list(cifar10.NETWORKS), "What is trained.")
WIDTH = flags.DEFINE_float(
    "width", None, "Channels of resnet20's first stage (16), or mobilenet_v2's factor (0.25).", 0.01
)
STEM_STRIDES = flags.DEFINE_integer(
    "stem_strides", 2, "Strides of the first convolution; the papers have 1, about 4 times slower."
)
EPOCHS = flags.DEFINE_integer("epochs", 6, "Passes over the data, for every method.", 1)
SEEDS = flags.DEFINE_list("seeds", ["0"], "One run of each method for each.")
DATA = flags.DEFINE_string("data", None, "CIFAR-10 as a folder or zip file of class folders.")
THREADS = flags.DEFINE_integer("threads", 0, "Threads to train with; 0 for all cores.", 0)
JSON = flags.DEFINE_string("json", "results", "The folder that keeps a JSON file of each run.")
TABLE = flags.DEFINE_string("table", None, "Only print a table of the runs in this folder.")

COLUMNS = (
    *("method", "test accuracy", "to dense", "zeros"),
    *("parameters", "multiply-adds", "file", "CPU time", "seeds"),
)


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to train.

    Attributes:
        callbacks: makes those of `fit`.
        width: factor on the width of the network.
    """

    callbacks: Callable = list
    width: float = 1.0


def gradual():
    return [tfsparse.GradualPruning(SPARSITY, scope=but_first)]


def static():
    # Magnitudes are random still when the training begins.
    schedule = tfsparse.ConstantSparsity(SPARSITY)
    return [tfsparse.GradualPruning(schedule=schedule, scope=but_first)]


def but_first(layer):
    return layer.name != "stem"


# Weights grow with the square of the width, and so do multiply-adds.
METHODS = {
    "dense": Method(),
    "small-params": Method(width=(1 - SPARSITY) ** 0.5),
    "small-flops": Method(width=REMAINING**0.5),
    "gradual": Method(gradual),
    "static": Method(static),
}


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured of one run.

    Attributes:
        network, width, stem_strides, epochs, method, seed: what was run.
        accuracy: on the test pictures after the last epoch, a fraction.
        parameters: trainable ones that are not zero.
        sparsity: the fraction of zeros in all kernels.
        multiply_adds: of an inference that skips every zero.
        file_bytes: of the TFLite file.
        seconds, cpu_seconds: that the training took.
        epoch_accuracy: on the augmented training pictures, while each epoch ran.
        cpu, versions, data: what it was run on.
    """

    network: str
    width: float
    stem_strides: int
    epochs: int
    method: str
    seed: int
    accuracy: float
    parameters: int
    sparsity: float
    multiply_adds: int
    file_bytes: int
    seconds: float
    cpu_seconds: float
    epoch_accuracy: list[float]
    cpu: str
    versions: dict[str, str]
    data: str

    @property
    def setting(self):
        """What the rows of one table have in common."""
        return self.network, self.width, self.stem_strides, self.epochs


def run(method, seed, data):
    """Trains with one method and returns the `Result`."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    width = network_width()
    network = NETWORK.value, width * METHODS[method].width, STEM_STRIDES.value
    model = cifar10.build(*network)
    callbacks = METHODS[method].callbacks()
    start, cpu_start = time.perf_counter(), time.process_time()
    history = cifar10.train(model, data, EPOCHS.value, callbacks)
    return Result(
        network=NETWORK.value,
        width=width,
        stem_strides=STEM_STRIDES.value,
        epochs=EPOCHS.value,
        method=method,
        seed=seed,
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu_start,
        accuracy=cifar10.accuracy(model, data),
        **costs(model),
        epoch_accuracy=history["accuracy"],
        cpu=timing.cpu_name(),
        versions={"keras": keras.__version__, "tensorflow": tf.__version__},
        data=Path(DATA.value).name if DATA.value else "keras.datasets.cifar10",
    )


def costs(model):
    """Returns what a trained network costs, as fields of `Result`."""
    weights = [variable.numpy() for variable in model.trainable_variables]
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    sizes = sum(layer.kernel.numpy().size for layer in kernels)
    nonzeros = [np.count_nonzero(layer.kernel.numpy()) for layer in kernels]
    # Of a convolution each weight is used at every position of the output, borders included.
    positions = [np.prod(layer.output.shape[1:-1], dtype=int) for layer in kernels]
    with tempfile.TemporaryDirectory() as folder:
        file_bytes = os.path.getsize(tfsparse.convert(model, Path(folder, "model.tflite")))
    return {
        "parameters": sum(int(np.count_nonzero(w)) for w in weights),
        "sparsity": 1 - sum(nonzeros) / sizes,
        "multiply_adds": int(np.dot(nonzeros, positions)),
        "file_bytes": file_bytes,
    }


def network_width():
    return cifar10.NETWORKS[NETWORK.value][1] if WIDTH.value is None else WIDTH.value


def file_of(method, seed):
    network = f"{NETWORK.value}-{network_width():g}-strides{STEM_STRIDES.value}"
    return Path(JSON.value, f"{network}-{EPOCHS.value}epochs-{method}-seed{seed}.json")


def write(path, result):
    # Whole or not at all: a file that is there counts as a run that is done.
    scratch = path.with_suffix(f".{os.getpid()}.part")
    scratch.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    scratch.rename(path)


def table_of(results):
    """Returns the results as Markdown, a table for each network and number of epochs."""
    order = list(METHODS)
    key = lambda result: (result.setting, order.index(result.method))  # noqa: E731
    lines = []
    for setting, group in groupby(sorted(results, key=key), lambda result: result.setting):
        group = list(group)
        lines += heading(setting, group)
        dense = [result.accuracy for result in group if result.method == "dense"]
        for method, runs in groupby(group, lambda result: result.method):
            lines.append(row(method, list(runs), statistics.mean(dense) if dense else None))
        lines.append("")
    return "\n".join(lines)


def heading(setting, group):
    network, width, stem_strides, epochs = setting
    return [
        f"{network}, width {width:g}, stem strides {stem_strides}, {epochs} epochs, "
        f"{' and '.join(sorted({result.data for result in group}))}, "
        f"{' and '.join(sorted({result.cpu for result in group}))}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]


def row(method, runs, dense):
    accuracies = [100 * result.accuracy for result in runs]
    mean = statistics.mean(accuracies)
    spread = f" ({min(accuracies):.1f} to {max(accuracies):.1f})" if len(runs) > 1 else ""

    def average(field):
        return statistics.mean(getattr(result, field) for result in runs)

    cells = [
        method,
        f"{mean:.1f} %{spread}",
        "" if dense is None else f"{mean - 100 * dense:+.1f}",
        f"{average('sparsity'):.0%}",
        f"{average('parameters') / 1e3:.1f} k",
        f"{average('multiply_adds') / 1e6:.2f} M",
        f"{average('file_bytes') / 1e3:.0f} kB",
        f"{average('cpu_seconds') / 60:.1f} min",
        str(len(runs)),
    ]
    return f"| {' | '.join(cells)} |"


def main(argv):
    methods = argv[1:]
    if TABLE.value:
        paths = sorted(Path(TABLE.value).glob("*.json"))
        print(table_of([Result(**json.loads(path.read_text())) for path in paths]))
        return
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise app.UsageError(
            f"Expected methods, of {', '.join(METHODS)}. Received: {', '.join(unknown) or 'none'}"
        )
    try:
        seeds = [int(seed) for seed in SEEDS.value]
    except ValueError:
        raise app.UsageError(f"--seeds takes ints. Received: {','.join(SEEDS.value)}") from None
    todo = [
        (method, seed, path)
        for seed in seeds
        for method in methods
        if not (path := file_of(method, seed)).exists()
    ]
    if not todo:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
    try:
        data = cifar10.load(DATA.value)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(str(error))
    Path(JSON.value).mkdir(parents=True, exist_ok=True)
    for method, seed, path in todo:
        print(f"{path.stem}", flush=True)
        result = run(method, seed, data)
        write(path, result)
        print(f"{path}: {result.accuracy:.2%}", flush=True)


if __name__ == "__main__":
    app.run(main)
