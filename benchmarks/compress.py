"""Compares the sparsities that a search finds with the same one for all layers, on CIFAR-10.

Trains a network, searches for the best model at a fraction of its latency, and finds by measurement
the one sparsity for all layers that has the same latency. Both are trained from the dense network
with the same settings, for the same epochs, with each seed; those of the search also with and
without distillation. What the search takes beyond its trainings is shown, too.

    python benchmarks/compress.py --data cifar10.zip
    python benchmarks/compress.py --latency 0.4 --trials 20 --sampler ddpg --output_dir search

Prints a table, and writes it as JSON beside the search.
"""

import dataclasses
import json
import resource
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
from tfsparse.search.measure import speedup
from tfsparse.search.measured import Measured
from tfsparse.search.training import Data, Settings, fine_tune
from tfsparse.search.variants import copy_of, teacher_of

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

VALIDATION = 0.1  # of the training pictures
BISECTIONS = 12
SETTING = (
    *("network", "stem_strides", "examples", "latency", "trials", "epochs", "final_epochs"),
    *("sampler", "dense_epochs"),
)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    folder = Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    data = cifar10.load(DATA.value)
    parts = scaled_parts(data)
    model = dense_network(folder / "dense.keras", data)
    copy_of(model).fit(*parts[0], batch_size=Data(*parts).batch_size, verbose=0)
    peak = peak_bytes()
    started = time.monotonic()
    result = tfsparse.compress(
        model,
        *parts,
        target={"latency": LATENCY.value},
        directory=folder,
        trials=TRIALS.value,
        epochs=EPOCHS.value,
        final_epochs=FINAL_EPOCHS.value,
        sampler=SAMPLER.value,
    )
    took = time.monotonic() - started
    peaks = {"plain_training": peak, "search": peak_bytes()}
    found = {
        "setting": {name: flags.FLAGS[name].value for name in SETTING},
        "cpu": timing.cpu_name(),
        "dense": cifar10.accuracy(model, data),
        "predicted": result.predicted / result.dense,
        "measured": result.fraction,
        "seconds": result.seconds | {"all": took},
        "peak_bytes": peaks,
        "rows": rows_of(model, result, parts, data),
    }
    (folder / "comparison.json").write_text(json.dumps(found, indent=2) + "\n")
    show(found)


def rows_of(model, result, parts, data):
    """The latency and the accuracy with the sparsities of a search, and with one for all layers."""
    measured = Measured(model)
    best = max(
        (trial for trial in result.trials if trial.state == "complete"),
        key=lambda trial: trial.metric,
    )
    settings = settings_of(best)
    own = measured.variant([result.sparsities[layer.name] for layer in measured.layers])
    uniform = same_latency(measured, own)
    rows = []
    for name, sparsities, distillation in (
        ("search", result.sparsities, settings.distillation),
        ("uniform", uniform, settings.distillation),
        ("search, no distillation", result.sparsities, 0.0),
        ("search, distillation 0.5", result.sparsities, 0.5),
    ):
        content = measured.variant([sparsities[layer.name] for layer in measured.layers])
        chosen = dataclasses.replace(settings, distillation=distillation)
        accuracies = [
            trained_accuracy(model, parts, sparsities, chosen, seed, data)
            for seed in range(SEEDS.value)
        ]
        rows.append(
            {
                "name": name,
                "latency": result.fraction / speedup(own, content),
                "accuracies": accuracies,
                "sparsities": sparsities,
                "settings": dataclasses.asdict(chosen),
            }
        )
    return rows


def peak_bytes():
    """The most memory that this process has held, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def parts_of(data):
    """The training pictures in two parts, to train with and to validate: each `(x, y)`.

    They are drawn at random: files have the pictures of a class behind each other.
    """
    order = np.random.default_rng(0).permutation(len(data.x_train))
    parts = np.split(order, [len(order) - round(VALIDATION * len(order))])
    return [(data.x_train[part], data.y_train[part]) for part in parts]


def scaled_parts(data):
    """The same with pixels from -1 to 1, and so many to train with as --examples says."""
    (x, y), (x_validation, y_validation) = parts_of(data)
    train = cifar10.scale(x[: EXAMPLES.value]), y[: EXAMPLES.value]
    return train, (cifar10.scale(x_validation), y_validation)


def dense_network(path, data):
    """The trained dense network, from a file if there is one."""
    if not path.exists():
        keras.utils.set_random_seed(0)
        width = WIDTH.value or cifar10.NETWORKS[NETWORK.value][1]
        model = cifar10.build(NETWORK.value, width, STRIDES.value)
        (x, y), _ = parts_of(data)
        kept = dataclasses.replace(data, x_train=x, y_train=y)
        cifar10.train(model, kept, DENSE_EPOCHS.value)
        model.save(path)
    return keras.models.load_model(path)


def same_latency(measured, content):
    """The sparsity of all layers at which a network is as fast as a file, by layer.

    Args:
        measured: `tfsparse.search.measured.Measured`.
        content: The bytes of the file.
    """
    low, high = 0.3, 0.95
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        uniform = measured.variant([middle] * len(measured.layers))
        if speedup(content, uniform, seconds=2) < 1:
            low = middle
        else:
            high = middle
    return dict.fromkeys((layer.name for layer in measured.layers), high)


def settings_of(trial):
    """The settings of a `tfsparse.search.result.Trial`."""
    names = (field.name for field in dataclasses.fields(Settings))
    return Settings(**{name: trial.parameters[name] for name in names})


def trained_accuracy(model, parts, sparsities, settings, seed, data):
    """The accuracy on the test pictures after a training from the dense network."""
    student = copy_of(model)
    keras.utils.set_random_seed(seed)
    fine_tune(
        student,
        Data(*parts),
        sparsities,
        block_size=(1, 1),
        settings=settings,
        epochs=FINAL_EPOCHS.value,
        optimizer=model.optimizer,
        teacher=teacher_of(model, student),
    )
    return cifar10.accuracy(student, data)


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
    seconds, peaks = found["seconds"], found["peak_bytes"]
    beyond = 1 - (seconds["trials"] + seconds["training"]) / seconds["all"]
    more = peaks["search"] / peaks["plain_training"] - 1
    print(
        f"Beyond the trainings: {100 * beyond:.1f} % of the time. "
        f"Peak of memory: {100 * more:+.1f} % to that of a plain training."
    )


if __name__ == "__main__":
    app.run(main)
