"""Measures the time that pruning adds to a whole `fit`.

Trains MobileNetV2 0.35 on 32x32 images for a number of steps, several times, in turn without
and with each method, each time with a new callback. The times include the begin and the end of a
`fit`. The first `fit` of a model compiles the train step and is reported separately, from several
new models of each. A callback that does nothing shows by how much the ratios vary by themselves.

    python benchmarks/fits.py
    python benchmarks/fits.py --steps 30 --rounds 20 --methods RigL --clock cpu
"""

import gc
import os
import sys
import time

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.runtime import timing

# Those that take their time in `fit` itself: DiscriminationAwareChannelPruning trains on its own.
METHODS = {
    "GradualPruning": lambda: tfsparse.GradualPruning(0.8),
    "GradualPruning, all layers": lambda: tfsparse.GradualPruning(0.8, scope="all"),
    "RigL": lambda: tfsparse.RigL(0.8, scope="pointwise"),
    "PatternPruning": lambda: tfsparse.PatternPruning(),
    "ChannelPruning": lambda: tfsparse.ChannelPruning("l1", 0.3),
}
CONTROL = "a callback that does nothing"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def make_fit(steps, batch_size, clock):
    """Returns a function of callbacks that trains a model of its own, and returns the seconds."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=10)
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(batch_size, 32, 32, 3)).astype(np.float32)
    data = tf.data.Dataset.from_tensors((pictures, rng.integers(0, 10, batch_size))).repeat()

    def fit(*callbacks):
        start = CLOCKS[clock]()
        model.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=list(callbacks))
        return CLOCKS[clock]() - start

    return fit


def rotated(names, count):
    """Returns the names, from another one on: a slow drift of the clock then favours none."""
    first = count % len(names)
    return names[first:] + names[:first]


def measure(methods, steps, models, rounds, batch_size, clock, console):
    """Returns the seconds of each first and of each later `fit`.

    Both are dicts from each method, plain training as "plain", and the callback that does nothing,
    to a list of seconds.
    """
    import keras

    makers = {"plain": None, CONTROL: keras.callbacks.Callback}
    makers |= {name: METHODS[name] for name in methods}
    names = list(makers)
    firsts, laters = {name: [] for name in names}, {name: [] for name in names}
    fits = {}

    def fit(name):
        make = makers[name]
        return fits[name](*([make()] if make else []))

    for number in range(models):
        # The models before take memory, and time of the garbage collector.
        fits.clear()
        gc.collect()
        for name in rotated(names, number * len(names) // models):
            with console.status(f"model {number + 1} of {models}: {name}"):
                fits[name] = make_fit(steps, batch_size, clock)
                firsts[name].append(fit(name))
    for number in range(rounds):
        for name in rotated(names, number):
            with console.status(f"round {number + 1} of {rounds}: {name}"):
                laters[name].append(fit(name))
    return firsts, laters


def table_of(firsts, laters, clock):
    table = Table(title=f"A fit in seconds of {clock} time")
    table.add_column("training", no_wrap=True)
    for column in ("first, median", "to plain (range)", "later, median", "to plain (quartiles)"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in firsts:
        row = [name, f"{np.median(firsts[name]):.1f}", "", f"{np.median(laters[name]):.2f}", ""]
        if name != "plain":
            row[2] = ratios(firsts, name, (50, 0, 100))
            row[4] = ratios(laters, name, (50, 25, 75))
        table.add_row(*row)
    return table


def ratios(seconds, name, percentiles):
    """Returns percentiles of the ratios to plain training, as text."""
    values = np.array(seconds[name]) / np.array(seconds["plain"])
    return "{:.3f} ({:.3f}-{:.3f})".format(*np.percentile(values, percentiles))


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    args = flags.FLAGS
    firsts, laters = measure(
        args.methods, args.steps, args.models, args.rounds, args.batch_size, args.clock, console
    )
    console.print(table_of(firsts, laters, args.clock))
    console.print(
        f"{timing.cpu_name()}, MobileNetV2 0.35 at 32x32, batches of {args.batch_size}, "
        f"{args.steps} steps a fit, {args.models} models of each, {args.rounds} rounds",
        highlight=False,
    )


if __name__ == "__main__":
    flags.DEFINE_integer("steps", 120, "Steps of a fit.", lower_bound=1)
    flags.DEFINE_integer("models", 3, "First fits of each, by new models.", lower_bound=1)
    flags.DEFINE_integer("rounds", 10, "Fits of each after the first.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 32, "Pictures in a batch.", lower_bound=1)
    flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Time, or the time of all cores.")
    flags.DEFINE_multi_enum("methods", list(METHODS), list(METHODS), "Which methods.")
    app.run(main)
