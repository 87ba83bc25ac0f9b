"""Measures the loss of accuracy of each pruning method.

Trains a network on CIFAR-10 with the given methods, each for the same number of epochs and
with the same learning rates, and writes one JSON file for each run. A run whose file exists is
skipped, so that an interrupted benchmark can go on. Baselines are the dense network (`dense`),
networks of fewer channels trained from scratch (`small-params` has as many weights as the sparse
ones, `small-flops` as many MACs as those with cut channels) and fixed masks (`static`). A run
that distils (`gradual-distill`) imitates the dense network of its seed.

    python benchmarks/accuracy.py dense gradual --seeds 0,1 --json results
    python benchmarks/accuracy.py dense --network mobilenet_v2 --data cifar10.zip --json results
    python benchmarks/accuracy.py --table results

CIFAR-10 comes from `keras.datasets`, or from a folder or zip file of class folders (--data).
"""

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cifar10
import numpy as np
from absl import app, flags
from accuracy_results import Result, read, table_of, write

import tfsparse
from tfsparse.runtime import timing

SPARSITY = 0.9
BLOCK_SPARSITY = 0.8  # of the rows that compare block sizes
# Of the 3x3 kernels removed as a whole, as in PCONV and PatDNN.
KERNEL_PRUNING_RATIO = 0.72
# In few epochs, connections that have grown become large only if they are left alone for one: with
# RigL's own 0.3 and 100 it ends where masks that never change do.
MOVES = {"drop_fraction": 0.5, "frequency": 400}
# Of the MACs, by the methods that cut channels.
REMAINING = 0.5
# What DCP chooses channels on, and trains with for some steps more than the others.
DCP_PICTURES = 10_000
# As Hinton et al. 2015 advise, labels weigh much less than the imitation.
TEMPERATURE, STUDENT_LOSS_WEIGHT = 4.0, 0.2

NETWORK = flags.DEFINE_enum("network", "resnet20", list(cifar10.NETWORKS), "What is trained.")
WIDTH = flags.DEFINE_float(
    "width", None, "Channels of resnet20's first stage (16), or mobilenet_v2's factor (0.25).", 0.01
)
STEM_STRIDES = flags.DEFINE_integer(
    "stem_strides", 2, "Strides of the first convolution; the papers have 1, about 4 times slower."
)
EPOCHS = flags.DEFINE_integer("epochs", 10, "Passes over the data, for every method.", 1)
SEEDS = flags.DEFINE_list("seeds", ["0"], "One run of each method for each.")
DATA = flags.DEFINE_string("data", None, "CIFAR-10 as a folder or zip file of class folders.")
THREADS = flags.DEFINE_integer("num_threads", 0, "Threads to train with; 0 for all cores.", 0)
JSON = flags.DEFINE_string("json", "results", "The folder that keeps a JSON file of each run.")
TABLE = flags.DEFINE_string("table", None, "Only print a table of the runs in this folder.")


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to train.

    Attributes:
        callbacks: makes those of `fit`, from the data and the seed.
        width: factor on the width of the network.
        cuts_channels: whether the network is to be shrunk in the end.
        distills: whether the network is trained to imitate the dense one.
        pads_symmetrically: whether strided convolutions are padded on all sides alike.
    """

    callbacks: Callable = lambda data, seed: []
    width: float = 1.0
    cuts_channels: bool = False
    distills: bool = False
    pads_symmetrically: bool = False


def gradual(distribution, distills=False):
    options = {"scope": "all_but_first", "distribution": distribution}
    callbacks = lambda data, seed: [tfsparse.GradualPruning(SPARSITY, **options)]  # noqa: E731
    return Method(callbacks, distills=distills)


def gradual_3x3(data, seed):
    # As many zeros in the same layers as 4 of 9 weights are: the control of `pattern`.
    return [tfsparse.GradualPruning(5 / 9, scope="3x3")]


def in_blocks(block_size):
    # As many zeros as the speeds of blocks in the README are for.
    options = {"scope": "all_but_first", "block_size": block_size}
    return Method(lambda data, seed: [tfsparse.GradualPruning(BLOCK_SPARSITY, **options)])


def rewired(growth):
    return Method(lambda data, seed: [tfsparse.RigL(SPARSITY, growth=growth, seed=seed, **MOVES)])


def pattern(pruning_ratio):
    # The patterns are chosen from weights that have taken shape, and masked training has half.
    options = {"pruning_ratio": pruning_ratio, "begin": 0.25, "end": 0.5}
    return Method(lambda data, seed: [tfsparse.PatternPruning(**options)])


def ternary(data, seed):
    # The paper begins with a trained network: here the first part of the training is in float.
    return [tfsparse.TernaryQuantization(begin=0.3)]


def low_bit(**options):
    return Method(lambda data, seed: [tfsparse.LowBitQuantization(begin=0.3, **options)])


def channels(importance):
    def callbacks(data, seed):
        return [
            tfsparse.ChannelPruning(
                importance,
                macs=REMAINING,
                begin=epochs_before_cut() / EPOCHS.value,
                seed=seed,
            )
        ]

    return Method(callbacks, cuts_channels=True)


def dcp(auxiliary_weight):
    def callbacks(data, seed):
        chosen = np.random.default_rng(seed).permutation(len(data.x_train))[:DCP_PICTURES]
        return [
            tfsparse.DiscriminationAwareChannelPruning(
                macs=REMAINING,
                data=(cifar10.scale(data.x_train[chosen]), data.y_train[chosen]),
                auxiliary_weight=auxiliary_weight,
                begin=epochs_before_cut() / EPOCHS.value,
            )
        ]

    return Method(callbacks, cuts_channels=True)


def epochs_before_cut():
    # The papers cut networks that are trained, and go on with low learning rates: those are here.
    return int(0.8 * EPOCHS.value)


# Weights grow with the square of the width, and so do MACs.
METHODS = {
    "dense": Method(),
    "symmetric-padding": Method(pads_symmetrically=True),
    "small-params": Method(width=(1 - SPARSITY) ** 0.5),
    "gradual": gradual("uniform"),
    "gradual-distill": gradual("uniform", distills=True),
    "gradual-global": gradual("global"),
    "gradual-erk": gradual("erdos_renyi_kernel"),
    "blocks-1x1": in_blocks((1, 1)),
    "blocks-4x1": in_blocks((4, 1)),
    "blocks-1x4": in_blocks((1, 4)),
    "rigl": rewired("gradient"),
    "set": rewired("random"),
    "static": rewired(None),
    "pattern": pattern(0.0),
    "gradual-3x3": Method(gradual_3x3),
    "pattern-kernels": pattern(KERNEL_PRUNING_RATIO),
    "ternary": Method(ternary),
    "low-bit": low_bit(bits=3),
    # Codes that are chosen by inputs take few steps; the rest trains scales and BatchNormalization.
    "low-bit-hashing": low_bit(bits=1, method="hashing", end=0.4),
    "low-bit-two_step": low_bit(bits=2, method="two_step", end=0.4),
    "small-flops": Method(width=REMAINING**0.5),
    "channels-l1": channels("l1"),
    "channels-bn_gamma": channels("bn_gamma"),
    "channels-random": channels("random"),
    "dcp": dcp(1.0),
    "dcp-lambda0": dcp(0.0),
}


def run(method, seed, data):
    """Trains with one method and returns the `Result`."""
    import keras
    import tensorflow as tf

    teacher = dense_network(seed, data) if METHODS[method].distills else None
    keras.utils.set_random_seed(seed)
    width = network_width()
    network = NETWORK.value, width * METHODS[method].width, STEM_STRIDES.value
    model = cifar10.build(*network)
    if METHODS[method].pads_symmetrically:
        model = tfsparse.symmetric_padding(model)
    trained = distiller(teacher, model) if METHODS[method].distills else model
    callbacks = METHODS[method].callbacks(data, seed)
    when_cut = []
    if METHODS[method].cuts_channels:
        callbacks.append(measure_at(epochs_before_cut(), model, data, when_cut))
    start, cpu_start = time.perf_counter(), time.process_time()
    history = cifar10.train(trained, data, EPOCHS.value, callbacks)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    if METHODS[method].cuts_channels:
        model = tfsparse.shrink(model)
    if method == "dense":
        weights_file(seed).parent.mkdir(exist_ok=True)
        model.save_weights(weights_file(seed))
    return Result(
        network=NETWORK.value,
        width=width,
        stem_strides=STEM_STRIDES.value,
        epochs=EPOCHS.value,
        method=method,
        seed=seed,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        accuracy=cifar10.accuracy(model, data),
        accuracy_when_cut=when_cut[0] if when_cut else None,
        **cifar10.costs(model),
        file_bytes=file_bytes(model),
        epoch_accuracy=history["accuracy"],
        cpu=timing.cpu_name(),
        versions={"keras": keras.__version__, "tensorflow": tf.__version__},
        data=Path(DATA.value).name if DATA.value else "keras.datasets.cifar10",
    )


def dense_network(seed, data):
    """Returns the dense network of a seed, trained now unless a run has kept its weights."""
    weights = weights_file(seed)
    if not weights.exists():
        run("dense", seed, data)
    model = cifar10.build(NETWORK.value, network_width(), STEM_STRIDES.value)
    model.load_weights(weights)
    return model


def distiller(teacher, student):
    """Returns a model that trains a network to imitate another one."""
    loss = tfsparse.distill.LogitsDistillation(TEMPERATURE)
    return tfsparse.distill.Distiller(
        teacher, student, loss, student_loss_weight=STUDENT_LOSS_WEIGHT
    )


def measure_at(epochs, model, data, found):
    """Returns a callback that appends the accuracy after a number of epochs to a list."""
    import keras

    def measure(epoch, logs):
        if epoch + 1 == epochs:
            found.append(cifar10.accuracy(model, data))

    return keras.callbacks.LambdaCallback(on_epoch_end=measure)


def file_bytes(model):
    with tempfile.TemporaryDirectory() as folder:
        return os.path.getsize(tfsparse.convert(model, Path(folder, "model.tflite")))


def network_width():
    return cifar10.NETWORKS[NETWORK.value][1] if WIDTH.value is None else WIDTH.value


def file_of(method, seed):
    network = f"{NETWORK.value}-{network_width():g}-strides{STEM_STRIDES.value}"
    return Path(JSON.value, f"{network}-{EPOCHS.value}epochs-{method}-seed{seed}.json")


def weights_file(seed):
    """Where a dense run keeps its weights, which runs that distil read."""
    return Path(JSON.value, "weights", f"{file_of('dense', seed).stem}.weights.h5")


def main(argv):
    methods = argv[1:]
    if TABLE.value:
        print(table_of(read(TABLE.value), list(METHODS)))
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
        print(path.stem, flush=True)
        result = run(method, seed, data)
        write(path, result)
        print(f"{path}: {result.accuracy:.2%}", flush=True)


if __name__ == "__main__":
    app.run(main)
