"""Measures the time that pruning adds to a whole `fit`.

Trains MobileNetV2 0.35 on 32x32 images for a number of steps, several times, in turn without
and with each method, each time with a new callback. The times include the begin and the end of a
`fit`. The first `fit` of each compiles the train step and is reported separately.

    python benchmarks/fits.py
    python benchmarks/fits.py --steps 30 --rounds 20 --methods RigL --clock cpu
"""

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


def measure(methods, steps, rounds, batch_size, clock, console):
    """Returns for each method, and for plain training as "plain", the seconds of each `fit`."""
    makers = {"plain": None} | {name: METHODS[name] for name in methods}
    fits = {name: make_fit(steps, batch_size, clock) for name in makers}
    seconds = {name: [] for name in makers}
    for round_ in range(1 + rounds):
        names = list(makers)
        # Who goes first rotates, so that a slow drift of the clock favours none.
        first = round_ % len(names)
        for name in names[first:] + names[:first]:
            with console.status(f"round {round_} of {rounds}: {name}"):
                make = makers[name]
                seconds[name].append(fits[name](*([make()] if make else [])))
    return seconds


def table_of(seconds, clock):
    table = Table(title=f"A fit in seconds of {clock} time")
    table.add_column("training", no_wrap=True)
    for column in ("first", "to plain", "later, median", "to plain (quartiles)"):
        table.add_column(column, justify="right", no_wrap=True)
    plain = np.array(seconds["plain"])
    for name, of_method in seconds.items():
        ratios = np.array(of_method) / plain
        lower, median, upper = np.percentile(ratios[1:], [25, 50, 75])
        row = [name, f"{of_method[0]:.1f}", "", f"{np.median(of_method[1:]):.2f}", ""]
        if name != "plain":
            row[2], row[4] = f"{ratios[0]:.3f}", f"{median:.3f} ({lower:.3f}-{upper:.3f})"
        table.add_row(*row)
    return table


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    args = flags.FLAGS
    seconds = measure(args.methods, args.steps, args.rounds, args.batch_size, args.clock, console)
    console.print(table_of(seconds, args.clock))
    console.print(
        f"{timing.cpu_name()}, MobileNetV2 0.35 at 32x32, batches of {args.batch_size}, "
        f"{args.steps} steps a fit, {args.rounds} rounds",
        highlight=False,
    )


if __name__ == "__main__":
    flags.DEFINE_integer("steps", 120, "Steps of a fit.", lower_bound=1)
    flags.DEFINE_integer("rounds", 10, "Fits of each after the first.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 32, "Pictures in a batch.", lower_bound=1)
    flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Time, or the time of all cores.")
    flags.DEFINE_multi_enum("methods", list(METHODS), list(METHODS), "Which methods.")
    app.run(main)
