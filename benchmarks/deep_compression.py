"""What pruning, weight sharing and coding each save: Deep Compression of small networks.

LeNet-300-100 and LeNet-5, on MNIST or Fashion-MNIST, or ResNet-20 on CIFAR-10 are trained, pruned,
share values, and are packed. The LeNets have the densities of Han et al. 2016 for MNIST. The table
has the bytes and the test accuracy of every stage, each of the file that TFLite runs. Networks can
be kept in a folder, under names that tell how they were trained: a later run begins with those that
it would train alike. Zstandard comes from the package
`zstandard`; without it its columns are empty.

    python benchmarks/deep_compression.py
    python benchmarks/deep_compression.py lenet_5 --bits 4 --models models
    python benchmarks/deep_compression.py --data mnist
    python benchmarks/deep_compression.py resnet20 --data cifar10.zip

Keras downloads the pictures, to ~/.keras or to the folder in KERAS_HOME.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import archives
import cifar10
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.calibration.example_files import load_arrays
from tfsparse.zoo import datasets, evaluation

EPOCHS = flags.DEFINE_integer("epochs", 10, "Passes over the pictures, of the dense network.", 1)
PRUNE_EPOCHS = flags.DEFINE_integer("prune_epochs", 12, "Further passes, while it is pruned.", 1)
SHARE_EPOCHS = flags.DEFINE_integer(
    "share_epochs", 3, "Further passes, with shared values; 0 shares them without a training.", 0
)
BITS = flags.DEFINE_integer("bits", 5, "Of the codes of shared values.", 1, 8)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
DATA = flags.DEFINE_string(
    "data",
    None,
    "Of LeNets: fashion_mnist (the default), mnist, or an .npz file with x_train, y_train, x_test "
    "and y_test. Of resnet20: CIFAR-10 as a folder or zip file of class folders.",
)
LIMIT = flags.DEFINE_integer("limit", None, "Use only so many pictures, for a quick try.", 1)
MODELS = flags.DEFINE_string("models", None, "Keep the networks in this folder.")

BATCH_SIZE = 128
LENETS = "lenet_300_100", "lenet_5"
ARRAYS = "x_train", "y_train", "x_test", "y_test"


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, its pictures, and how it is trained.

    Attributes:
        build: returns the network, untrained.
        load: returns a `tfsparse.zoo.datasets.Dataset`.
        scale: returns pixels as the network takes them, of uint8 ones.
        train: takes a network, a data set, epochs, callbacks and a learning rate.
        rates: the learning rates of the dense, the pruned and the shared network.
        pruning: arguments of `GradualPruning`.
    """

    build: Callable
    load: Callable
    scale: Callable
    train: Callable
    rates: tuple[float, float, float]
    pruning: dict


def lenet_300_100():
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(300, activation="relu", name="dense_1"),
            layers.Dense(100, activation="relu", name="dense_2"),
            layers.Dense(10, activation="softmax", name="dense_3"),
        ]
    )


def lenet_5():
    """The LeNet-5 of Caffe that the paper compressed."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(20, 5, name="conv_1"),
            layers.MaxPooling2D(),
            layers.Conv2D(50, 5, name="conv_2"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(500, activation="relu", name="dense_1"),
            layers.Dense(10, activation="softmax", name="dense_2"),
        ]
    )


def load_gray():
    """Loads MNIST, Fashion-MNIST, or a file of such pictures."""
    import keras

    name = DATA.value or "fashion_mnist"
    if name in ("fashion_mnist", "mnist"):
        train, test = getattr(keras.datasets, name).load_data()
    else:
        arrays = load_arrays(name)
        if not isinstance(arrays, dict) or not arrays.keys() >= set(ARRAYS):
            raise ValueError(f"Expected an .npz file with {', '.join(ARRAYS)}. Received: {name}")
        train, test = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    (x_train, y_train), (x_test, y_test) = train, test
    classes = tuple(str(label) for label in np.unique(y_train))
    return datasets.Dataset(x_train[..., None], y_train, x_test[..., None], y_test, classes)


def scale_gray(pictures):
    """Returns pixels from 0 to 1 of uint8 ones."""
    return np.float32(pictures) / 255


def train_lenet(model, data, epochs, callbacks, learning_rate):
    """Trains with a learning rate that falls to zero."""
    import keras

    steps = epochs * -(-len(data.x_train) // BATCH_SIZE)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    x, y = scale_gray(data.x_train), data.y_train
    model.fit(x, y, BATCH_SIZE, epochs, verbose=2, callbacks=callbacks)


def lenet(build, sparsities):
    """A LeNet with fractions of zeros by layer."""
    rates = 1e-3, 1e-3, 1e-4
    return Network(build, load_gray, scale_gray, train_lenet, rates, {"scope": sparsities})


NETWORKS = {
    # Fractions of zeros of Han et al. 2016, tables 2 and 3.
    "lenet_300_100": lenet(lenet_300_100, {"dense_1": 0.92, "dense_2": 0.91, "dense_3": 0.74}),
    "lenet_5": lenet(lenet_5, {"conv_1": 0.34, "conv_2": 0.88, "dense_1": 0.92, "dense_2": 0.81}),
    "resnet20": Network(
        build=lambda: cifar10.build("resnet20", 16, 2),
        load=lambda: cifar10.load(DATA.value),
        scale=cifar10.scale,
        train=cifar10.train,
        # SGD adds up the gradients of the weights that share a value, up to 240 here: with a
        # hundredth of the rate the network ended at 16 %.
        rates=(cifar10.LEARNING_RATE, cifar10.LEARNING_RATE / 2, cifar10.LEARNING_RATE / 10_000),
        pruning={
            "final_sparsity": 0.8,
            "scope": "all_but_first",
            "distribution": "erdos_renyi_kernel",
        },
    ),
}


def pictures(network):
    """Loads the pictures of a network, at most so many of each part as --limit says."""
    data = network.load()
    if LIMIT.value is None:
        return data
    rng = np.random.default_rng(0)  # Files have the pictures of a class behind each other.
    train, test = (
        rng.permutation(len(labels))[: LIMIT.value] for labels in (data.y_train, data.y_test)
    )
    return dataclasses.replace(
        data,
        x_train=data.x_train[train],
        y_train=data.y_train[train],
        x_test=data.x_test[test],
        y_test=data.y_test[test],
    )


def start_of_names(name):
    """The beginning of the names of files: the network, its pictures and the seed."""
    limit = "" if LIMIT.value is None else f"-{LIMIT.value}_pictures"
    pictures = Path(DATA.value).stem if DATA.value else "pictures"
    return f"{name}-{pictures}{limit}-seed_{SEED.value}"


def networks(name, data, folder):
    """Yields each stage, its network, and the path of its `.keras` file.

    A network is that in the folder, or otherwise trained from the one before.
    """
    import keras

    keras.utils.set_random_seed(SEED.value)
    network = NETWORKS[name]
    model = network.build()
    fits = {
        "dense": (EPOCHS.value, []),
        "pruned": (PRUNE_EPOCHS.value, [tfsparse.GradualPruning(**network.pruning)]),
        "shared": (SHARE_EPOCHS.value, [tfsparse.WeightSharing(BITS.value)]),
    }
    file_name = start_of_names(name)
    for (stage, (epochs, callbacks)), rate in zip(fits.items(), network.rates, strict=True):
        file_name += f"-{stage}_{epochs}"
        if stage == "shared":
            file_name += f"_of_{BITS.value}_bits"
        path = folder / f"{file_name}.keras"
        if path.exists():
            model = keras.models.load_model(path)
        else:
            print(f"{name}, {stage}:", flush=True)
            if epochs:
                network.train(model, data, epochs, callbacks, rate)
            else:
                callbacks[0].apply(model)
            model.save(path)
        yield stage, model, path


def shown(size, whole):
    return "" if size is None else f"{size:,} ({whole / size:.1f}x)"


def stages(name, data, folder):
    """Yields a row of the table for each stage of a network."""
    x = NETWORKS[name].scale(data.x_test)
    whole = None
    for stage, model, saved in networks(name, data, folder):
        path = saved.with_suffix(".tflite")
        tfsparse.convert(model, path)
        file = path.read_bytes()
        whole = whole or len(file)
        found = len(file), archives.zstd_size(file), archives.packed_size(path)
        accuracy = evaluation.accuracy(path, x, data.y_test)
        kernels = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]
        zeros = sum(np.sum(kernel == 0) for kernel in kernels) / sum(k.size for k in kernels)
        values = max(len(np.unique(kernel)) for kernel in kernels)
        row = (name, stage, f"{accuracy:.2%}", f"{zeros:.1%}", f"{values:,}")
        yield *row, *(shown(size, whole) for size in found)


def main(argv):
    names = argv[1:] or LENETS
    for name in names:
        if name not in NETWORKS:
            raise app.UsageError(f"Expected {', '.join(NETWORKS)}. Received: {name}")
    table = Table("network", "stage", title="Deep Compression")
    for column in ("accuracy", "zeros", "values", ".tflite", ".tflite.zst", "packed"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(MODELS.value or temporary)
        try:
            folder.mkdir(exist_ok=True)
            data = {name: pictures(NETWORKS[name]) for name in names}
        except (ImportError, OSError, ValueError) as error:
            sys.exit(str(error))
        for name in names:
            for row in stages(name, data[name], folder):
                table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
