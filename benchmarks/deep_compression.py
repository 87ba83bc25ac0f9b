"""What pruning, weight sharing and coding each save: Deep Compression on MNIST or Fashion-MNIST.

LeNet-300-100 and LeNet-5 are trained, pruned with the densities of Han et al. 2016 for MNIST,
share values, and are packed. The table has the bytes and the test accuracy of every stage, each of
the file that TFLite runs. Networks are kept in a folder, so that an interrupted run can go on.
Zstandard comes from the package `zstandard`; without it its columns are empty.

    python benchmarks/deep_compression.py
    python benchmarks/deep_compression.py lenet_5 --bits 4 --models models
    python benchmarks/deep_compression.py --data mnist

Keras downloads the pictures, to ~/.keras or to the folder in KERAS_HOME.
"""

import tempfile
from pathlib import Path

import archives
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.calibration.example_files import load_arrays
from tfsparse.zoo import evaluation

EPOCHS = flags.DEFINE_integer("epochs", 10, "Passes over the pictures, of the dense network.", 1)
PRUNE_EPOCHS = flags.DEFINE_integer("prune_epochs", 12, "Further passes, while it is pruned.", 1)
SHARE_EPOCHS = flags.DEFINE_integer("share_epochs", 3, "Further passes, with shared values.", 1)
BITS = flags.DEFINE_integer("bits", 5, "Of the codes of shared values.", 1, 8)
BATCH = flags.DEFINE_integer("batch", 128, "Pictures in a training step.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
DATA = flags.DEFINE_string(
    "data",
    "fashion_mnist",
    "fashion_mnist, mnist, or an .npz file with x_train, y_train, x_test and y_test.",
)
LIMIT = flags.DEFINE_integer("limit", None, "Use only so many pictures, for a quick try.", 1)
MODELS = flags.DEFINE_string("models", None, "Keep the networks in this folder.")
RATE, FINE_RATE, SHARED_RATE = 1e-3, 1e-3, 1e-4

# Fractions of zeros by layer: Han et al. 2016, tables 2 and 3.
SPARSITIES = {
    "lenet_300_100": {"dense_1": 0.92, "dense_2": 0.91, "dense_3": 0.74},
    "lenet_5": {"conv_1": 0.34, "conv_2": 0.88, "dense_1": 0.92, "dense_2": 0.81},
}


def build(name):
    """LeNet-300-100, or the LeNet-5 of Caffe that the paper compressed."""
    from keras import Input, Sequential, layers

    if name == "lenet_300_100":
        body = [
            layers.Flatten(),
            layers.Dense(300, activation="relu", name="dense_1"),
            layers.Dense(100, activation="relu", name="dense_2"),
            layers.Dense(10, activation="softmax", name="dense_3"),
        ]
    else:
        body = [
            layers.Conv2D(20, 5, name="conv_1"),
            layers.MaxPooling2D(),
            layers.Conv2D(50, 5, name="conv_2"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(500, activation="relu", name="dense_1"),
            layers.Dense(10, activation="softmax", name="dense_2"),
        ]
    return Sequential([Input((28, 28, 1)), *body], name=name)


def pictures():
    """Pictures for training and for the test, pixels from 0 to 1, with their labels."""
    import keras

    if DATA.value in ("fashion_mnist", "mnist"):
        parts = getattr(keras.datasets, DATA.value).load_data()
    else:
        arrays = load_arrays(DATA.value)
        parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    return [(np.float32(x)[: LIMIT.value, ..., None] / 255, y[: LIMIT.value]) for x, y in parts]


def fit(model, data, epochs, rate, *callbacks):
    """Trains with a learning rate that falls to zero."""
    import keras

    steps = epochs * -(-len(data[0]) // BATCH.value)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(*data, BATCH.value, epochs, verbose=2, callbacks=list(callbacks))


def networks(name, data, folder):
    """Yields the network of each stage, trained from that before, or as the folder has it."""
    import keras

    keras.utils.set_random_seed(SEED.value)
    model = build(name)
    pruning = tfsparse.GradualPruning(scope=SPARSITIES[name])
    fits = {
        "dense": (EPOCHS.value, RATE),
        "pruned": (PRUNE_EPOCHS.value, FINE_RATE, pruning),
        "shared": (SHARE_EPOCHS.value, SHARED_RATE, tfsparse.WeightSharing(BITS.value)),
    }
    for stage, arguments in fits.items():
        path = folder / f"{name}-{stage}.keras"
        if path.exists():
            model = keras.models.load_model(path)
        else:
            print(f"{name}, {stage}:", flush=True)
            fit(model, data, *arguments)
            model.save(path)
        yield stage, model


def shown(size, whole):
    return "" if size is None else f"{size:,} ({whole / size:.1f}x)"


def stages(name, folder):
    """Yields a row of the table for each stage of a LeNet."""
    train, (x, y) = pictures()
    whole = None
    for stage, model in networks(name, train, folder):
        path = folder / f"{name}-{stage}.tflite"
        tfsparse.convert(model, path)
        data = path.read_bytes()
        whole = whole or len(data)
        found = len(data), archives.zstd_size(data), archives.packed_size(path)
        accuracy = evaluation.accuracy(path, x, y)
        kernels = [layer.kernel.numpy() for layer in model.layers if layer.weights]
        zeros = sum(np.sum(kernel == 0) for kernel in kernels) / sum(k.size for k in kernels)
        values = max(len(np.unique(kernel)) for kernel in kernels)
        row = (name, stage, f"{accuracy:.2%}", f"{zeros:.1%}", f"{values:,}")
        yield *row, *(shown(size, whole) for size in found)


def main(argv):
    names = argv[1:] or list(SPARSITIES)
    for name in names:
        if name not in SPARSITIES:
            raise app.UsageError(f"Expected {', '.join(SPARSITIES)}. Received: {name}")
    table = Table("network", "stage", title="Deep Compression")
    for column in ("accuracy", "zeros", "values", ".tflite", ".tflite.zst", "packed"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(MODELS.value or temporary)
        folder.mkdir(exist_ok=True)
        for name in names:
            for row in stages(name, folder):
                table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
