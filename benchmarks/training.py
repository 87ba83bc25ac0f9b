"""How much longer does a train step take when it prunes?

Trains MobileNetV2 0.35 on 32x32 pictures with plain `fit`, with tfsparse.GradualPruning, with
tfsparse.RigL, and with tensorflow-model-optimization's wrapper layers, all at once: each training
has its own thread, and they take turns of some steps, so that the machine's mood is the same for
all. Masks change once in each turn. The step in which they do is timed apart, and its extra time
counted as if they changed every 100 steps, the default of all. A ratio compares a turn with the
one of the same round in which the same Keras trained without pruning.

    python benchmarks/training.py
    python benchmarks/training.py --repeats 50 --clock cpu --json out.json
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
from tfsparse.prune.callback import Callback
from tfsparse.runtime import timing

STEPS = flags.DEFINE_integer("steps", 20, "Timed steps in a turn.", lower_bound=3)
REPEATS = flags.DEFINE_integer("repeats", 20, "Turns of each training.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Pictures in a batch.", lower_bound=1)
CLOCK = flags.DEFINE_enum(
    "clock",
    "wall",
    ["wall", "cpu"],
    "What to count: time, or the time of all cores, which other programs disturb less.",
)
JSON = flags.DEFINE_string("json", None, "Also write the results to this file.")

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
SPARSITY = 0.8
FREQUENCY = 100
# Steps at the start of a turn that are not timed: the first compiles the train step, the others
# bring weights back into the cache that another training used meanwhile.
UNTIMED_STEPS = 3


@dataclasses.dataclass(frozen=True)
class Result:
    """One way to train, in milliseconds, one number a turn.

    Attributes:
        training: what it is called.
        step: the median step.
        update: what the step in which masks change takes longer.
        ratio: a step, with its share of an update, divided by a plain one.
    """

    training: str
    step: list[float]
    update: list[float]
    ratio: list[float]


class Turns(Callback):
    """Lets several trainings run in turn, and times the steps of each turn."""

    def __init__(self, steps, repeats, clock):
        self.turns = []
        self.error = None
        self._clock = clock
        self._times = []
        self._length = UNTIMED_STEPS + steps
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
        """Reads the clock, and at the end of a turn waits for the next."""
        self._times.append(self._clock())
        if len(self._times) == self._length:
            self.turns.append(1e3 * np.diff(self._times)[UNTIMED_STEPS - 1 :])
            if len(self.turns) < self._repeats:
                self._yields.set()
                self._await_turn()
            self._times = []

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
        model.fit(
            data, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[*callbacks, turns]
        )

    return fit


def plain(package, first_update, last_update, frequency, batch_size):
    return train(build(package)[1], [], batch_size)


def gradual(package, first_update, last_update, frequency, batch_size):
    schedule = tfsparse.PolynomialDecay(
        SPARSITY, begin=first_update, end=last_update, frequency=frequency
    )
    return train(build(package)[1], [tfsparse.GradualPruning(schedule=schedule)], batch_size)


def rigl(package, first_update, last_update, frequency, batch_size):
    model = build(package)[1]
    # Updates are at multiples of the frequency, as the optimizer counts steps.
    end = last_update - first_update + frequency + 1
    callback = tfsparse.RigL(SPARSITY, scope="pointwise", end=end, frequency=frequency)
    fit = train(model, [callback], batch_size)
    model.optimizer.iterations.assign(frequency - first_update)
    return fit


def tfmot_wrappers(package, first_update, last_update, frequency, batch_size):
    from tensorflow_model_optimization.sparsity import keras as tfmot

    keras, model = build(package)
    schedule = tfmot.PolynomialDecay(0.0, SPARSITY, first_update, last_update, frequency=frequency)

    def wrap(layer):
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1):
            return tfmot.prune_low_magnitude(layer, pruning_schedule=schedule)
        return layer

    wrapped = keras.models.clone_model(model, clone_function=wrap)
    return train(wrapped, [tfmot.UpdatePruningStep()], batch_size)


TRAININGS = {
    "Keras 3, plain": (plain, "keras"),
    "Keras 3, gradual": (gradual, "keras"),
    "Keras 3, RigL": (rigl, "keras"),
    "tf_keras, plain": (plain, "tf_keras"),
    "tf_keras, gradual": (gradual, "tf_keras"),
    "tf_keras, RigL": (rigl, "tf_keras"),
    "tf_keras, tfmot wrappers": (tfmot_wrappers, "tf_keras"),
}


def measure(steps, repeats, batch_size, clock, console):
    """Returns a `Result` for each way to train whose packages are installed."""
    length = UNTIMED_STEPS + steps
    first_update = UNTIMED_STEPS + steps // 2  # in the middle of the turn
    last_update = first_update + length * (repeats - 1)
    trainings = {}
    for name, (make, package) in TRAININGS.items():
        with console.status(f"building: {name}"):
            try:
                fit = make(package, first_update, last_update, length, batch_size)
            except ImportError as error:
                console.print(f"left out: {name} ({error})")
                continue
            trainings[name] = Turns(steps, repeats, clock)
            trainings[name].start(fit, length * repeats)
    names = list(trainings)
    for turn in range(repeats):
        # Who goes first rotates, so that a slow drift of the clock favours none.
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            with console.status(f"round {turn + 1} of {repeats}: {name}"):
                trainings[name].run_turn()
    return [result_of(name, trainings, steps // 2) for name in names]


def result_of(name, trainings, update):
    """Returns the `Result` of one training; masks change in or just before step `update`."""
    turns = np.array(trainings[name].turns)
    baseline = np.array(trainings[f"{name.partition(',')[0]}, plain"].turns)
    step = np.median(turns, axis=1)
    extra = turns[:, update - 1 : update + 1].sum(axis=1) - 2 * step
    if name.endswith("plain"):
        extra = np.zeros_like(step)
    ratio = (step + np.median(extra) / FREQUENCY) / np.median(baseline, axis=1)
    return Result(name, step.tolist(), extra.tolist(), ratio.tolist())


def table_of(results, clock):
    table = Table(title=f"A train step in ms of {clock} time")
    table.add_column("training", no_wrap=True)
    for column in ("median (fastest)", "mask update", "to plain (quartiles)"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        lower, median, upper = np.percentile(result.ratio, [25, 50, 75])
        plain = result.training.endswith("plain")
        table.add_row(
            result.training,
            f"{np.median(result.step):.1f} ({min(result.step):.1f})",
            "" if plain else f"+{np.median(result.update):.1f}",
            "" if plain else f"{median:.3f} ({lower:.3f}-{upper:.3f})",
        )
    return table


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Takes no arguments but flags. Received: {argv[1:]}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    results = measure(STEPS.value, REPEATS.value, BATCH_SIZE.value, CLOCKS[CLOCK.value], console)
    setting = {
        "cpu": timing.cpu_name(),
        "steps": STEPS.value,
        "repeats": REPEATS.value,
        "batch_size": BATCH_SIZE.value,
        "clock": CLOCK.value,
        "frequency": FREQUENCY,
    }
    console.print(table_of(results, CLOCK.value))
    console.print(
        "{cpu}, MobileNetV2 0.35 at 32x32, batches of {batch_size}, {repeats} turns of {steps} "
        "steps; the ratio has an update every {frequency} steps".format(**setting),
        highlight=False,
    )
    if JSON.value:
        rows = [dataclasses.asdict(result) for result in results]
        Path(JSON.value).write_text(json.dumps({**setting, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    app.run(main)
