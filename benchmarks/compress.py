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
import numpy as np
import searches
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.runtime import timing
from tfsparse.search.measure import speedup
from tfsparse.search.measured import Measured
from tfsparse.search.training import Data, Settings
from tfsparse.search.variants import copy_of

LATENCY = flags.DEFINE_float("latency", 0.5, "The target, a fraction of the dense network's.")
FINAL_EPOCHS = flags.DEFINE_integer("final_epochs", 6, "Epochs of the compared trainings.", 1)
SAMPLER = flags.DEFINE_string("sampler", "tpe", "Sampler of the search.")
SEEDS = flags.DEFINE_integer("seeds", 2, "Number of seeds of the compared trainings.", 1)
OUTPUT = flags.DEFINE_string("output_dir", "search", "Folder of the search and the results.")

BISECTIONS = 12


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    folder = Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    data = cifar10.load(searches.DATA.value)
    parts = searches.scaled_parts(data)
    model = searches.dense_network(folder / "dense.keras", data)
    is_new = not (folder / "study.log").exists()
    copy_of(model).fit(*parts[0], batch_size=Data(*parts).batch_size, verbose=0)
    peak = peak_bytes()
    started = time.monotonic()
    result = tfsparse.compress(
        model,
        *parts,
        target={"latency": LATENCY.value},
        directory=folder,
        trials=searches.TRIALS.value,
        epochs=searches.EPOCHS.value,
        final_epochs=FINAL_EPOCHS.value,
        sampler=SAMPLER.value,
    )
    took = time.monotonic() - started
    peaks = {"plain_training": peak, "search": peak_bytes()}
    found = {
        "setting": searches.setting("latency", "final_epochs", "sampler"),
        "cpu": timing.cpu_name(),
        "dense": cifar10.accuracy(model, data),
        "predicted": result.predicted / result.dense,
        "measured": result.fraction,
        # An earlier call has taken a part of the time.
        "seconds": result.seconds | ({"all": took} if is_new else {}),
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
    others = [weight for weight in (0.0, 0.5) if weight != settings.distillation]
    for name, sparsities, distillation in (
        ("search", result.sparsities, settings.distillation),
        ("uniform", uniform, settings.distillation),
        *((f"search, distillation {weight:g}", result.sparsities, weight) for weight in others),
    ):
        content = measured.variant([sparsities[layer.name] for layer in measured.layers])
        chosen = dataclasses.replace(settings, distillation=distillation)
        accuracies = []
        for seed in range(SEEDS.value):
            epochs = FINAL_EPOCHS.value
            student, _ = searches.trained(model, parts, sparsities, chosen, epochs, seed)
            accuracies.append(cifar10.accuracy(student, data))
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


def same_latency(measured, content):
    """The sparsity of all layers at which a network is as fast as a file, by layer.

    Args:
        measured: `tfsparse.search.measured.Measured`.
        content: The bytes of the file.
    """

    def is_as_fast(sparsity):
        uniform = measured.variant([sparsity] * len(measured.layers))
        return speedup(content, uniform, seconds=2) >= 1

    least = searches.least_sparsity(is_as_fast, 0.3, 0.95, BISECTIONS)
    return dict.fromkeys((layer.name for layer in measured.layers), least)


def settings_of(trial):
    """The settings of a `tfsparse.search.result.Trial`."""
    names = (field.name for field in dataclasses.fields(Settings))
    return Settings(**{name: trial.parameters[name] for name in names})


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
        "of the dense latency."
    )
    seconds, peaks = found["seconds"], found["peak_bytes"]
    if "all" in seconds:
        beyond = 1 - (seconds["trials"] + seconds["training"]) / seconds["all"]
        print(f"It took {seconds['all']:.0f} s, of these {100 * beyond:.1f} % beyond trainings.")
    more = peaks["search"] / peaks["plain_training"] - 1
    print(f"Its peak of memory is {100 * more:+.1f} % to that of a plain training.")


if __name__ == "__main__":
    app.run(main)
