"""Compares the samplers of a search on CIFAR-10: the best so far over the trials.

Searches with each sampler for the most accurate network with a fraction of the MACs, which are the
same on every machine. All begin from one dense network and have as many trials. A network with one
sparsity for all layers, as it is chosen by hand, is trained as long as a trial.

    python benchmarks/samplers.py --data cifar10.zip --json samplers.json --figure samplers.svg
    python benchmarks/samplers.py --samplers tpe,random --trials 100 --output_dir samplers
    python benchmarks/samplers.py --table samplers.json --figure samplers.svg

Each search is kept in a folder of --output_dir: after an interruption the same command goes on, and
several commands with other --samplers can share the folder. `gp` needs torch and scipy.
"""

import json
import sys
from pathlib import Path

import cifar10
import figures
import numpy as np
import searches
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.files import write_atomically
from tfsparse.formatting import to_json
from tfsparse.runtime import timing
from tfsparse.search import measure_costs
from tfsparse.search.samplers import make_sampler
from tfsparse.search.training import Settings

SAMPLERS = flags.DEFINE_list("samplers", ["tpe", "gp", "cmaes", "ddpg", "random"], "To compare.")
OUTPUT = flags.DEFINE_string("output_dir", "samplers", "Folder of the searches.")
MACS = flags.DEFINE_float("macs", 0.15, "The target, a fraction of the dense network's.", 0, 1)
JSON = flags.DEFINE_string("json", None, "Write the results to this file.")
FIGURE = flags.DEFINE_string("figure", None, "Draw the results in this SVG file.")
TABLE = flags.DEFINE_string("table", None, "Only show the results in this file.")

AFTER = (1, 5, 10, 20, 50, 100)  # trials, of the table's columns
BISECTIONS = 30


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(argv[1:])}")
    try:
        found = json.loads(Path(TABLE.value).read_text()) if TABLE.value else measured()
        if JSON.value:
            write_atomically(JSON.value, f"{to_json(found)}\n".encode())
        if FIGURE.value:
            figures.save(draw(found), FIGURE.value, "samplers")
    except (ImportError, OSError, ValueError) as error:
        sys.exit(str(error))
    show(found)


def measured():
    """Runs the searches that are not done; returns what `show` and `draw` take."""
    for name in SAMPLERS.value:
        make_sampler(name)  # An unknown one, or one without its packages, is an error now.
    folder = Path(OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    data = cifar10.load(searches.DATA.value)
    model = searches.dense_network(folder / "dense.keras", data)
    parts = searches.scaled_parts(data)
    return {
        "setting": searches.setting("macs"),
        "cpu": timing.cpu_name(),
        "by_hand": accuracy_by_hand(model, parts),
        "accuracies": {
            name: accuracies(search(name, model, parts, folder / name)) for name in SAMPLERS.value
        },
    }


def search(sampler, model, parts, folder):
    """The record of the search with a sampler, from its folder if it is done."""
    trials, epochs = searches.TRIALS.value, searches.EPOCHS.value
    folder /= f"{MACS.value:g}macs-{searches.EXAMPLES.value}pictures-{epochs}epochs"
    record = folder / "result.json"
    if not record.exists() or len(accuracies(json.loads(record.read_text()))) < trials:
        tfsparse.compress(
            model,
            *parts,
            target={"macs": MACS.value},
            directory=folder,
            trials=trials,
            epochs=epochs,
            final_epochs=epochs,
            sampler=sampler,
        )
    return json.loads(record.read_text())


def accuracies(record):
    """The validation accuracy of the trials that ended; None of those that were stopped early."""
    ended = [trial for trial in record["trials"] if trial["state"] in ("complete", "pruned")]
    return [
        trial["metric"] if trial["state"] == "complete" else None
        for trial in ended[: searches.TRIALS.value]
    ]


def accuracy_by_hand(model, parts):
    """The validation accuracy with one sparsity for all layers, after the epochs of a trial."""
    sparsities = one_sparsity(measure_costs(model, "macs"), MACS.value)
    _, found = searches.trained(model, parts, sparsities, Settings(), searches.EPOCHS.value, 0)
    return float(found["accuracy"])


def one_sparsity(table, fraction):
    """The least sparsity that brings all layers together to a fraction of the cost, by layer."""
    names = [layer.name for layer in table.layers]

    def is_enough(sparsity):
        return table.cost(dict.fromkeys(names, sparsity)) <= fraction * table.dense

    least = searches.least_sparsity(is_enough, 0.0, max(table.sparsities), BISECTIONS)
    return dict.fromkeys(names, least)


def best_so_far(accuracies):
    """The best of the trials up to each one; nan before the first."""
    return np.fmax.accumulate([np.nan if one is None else one for one in accuracies])


def show(found):
    """Prints the best after some numbers of trials."""
    longest = max(map(len, found["accuracies"].values()))
    columns = [count for count in AFTER if count < longest] + [longest]
    table = Table(title=f"Best validation accuracy after some trials, {found['cpu']}")
    for column in ("sampler", *map(str, columns)):
        table.add_column(column)
    for name, values in found["accuracies"].items():
        best = best_so_far(values)
        cells = (best[count - 1] if count <= len(best) else np.nan for count in columns)
        table.add_row(name, *("" if np.isnan(one) else f"{100 * one:.2f} %" for one in cells))
    table.add_row("by hand", f"{100 * found['by_hand']:.2f} %")
    Console(file=sys.stdout).print(table)


def draw(found):
    """Returns the axes of the best so far over the trials, a line for each sampler.

    Raises:
        ImportError: matplotlib is not installed.
    """
    axes = figures.new(7, 4)
    for number, (name, values) in enumerate(found["accuracies"].items()):
        trials = np.arange(1, len(values) + 1)
        width = 1.5 + 1.5 * (len(found["accuracies"]) - 1 - number)  # Of equal lines all are seen.
        axes.step(trials, 100 * best_so_far(values), where="post", label=name, linewidth=width)
    axes.axhline(100 * found["by_hand"], color="gray", linestyle=":", label="one sparsity")
    axes.set_xlabel("trials")
    axes.set_ylabel("best validation accuracy so far in %")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return axes


if __name__ == "__main__":
    app.run(main)
