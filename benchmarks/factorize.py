"""Compares the methods of `tfsparse.factorize` on a network of 3x3 convolutions.

Trains a VGG-like network on CIFAR-10, factorises it with each method to the same fraction of its
MACs, and trains the result for a short time. Accuracy is measured before and after this training.
Dense and factorised files run in turn in TFLite's default, without the delegate.

    python benchmarks/factorize.py --json factorize.json
    python benchmarks/factorize.py tucker2 --macs 0.3 --data cifar10.zip --models models
"""

import dataclasses
import json
import tempfile
from pathlib import Path

import cifar10
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.runtime import timing
from tfsparse.runtime.random_inputs import set_random_inputs

METHODS = ("svd", "asymmetric", "tucker2", "cp")
# Channels and strides of each 3x3 convolution.
LAYERS = ((128, 2), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1))

EPOCHS = flags.DEFINE_integer("epochs", 10, "Passes over the pictures, of the dense network.", 1)
FINE_EPOCHS = flags.DEFINE_integer("fine_epochs", 3, "Further passes, when it is factorised.", 0)
MACS = flags.DEFINE_float("macs", 0.35, "The fraction of the MACs that remains.", 0, 1)
EXAMPLES = flags.DEFINE_integer("examples", 500, "Pictures that `asymmetric` fits responses on.", 1)
LIMIT = flags.DEFINE_integer("limit", None, "Use only so many pictures, for a quick try.", 1)
DATA = flags.DEFINE_string("data", None, "CIFAR-10 as a folder or zip file of class folders.")
MODELS = flags.DEFINE_string("models", None, "Keep the networks in this folder.")
SECONDS = flags.DEFINE_float("seconds", 4, "Time to measure each file for.", lower_bound=0.1)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
JSON = flags.DEFINE_string("json", None, "Write the results into this file.")
FINE_RATE = 0.02  # a tenth of that of the dense network


def build():
    """Returns a network of 3x3 convolutions with BatchNormalization and ReLU."""
    import keras
    from keras import layers

    x = inputs = keras.Input((cifar10.SIZE, cifar10.SIZE, 3))
    for number, (channels, strides) in enumerate(LAYERS, 1):
        conv = layers.Conv2D(
            channels, 3, strides, padding="same", use_bias=False, name=f"conv_{number}"
        )
        x = layers.ReLU()(layers.BatchNormalization()(conv(x)))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(len(cifar10.NAMES), activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="vgg")


def pictures():
    """CIFAR-10 in random order, as many training pictures as `--limit` says."""
    data = cifar10.load(DATA.value)
    chosen = np.random.default_rng(SEED.value).permutation(len(data.x_train))[: LIMIT.value]
    return dataclasses.replace(data, x_train=data.x_train[chosen], y_train=data.y_train[chosen])


def dense(data, folder):
    """Returns the trained dense network, or that of an earlier run."""
    import keras

    path = folder / "dense.keras"
    if not path.exists():
        keras.utils.set_random_seed(SEED.value)
        model = build()
        cifar10.train(model, data, EPOCHS.value)
        model.save(path)
    return keras.models.load_model(path)


def factorized(method, model, data):
    """Returns the `Factorization` of a network to the MACs of `--macs`."""
    options = {"macs": MACS.value, "scope": "3x3"}
    if method == "asymmetric":
        options["representative_dataset"] = cifar10.scale(data.x_train[: EXAMPLES.value])
    return tfsparse.factorize(model, method, **options)


def speedup(paths):
    """Times a dense and a factorised file in turn in TFLite's default, one thread."""
    pair = [timing.open_one(path, delegate=False) for path in paths]
    set_random_inputs(pair)
    return timing.compare(*pair, SECONDS.value)


def measure(method, model, data, folder):
    """Returns the results of a method, a dictionary; the dense file is in the folder."""
    result = factorized(method, model, data)
    new = result.model
    before = cifar10.accuracy(new, data)
    if FINE_EPOCHS.value:
        cifar10.train(new, data, FINE_EPOCHS.value, learning_rate=FINE_RATE)
    path = tfsparse.convert(new, folder / f"{method}.tflite", encoding="none")
    latency = speedup([folder / "dense.tflite", path])
    return {
        "method": method,
        "ranks": {layer.name: layer.ranks for layer in result.factorized},
        "macs": tfsparse.graph.macs(new),
        "file_bytes": Path(path).stat().st_size,
        "accuracy_factorized": before,
        "accuracy": cifar10.accuracy(new, data) if FINE_EPOCHS.value else before,
        "latency": dataclasses.asdict(latency),
    }


def print_table(found):
    title = f"{found['dense']['accuracy']:.2%} dense, {found['cpu']}"
    table = Table("method", title=title)
    for column in ("MACs", "bytes", "accuracy", "trained", "ms", "faster", "quartiles"):
        table.add_column(column, justify="right")
    for row in found["methods"]:
        latency, dense = row["latency"], found["dense"]
        medians = latency["baseline_median"], latency["candidate_median"]
        table.add_row(
            row["method"],
            f"{row['macs'] / dense['macs']:.0%}",
            f"{row['file_bytes'] / dense['file_bytes']:.0%}",
            f"{row['accuracy_factorized']:.2%}",
            f"{row['accuracy']:.2%}",
            "{:.2f} → {:.2f}".format(*medians),
            f"{latency['speedup']:.2f}",
            "{:.2f} to {:.2f}".format(*latency["speedup_quartiles"]),
        )
    Console(width=120).print(table)


def main(argv):
    methods = argv[1:] or METHODS
    for method in methods:
        if method not in METHODS:
            raise app.UsageError(f"Expected {', '.join(METHODS)}. Received: {method}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(MODELS.value or temporary)
        folder.mkdir(exist_ok=True)
        data = pictures()
        model = dense(data, folder)
        path = tfsparse.convert(model, folder / "dense.tflite", encoding="none")
        found = {
            "dense": {
                "accuracy": cifar10.accuracy(model, data),
                "macs": tfsparse.graph.macs(model),
                "file_bytes": Path(path).stat().st_size,
            },
            "pictures": len(data.x_train),
            "epochs": EPOCHS.value,
            "fine_epochs": FINE_EPOCHS.value,
            "cpu": timing.cpu_name(),
            "methods": [],
        }
        for method in methods:
            found["methods"].append(measure(method, model, data, folder))
            if JSON.value:
                Path(JSON.value).write_text(json.dumps(found, indent=2) + "\n")
    print_table(found)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
