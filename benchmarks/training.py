"""How much longer does a train step take when it prunes?

Trains MobileNetV2 0.35 on 32x32 pictures with plain `fit`, with tfsparse.GradualPruning, and with
tensorflow-model-optimization's wrapper layers, all at once: each training has its own thread, and
they take turns of some steps, so that the machine's mood is the same for all. A ratio compares a
turn with the turn of the same round in which the same Keras trained without pruning. In each turn
the masks change once.

    python benchmarks/training.py
    python benchmarks/training.py --steps 100 --repeats 20 --json out.json
"""

import dataclasses
import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse import timing
from tfsparse.prune.callback import Callback

STEPS = flags.DEFINE_integer("steps", 50, "Timed steps in a turn.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 10, "Turns of each training.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Pictures in a batch.", lower_bound=1)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")

SPARSITY = 0.8
# Steps at the start of a turn that are not timed: the first compiles the train step, the others
# bring weights back into the cache that another training used meanwhile.
UNTIMED_STEPS = 3


@dataclasses.dataclass(frozen=True)
class Result:
    """One way to train: milliseconds a step, one number a turn, and the same divided by plain."""

    training: str
    milliseconds: list[float]
    ratios: list[float]


class Turns(Callback):
    """Lets several trainings run in turn, and times the steps of each turn."""

    def __init__(self, steps, repeats):
        self.milliseconds = []
        self.finished = threading.Event()
        self.error = None
        self._length = UNTIMED_STEPS + steps
        self._timed = steps
        self._repeats = repeats
        self._may_run = threading.Event()
        self._yields = threading.Event()

    def start(self, fit, steps):
        """Starts `fit(self, steps)` in a thread, where it waits for its first turn."""

        def run():
            try:
                self._await_turn()
                fit(self, steps)
            except Exception as error:
                self.error = error
            self.finished.set()
            self._yields.set()

        threading.Thread(target=run, daemon=True).start()

    def run_turn(self):
        """Lets the training run until its turn is over."""
        self._yields.clear()
        self._may_run.set()
        self._yields.wait()
        if self.error is not None:
            raise self.error

    def on_train_batch_end(self, batch, logs=None):
        """Starts the clock, or stops it and waits for the next turn."""
        step = (batch + 1) % self._length
        if step == UNTIMED_STEPS:
            self._began = time.perf_counter()
        elif step == 0:
            self.milliseconds.append(1e3 * (time.perf_counter() - self._began) / self._timed)
            if len(self.milliseconds) < self._repeats:
                self._yields.set()
                self._await_turn()

    def _await_turn(self):
        self._may_run.wait()
        self._may_run.clear()


def build(package):
    """Returns the Keras package of this name and a MobileNetV2 made with it."""
    keras = importlib.import_module(package)
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=10)
    return keras, model


def train(model, callbacks, batch_size):
    """Returns a function that trains a model; the last callback is the one that takes turns."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(batch_size, 32, 32, 3)).astype(np.float32)
    data = tf.data.Dataset.from_tensors((pictures, rng.integers(0, 10, batch_size))).repeat()
    model.compile("adam", "sparse_categorical_crossentropy")

    def fit(turns, steps):
        model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[*callbacks, turns])

    return fit


def plain(package, steps, frequency, batch_size):
    return train(build(package)[1], [], batch_size)


def tfsparse_callback(package, steps, frequency, batch_size):
    schedule = tfsparse.PolynomialDecay(SPARSITY, begin=0, end=steps, frequency=frequency)
    return train(build(package)[1], [tfsparse.GradualPruning(schedule=schedule)], batch_size)


def tfmot_wrappers(package, steps, frequency, batch_size):
    from tensorflow_model_optimization.sparsity import keras as tfmot

    keras, model = build(package)
    schedule = tfmot.PolynomialDecay(0.0, SPARSITY, 0, steps, frequency=frequency)

    def wrap(layer):
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1):
            return tfmot.prune_low_magnitude(layer, pruning_schedule=schedule)
        return layer

    wrapped = keras.models.clone_model(model, clone_function=wrap)
    return train(wrapped, [tfmot.UpdatePruningStep()], batch_size)


TRAININGS = {
    "Keras 3, plain": (plain, "keras"),
    "Keras 3, tfsparse": (tfsparse_callback, "keras"),
    "tf_keras, plain": (plain, "tf_keras"),
    "tf_keras, tfsparse": (tfsparse_callback, "tf_keras"),
    "tf_keras, tfmot wrappers": (tfmot_wrappers, "tf_keras"),
}


def measure(steps, repeats, batch_size, console):
    """Returns a `Result` for each way to train whose packages are installed."""
    length = UNTIMED_STEPS + steps
    turns = {}
    for name, (make, package) in TRAININGS.items():
        with console.status(f"building: {name}"):
            try:
                fit = make(package, length * repeats, length, batch_size)
            except ImportError as error:
                console.print(f"left out: {name} ({error})")
                continue
            turns[name] = Turns(steps, repeats)
            turns[name].start(fit, length * repeats)
    for turn in range(repeats):
        # Who goes first rotates, so that a slow drift of the clock favours none.
        names = list(turns)
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            with console.status(f"round {turn + 1} of {repeats}: {name}"):
                turns[name].run_turn()
    results = []
    for name, turn in turns.items():
        baseline = turns[f"{name.partition(',')[0]}, plain"].milliseconds
        ratios = [a / b for a, b in zip(turn.milliseconds, baseline, strict=True)]
        results.append(Result(name, turn.milliseconds, ratios))
    return results


def table_of(results):
    table = Table(title="A train step in ms: median (fastest turn)")
    table.add_column("training", no_wrap=True)
    for column in ("step", "to plain (quartiles)"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        lower, median, upper = np.percentile(result.ratios, [25, 50, 75])
        table.add_row(
            result.training,
            f"{np.median(result.milliseconds):.1f} ({min(result.milliseconds):.1f})",
            f"{median:.3f} ({lower:.3f}-{upper:.3f})",
        )
    return table


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    results = measure(STEPS.value, REPEATS.value, BATCH_SIZE.value, console)
    setting = {
        "cpu": timing.cpu_name(),
        "steps": STEPS.value,
        "repeats": REPEATS.value,
        "batch_size": BATCH_SIZE.value,
    }
    console.print(table_of(results))
    console.print(
        "{cpu}, MobileNetV2 0.35 at 32x32, batches of {batch_size}, {repeats} turns of {steps} "
        "steps, masks changed once in each".format(**setting),
        highlight=False,
    )
    if JSON.value:
        rows = [dataclasses.asdict(result) for result in results]
        Path(JSON.value).write_text(json.dumps({**setting, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    app.run(main)
