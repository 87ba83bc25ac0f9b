"""From model.fit to a faster interpreter: the whole of tfsparse in a few minutes.

Trains a small MobileNetV2 twice, dense and pruned; converts both; checks that the delegate predicts
what TFLite's default predicts; and times dense against sparse, for the small network and for
MobileNetV2 1.0 at 224x224 pixels with 80 and 90 % of the weights of its 1x1 convolutions zero.
"""

import dataclasses
import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import app, flags
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import tfsparse
from tfsparse.capture import captured_output
from tfsparse.formatting import byte_size, duration
from tfsparse.runtime import timing
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.zoo import catalogue, datasets, evaluation

BATCH = 64
LEARNING_RATE = 4e-3
# Enough for digits to converge, and about half a minute of a laptop.
DEFAULT_STEPS = 370
LARGE_SPARSITIES = (0.8, 0.9)
SECONDS = 5  # Of timing each pair.
CLOSING = (
    "The delegate named the same class as TFLite's default for every picture. MobileNetV2 1.0 has "
    "random weights: latency depends on which weights are zero, not on what the others are."
)

FLAGS = flags.FlagValues()
DATASET = flags.DEFINE_string(
    "dataset",
    "digits",
    "digits, fashion_mnist, or a folder or zip file of class folders.",
    flag_values=FLAGS,
)
SPARSITY = flags.DEFINE_float(
    "sparsity",
    0.8,
    "Zeros in the 1x1 convolutions of the network trained.",
    0,
    0.99,
    flag_values=FLAGS,
)
EPOCHS = flags.DEFINE_integer(
    "epochs",
    None,
    f"Passes over the data; by default {DEFAULT_STEPS} steps, at least 2 passes.",
    1,
    flag_values=FLAGS,
)
THREADS = flags.DEFINE_integer(
    "num_threads", 1, "Threads of both interpreters.", 1, flag_values=FLAGS
)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Keep the .tflite files in this folder.", flag_values=FLAGS
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table; `None` where there is nothing to say."""

    name: str
    path: Path
    milliseconds: float
    accuracy: float | None = None
    speedup: float | None = None


def main(arguments):
    """Runs the demo."""
    if arguments:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(arguments)}.")
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 100)
    data = datasets.load(DATASET.value)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(OUTPUT_DIR.value or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        small = measure_trained(console, data, folder)
        large = measure_large(console, folder)
        console.print(table_of(f"Small MobileNetV2, {Path(DATASET.value).name}", small, large))
    console.print(legend(len(data.x_test)), highlight=False)
    console.print(f"\n{CLOSING}", highlight=False)


def measure_trained(console, data, folder):
    """Trains, converts, checks and times the small network; returns its two rows."""
    epochs = EPOCHS.value or max(2, round(DEFAULT_STEPS * BATCH / len(data.x_train)))
    percent = f"{SPARSITY.value:.0%}"
    dense = train(console, data, epochs, "dense")
    pruning = tfsparse.GradualPruning(final_sparsity=SPARSITY.value)
    sparse = train(console, data, epochs, f"{percent} sparse", [pruning])
    dense = tfsparse.convert(dense, folder / "small-dense.tflite", encoding="none")
    sparse = tfsparse.convert(sparse, folder / "small-sparse.tflite")

    console.print(f"Checking the delegate's predictions on {len(data.x_test)} held-out pictures")
    predictions = checked_predictions(sparse, data.x_test)
    pair = timing.open_pair(dense, sparse, num_threads=THREADS.value)
    dense_predictions = predict(pair[0], data.x_test)

    console.print("Timing the small network")
    set_random_inputs(pair)
    times = timing.compare(*pair, SECONDS)
    return [
        Row(
            "dense, TFLite default",
            Path(dense),
            times.baseline_min,
            accuracy=np.mean(dense_predictions == data.y_test),
        ),
        Row(
            f"{percent} zeros, tfsparse",
            Path(sparse),
            times.candidate_min,
            accuracy=np.mean(predictions == data.y_test),
            speedup=times.speedup,
        ),
    ]


def train(console, data, epochs, name, callbacks=()):
    """Trains the small network; returns it."""
    with captured_output():  # Of looking for a graphics card.
        import keras

        from tfsparse.zoo import architectures

        keras.utils.set_random_seed(0)
        model = architectures.small_mobilenet_v2(data.x_train.shape[1:], len(data.class_names))
    steps = epochs * -(-len(data.x_train) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        "sparse_categorical_crossentropy",
        jit_compile=False,  # On CPUs, XLA makes depthwise convolutions slower.
    )
    console.print(f"Training the {name} network: {epochs} epochs, {steps} steps")
    # In a log file a bar would be noise.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("training", total=steps)
        tick = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: progress.advance(bar)
        )
        model.fit(
            data.x_train, data.y_train, BATCH, epochs, verbose=0, callbacks=[*callbacks, tick]
        )
    return model


def checked_predictions(path, pictures):
    """Returns the delegate's classes of the pictures, after checking that they are TFLite's."""
    expected, received = (
        predict(interpreter, pictures)
        for interpreter in timing.open_pair(path, path, num_threads=THREADS.value)
    )
    wrong = np.count_nonzero(expected != received)
    if wrong:
        raise RuntimeError(
            f"Expected the delegate to predict what TFLite's default predicts. Received other "
            f"classes for {wrong} of {len(pictures)} pictures. Please report this, with the file "
            "that --output_dir keeps."
        )
    return received


def predict(interpreter, pictures):
    """Returns the class of each picture."""
    return evaluation.scores(interpreter, pictures).argmax(axis=1)


def measure_large(console, folder):
    """Times MobileNetV2 with random weights, dense against each sparsity; returns the rows."""
    console.print("Building MobileNetV2 1.0 for 224x224 pixels")
    model = catalogue.build("mobilenet_v2", sparsity=0)
    dense = tfsparse.convert(model, folder / "mobilenet_v2-dense.tflite", encoding="none")
    rows = []
    for sparsity in LARGE_SPARSITIES:
        console.print(f"Timing it with {sparsity:.0%} zeros")
        tfsparse.GradualPruning(final_sparsity=sparsity).apply(model)
        sparse = tfsparse.convert(model, folder / f"mobilenet_v2-{sparsity:.0%}.tflite")
        times = timing.compare(*timing.open_pair(dense, sparse, num_threads=THREADS.value), SECONDS)
        if not rows:
            rows.append(Row("dense, TFLite default", Path(dense), times.baseline_min))
        rows.append(
            Row(
                f"{sparsity:.0%} zeros, tfsparse",
                Path(sparse),
                times.candidate_min,
                speedup=times.speedup,
            )
        )
    return rows


def table_of(title, small, large):
    """Returns the results as a table for the terminal."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column()
    for column in ("accuracy", "file", "gzip", "latency", "speed-up"):
        table.add_column(column, justify="right", no_wrap=True)
    for heading, rows in ((title, small), ("MobileNetV2 1.0, 224x224", large)):
        table.add_row(f"[bold]{heading}")
        for row in rows:
            content = row.path.read_bytes()
            table.add_row(
                f"  {row.name}",
                "" if row.accuracy is None else f"{row.accuracy:.1%}",
                byte_size(len(content)),
                byte_size(len(gzip.compress(content))),
                duration(row.milliseconds / 1e3),
                "" if row.speedup is None else f"{row.speedup:.2f}x",
            )
    return table


def legend(pictures):
    """Returns what each column of the table means."""
    meanings = {
        "accuracy": f"Share of {pictures} pictures that get the right class; none of them was "
        "trained on. Both networks were trained as long, from the same random start.",
        "file": "The .tflite file. The sparse one stores only the weights that are not zero, and "
        "where they are. It runs in any TFLite interpreter, with tfsparse or without.",
        "gzip": "The same file compressed, as app stores send it.",
        "latency": "Time of one inference, the fastest of many, which other programs disturb "
        f"least; on {timing.cpu_name()}, threads: {THREADS.value}. TFLite's default is XNNPACK.",
        "speed-up": "How many times faster than the dense network in TFLite's default: the median "
        "over many rounds in which the two took turns.",
    }
    grid = Table.grid(padding=(0, 2))
    for name, meaning in meanings.items():
        grid.add_row(f"[bold]{name}", meaning)
    return grid
