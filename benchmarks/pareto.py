"""Measures accuracy against latency: smaller dense networks, or larger sparse ones.

Trains networks of several widths on CIFAR-10, dense ones and ones with zeros in their 1x1
convolutions, all for the same epochs: first in float, then some epochs of quantization-aware
training that hold the zeros. Three files are written of each: float32, int8 by calibration alone,
and int8 as trained. Accuracy is that of the files. The latency of all files is measured in turn,
with one thread.

    python benchmarks/pareto.py --json pareto.json --figure pareto.svg
    python benchmarks/pareto.py --network mobilenet_v2 --stem_strides 1 --epochs 100
    python benchmarks/pareto.py --table pareto.json --figure pareto.svg

Trained networks are kept in the folder --models: a run that was interrupted goes on with the next
one, and only latency is measured again. CIFAR-10 comes from `keras.datasets`, or from a folder or
zip file of class folders (--data).
"""

import dataclasses
import os
import sys
import time
from pathlib import Path

import cifar10
import figures
import pareto_results
from absl import app, flags
from pareto_results import KINDS, TIMED, Latency, Network, Results

import tfsparse
from tfsparse.runtime import benchmark, timing
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import evaluation

# The input channels that one dot-product instruction multiplies.
BLOCK_SIZE = (1, 4)
# For a trained network, a tenth of what it was trained with.
INT8_LEARNING_RATE = 0.1 * cifar10.LEARNING_RATE
CALIBRATION_PICTURES = 200

NETWORK = flags.DEFINE_enum(
    "network", "small_mobilenet_v2", list(cifar10.NETWORKS), "What is trained."
)
DENSE = flags.DEFINE_list("dense", ["0.5", "0.75", "1", "1.25"], "Widths of dense networks.")
SPARSE = flags.DEFINE_list("sparse", ["1", "1.5", "2"], "Widths of sparse networks.")
SPARSITY = flags.DEFINE_float("sparsity", 0.8, "Zeros in their 1x1 convolutions.", 0.01, 0.99)
STEM_STRIDES = flags.DEFINE_integer(
    "stem_strides", 2, "Strides of the first convolution; with 1 the rest takes 4 times as long.", 1
)
EPOCHS = flags.DEFINE_integer("epochs", 8, "Passes over the data in float.", 1)
INT8_EPOCHS = flags.DEFINE_integer("int8_epochs", 2, "Passes in int8, after those.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
DATA = flags.DEFINE_string("data", None, "CIFAR-10 as a folder or zip file of class folders.")
MODELS = flags.DEFINE_string("models", "pareto_models", "The folder that keeps the networks.")
SECONDS = flags.DEFINE_float("seconds", 120, "Time to measure latency for, in all.", 0.1)
JSON = flags.DEFINE_string("json", None, "Write the results to this file.")
FIGURE = flags.DEFINE_string("figure", None, "Draw the results in this SVG file.")
TABLE = flags.DEFINE_string("table", None, "Only show the results in this file.")


def train(width, sparsity, data, base):
    """Trains a network and writes its files.

    Args:
        width: Factor on the number of channels.
        sparsity: Fraction of zeros, 0 for a dense network.
        data: What `cifar10.load` returns.
        base: Path of the files, without what `path_of` adds.

    Returns:
        The trained model.
    """
    import keras

    keras.utils.set_random_seed(SEED.value)
    model = cifar10.build(NETWORK.value, width, STEM_STRIDES.value)
    cifar10.train(model, data, EPOCHS.value, pruning(sparsity, final_sparsity=sparsity))
    tfsparse.convert(model, path_of(base, "float32"))
    tfsparse.convert(
        model,
        path_of(base, "calibrated"),
        weights="int8",
        representative_dataset=cifar10.scale(data.x_train[:CALIBRATION_PICTURES]),
    )
    keep = pruning(sparsity, schedule=tfsparse.ConstantSparsity(sparsity))
    callbacks = [*keep, tfsparse.QuantizationAwareTraining()]
    cifar10.train(model, data, INT8_EPOCHS.value, callbacks, INT8_LEARNING_RATE)
    tfsparse.convert(model, path_of(base, "int8"), weights="int8")
    return model


def run(width, sparsity, data):
    """Trains a network, and returns a `Network` without latency."""
    import keras
    import tensorflow as tf

    base = base_of(width, sparsity)
    start = time.process_time()
    model = train(width, sparsity, data, base)
    seconds = time.process_time() - start
    pictures = cifar10.scale(data.x_test)
    paths = {kind: path_of(base, kind) for kind in KINDS}
    return Network(
        network=NETWORK.value,
        width=width,
        stem_strides=STEM_STRIDES.value,
        pruned=sparsity,
        epochs=EPOCHS.value,
        int8_epochs=INT8_EPOCHS.value,
        seed=SEED.value,
        accuracy={
            kind: float(evaluation.accuracy(path, pictures, data.y_test))
            for kind, path in paths.items()
        },
        file_bytes={kind: os.path.getsize(path) for kind, path in paths.items()},
        **cifar10.costs(model),
        cpu_seconds=seconds,
        versions={"keras": keras.__version__, "tensorflow": tf.__version__},
        data=Path(DATA.value).name if DATA.value else "keras.datasets.cifar10",
    )


def pruning(sparsity, **options):
    """Returns the callbacks that prune, none for a dense network."""
    return [tfsparse.GradualPruning(block_size=BLOCK_SIZE, **options)] if sparsity else []


def base_of(width, sparsity):
    """Returns the path of a network's files, without what tells them apart."""
    network = f"{NETWORK.value}-{width:g}-strides{STEM_STRIDES.value}-sparsity{sparsity:g}"
    return f"{MODELS.value}/{network}-{EPOCHS.value}+{INT8_EPOCHS.value}epochs-seed{SEED.value}"


def path_of(base, kind):
    return f"{base}-{kind}.tflite"


def trained(wanted):
    """Returns the `Network` of each width and sparsity, trained unless --models has it."""
    files = [Path(f"{base_of(*one)}.json") for one in wanted]
    todo = [(one, file) for one, file in zip(wanted, files, strict=True) if not file.exists()]
    if todo:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            data = cifar10.load(DATA.value)
        except (ImportError, OSError, ValueError) as error:
            sys.exit(str(error))
        Path(MODELS.value).mkdir(parents=True, exist_ok=True)
    for one, file in todo:
        print(file.stem, flush=True)
        network = run(*one, data)
        pareto_results.write(file, network)
        print(network.accuracy, flush=True)
    return [Network.from_dict(pareto_results.read(file)) for file in files]


def measured(networks):
    """Measures the latency of the files of all networks, in turn.

    Returns:
        The networks with it, and `waited` as in `timing.Comparison`.
    """
    bases = [base_of(network.width, network.pruned) for network in networks]
    interpreters = [
        timing.open_one(path_of(base, kind), delegate)
        for base in bases
        for kind in TIMED
        for delegate in (True, False)
    ]
    set_random_inputs(interpreters)
    medians, waited = timing.medians(interpreters, SECONDS.value)
    medians = iter(medians)
    found = [
        dataclasses.replace(
            network, latency={kind: Latency(next(medians), next(medians)) for kind in TIMED}
        )
        for network in networks
    ]
    return found, waited


def widths(flag):
    try:
        return [float(text) for text in flag.value]
    except ValueError:
        raise app.UsageError(
            f"--{flag.name} takes numbers. Received: {','.join(flag.value)}"
        ) from None


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(argv[1:])}")
    if TABLE.value:
        try:
            results = Results.from_dict(pareto_results.read(TABLE.value))
        except OSError as error:
            sys.exit(str(error))
    else:
        wanted = [(width, 0.0) for width in widths(DENSE)]
        wanted += [(width, SPARSITY.value) for width in widths(SPARSE)]
        networks, waited = measured(trained(wanted))
        machine = benchmark.machine(runtime="tf")
        results = Results(networks, machine.cpu, machine.version, waited)
    if JSON.value:
        pareto_results.write(JSON.value, results)
    if FIGURE.value:
        figures.save(pareto_results.draw(results), FIGURE.value, "pareto")
    print(pareto_results.table_of(results))
    for note in benchmark.waiting_notes([results.waited]):
        print(f"\n{note}")


if __name__ == "__main__":
    app.run(main)
