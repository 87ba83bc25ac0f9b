"""Compares the sparsities that a search finds with the same one for all layers, on CIFAR-10.

Trains a network, searches for the best model at a fraction of its latency, and finds by measurement
the one sparsity for all layers that has the same latency. Both are trained from the dense network
with the same settings, for the same epochs, with each seed.

    python benchmarks/compress.py --data cifar10.zip
    python benchmarks/compress.py --latency 0.4 --trials 20 --sampler ddpg --output_dir search

Prints a table, and writes it as JSON beside the search.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

import cifar10
import keras
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.runtime import timing
from tfsparse.search.measure import Measured, speedup
from tfsparse.search.training import Data, Settings, fine_tune

DATA = flags.DEFINE_string("data", None, "CIFAR-10 as class folders; else Keras downloads it.")
NETWORK = flags.DEFINE_enum("network", "resnet20", list(cifar10.NETWORKS), "What to compress.")
WIDTH = flags.DEFINE_float("width", None, "Its width; by default the usual one.")
STRIDES = flags.DEFINE_integer("stem_strides", 2, "Strides of its first convolution.", 1)
EXAMPLES = flags.DEFINE_integer("examples", 45_000, "Pictures to train with.", 1)
DENSE_EPOCHS = flags.DEFINE_integer("dense_epochs", 10, "Epochs of the dense network.", 1)
LATENCY = flags.DEFINE_float("latency", 0.5, "The target, a fraction of the dense network's.")
TRIALS = flags.DEFINE_integer("trials", 10, "Trials of the search.", 1)
EPOCHS = flags.DEFINE_integer("epochs", 3, "Epochs of a trial.", 1)
FINAL_EPOCHS = flags.DEFINE_integer("final_epochs", 6, "Epochs of the compared trainings.", 1)
SAMPLER = flags.DEFINE_string("sampler", "tpe", "Sampler of the search.")
SEEDS = flags.DEFINE_integer("seeds", 2, "Number of seeds of the compared trainings.", 1)
OUTPUT = flags.DEFINE_string("output_dir", "search", "Folder of the search and the results.")

VALIDATION = 5_000  # of the training pictures
BISECTIONS = 12


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    folder = Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    data = cifar10.load(DATA.value)
    train, validation = parts_of(data)
    model = dense_network(folder / "dense.keras", data)
    started = time.monotonic()
    result = tfsparse.compress(
        model,
        train,
        validation,
        target={"latency": LATENCY.value},
        directory=folder,
        trials=TRIALS.value,
        epochs=EPOCHS.value,
        final_epochs=FINAL_EPOCHS.value,
        sampler=SAMPLER.value,
    )
    took = time.monotonic() - started
    measured = Measured(model)
    uniform = same_latency(measured, result)
    best = max(
        (trial for trial in result.trials if trial.state == "complete"),
        key=lambda trial: trial.metric,
    )
    rows = []
    for name, sparsities in (("search", result.sparsities), ("uniform", uniform)):
        contents = measured.variant([sparsities[layer.name] for layer in measured.layers])
        fraction = result.fraction / result_ratio(measured, result, contents)
        accuracies = [
            trained_accuracy(model, (train, validation), sparsities, settings_of(best), seed, data)
            for seed in range(SEEDS.value)
        ]
        rows.append(
            {"sparsities": sparsities, "name": name, "latency": fraction, "accuracies": accuracies}
        )
    found = {
        "setting": {
            flag: flags.FLAGS[flag].value
            for flag in (
                "network",
                "examples",
                "latency",
                "trials",
                "epochs",
                "final_epochs",
                "sampler",
                "dense_epochs",
            )
        },
        "cpu": timing.cpu_name(),
        "dense": cifar10.accuracy(model, data),
        "predicted": result.predicted / result.dense,
        "measured": result.fraction,
        "seconds": result.seconds | {"all": took},
        "rows": rows,
    }
    (folder / "comparison.json").write_text(json.dumps(found, indent=2) + "\n")
    show(found)


def parts_of(data):
    """The training and the validation pictures, each `(x, y)`."""
    x, y = cifar10.scale(data.x_train), data.y_train
    return (x[: EXAMPLES.value], y[: EXAMPLES.value]), (x[-VALIDATION:], y[-VALIDATION:])


def dense_network(path, data):
    """The trained dense network, from a file if there is one."""
    if not path.exists():
        keras.utils.set_random_seed(0)
        width = WIDTH.value or cifar10.NETWORKS[NETWORK.value][1]
        model = cifar10.build(NETWORK.value, width, STRIDES.value)
        kept = dataclasses.replace(
            data, x_train=data.x_train[:-VALIDATION], y_train=data.y_train[:-VALIDATION]
        )
        cifar10.train(model, kept, DENSE_EPOCHS.value)
        model.save(path)
    return keras.models.load_model(path)


def same_latency(measured, result):
    """The sparsity of all layers at which a network is as fast as the result, by layer."""
    names = [layer.name for layer in measured.layers]
    wanted = [result.sparsities[name] for name in names]
    reference = measured.variant(wanted)
    low, high = 0.3, 0.95
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if speedup(reference, measured.variant([middle] * len(names)), seconds=2) < 1:
            low = middle
        else:
            high = middle
    return dict.fromkeys(names, high)


def result_ratio(measured, result, contents):
    """The latency of the result over that of a file."""
    own = measured.variant([result.sparsities[layer.name] for layer in measured.layers])
    return speedup(own, contents)


def settings_of(trial):
    """The settings of a `tfsparse.search.result.Trial`."""
    return Settings(**{name: trial.parameters[name] for name in ("learning_rate", "end")})


def trained_accuracy(model, parts, sparsities, settings, seed, data):
    """The accuracy on the test pictures after a training from the dense network."""
    before, optimizer = model.get_weights(), model.optimizer
    keras.utils.set_random_seed(seed)
    fine_tune(
        model,
        Data(*parts),
        sparsities,
        block_size=(1, 1),
        settings=settings,
        epochs=FINAL_EPOCHS.value,
        optimizer=optimizer,
    )
    accuracy = cifar10.accuracy(model, data)
    model.set_weights(before)
    model.optimizer = optimizer
    return accuracy


def show(found):
    """Prints the comparison."""
    table = Table(title=f"{found['cpu']}, one thread; test pictures")
    for column in ("sparsities", "latency", "accuracy", "seeds"):
        table.add_column(column)
    table.add_row("dense", "100 %", f"{100 * found['dense']:.2f} %", "")
    for row in found["rows"]:
        table.add_row(
            row["name"],
            f"{100 * row['latency']:.1f} %",
            f"{100 * np.mean(row['accuracies']):.2f} %",
            ", ".join(f"{100 * accuracy:.2f}" for accuracy in row["accuracies"]),
        )
    Console(file=sys.stdout).print(table)
    print(
        f"Predicted {100 * found['predicted']:.1f} %, measured {100 * found['measured']:.1f} % "
        f"of the dense latency, in {found['seconds']['all']:.0f} s."
    )


if __name__ == "__main__":
    app.run(main)
