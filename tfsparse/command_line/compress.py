"""Finds the most accurate sparse model that meets a target, and writes it as a file.

The target is a latency, a size, that of an archive, or MACs, as a fraction of the dense model's or
as an amount; or the largest loss of accuracy allowed, within which the fastest model is wanted. All
that is done is kept in a folder: the same command goes on from there. Several processes and
machines share the trials with --storage and --study; all but one of them with --worker, which ends
after the trials.

Examples:

    tfsparse compress model.keras --data data.npz --latency 0.5
    tfsparse compress model.keras --data data.npz --accuracy_loss 0.01 --trials 40
    tfsparse compress model.keras --data pictures/ --mean 127.5 --std 127.5 --size 0.3
    tfsparse compress model.keras --data data.npz --latency 0.5 --table phone.json
    tfsparse compress model.keras --data data.npz --latency 0.5 --storage shared.log --worker

The model is compiled, as model.save keeps it. A .npz file has the arrays x_train, y_train,
x_validation and y_validation. A folder or zip file has pictures in a folder for each class, below
train/ and validation/; they are resized to the model's input and scaled to (pixel - mean) / std.
"""

from absl import app, flags

import tfsparse
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
THREADS = shared.define_threads(FLAGS)
DIRECTORY = shared.define_output(FLAGS, "The folder of the search.", "compressed")
DATA = flags.DEFINE_string(
    "data", None, "Examples and labels: a .npz file, or pictures.", flag_values=FLAGS
)
MEAN = flags.DEFINE_float("mean", 0, "Of pixels.", flag_values=FLAGS)
STD = flags.DEFINE_float("std", 1, "The same for the scale.", flag_values=FLAGS)
TARGETS = {
    key: flags.DEFINE_float(key, None, text, flag_values=FLAGS)
    for key, text in {
        "latency": "The latency that may remain, as a fraction of the dense model's.",
        "size": "The same for bytes of the file.",
        "archive": "The same for bytes of its archive.",
        "macs": "The same for MACs.",
        "latency_ms": "The latency that may remain, in milliseconds.",
        "size_bytes": "The same for the file, in bytes.",
        "archive_bytes": "The same for its archive.",
        "macs_count": "The same for MACs, a number.",
        "accuracy_loss": "How much worse the metric may get; the fastest such model is wanted.",
    }.items()
}
TRIALS = flags.DEFINE_integer("trials", 20, "Trainings to try.", 1, flag_values=FLAGS)
EPOCHS = flags.DEFINE_integer("epochs", 4, "Epochs of each.", 1, flag_values=FLAGS)
FINAL_EPOCHS = flags.DEFINE_integer(
    "final_epochs",
    None,
    "Epochs of the last training; by default three times as many.",
    1,
    flag_values=FLAGS,
)
METHODS = flags.DEFINE_list(
    "methods",
    ["gradual"],
    "What trials train with: gradual, rigl, channels, factorize, sharing.",
    flag_values=FLAGS,
)
SAMPLER = flags.DEFINE_enum(
    "sampler",
    "tpe",
    ["tpe", "gp", "cmaes", "ddpg", "random"],
    "What chooses the trials.",
    flag_values=FLAGS,
)
WEIGHTS = flags.DEFINE_enum(
    "weights", "float32", ["float32", "int8"], "Type of the file's weights.", flag_values=FLAGS
)
TABLE = flags.DEFINE_string(
    "table", None, "A cost table of another device; see docs/compress.md.", flag_values=FLAGS
)
STORAGE = flags.DEFINE_string(
    "storage", None, "Where trials are kept: a file, or a postgresql:// URL.", flag_values=FLAGS
)
STUDY = flags.DEFINE_string("study", "compress", "Name of the study there.", flag_values=FLAGS)
WORKER = flags.DEFINE_bool(
    "worker", False, "Only run trials of a study that another process finishes.", flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", 0, "Of all random numbers.", 0, flag_values=FLAGS)


def main(arguments):
    """Runs the subcommand."""
    path = shared.exactly_one(arguments, "one .keras file")
    target = {key: flag.value for key, flag in TARGETS.items() if flag.value is not None}
    if len(target) != 1 or DATA.value is None:
        raise app.UsageError(
            f"Expected --data and one target: {', '.join(f'--{key}' for key in TARGETS)}."
        )
    import keras

    from tfsparse.search.cost_table import CostTable

    model = keras.models.load_model(path)
    train, validation = _load(model)
    result = tfsparse.compress(
        model,
        train,
        validation,
        target=target,
        directory=DIRECTORY.value,
        trials=TRIALS.value,
        epochs=EPOCHS.value,
        final_epochs=FINAL_EPOCHS.value,
        methods=METHODS.value,
        sampler=SAMPLER.value,
        weights=WEIGHTS.value,
        table=CostTable.load(TABLE.value) if TABLE.value else None,
        num_threads=THREADS.value,
        storage=STORAGE.value,
        study=STUDY.value,
        is_worker=WORKER.value,
        seed=SEED.value,
    )
    if result is not None:
        shared.show(result, result.to_dict() if JSON.value else None)


def _load(model):
    """The training and validation data, each `(x, y)`."""
    import numpy as np

    from tfsparse.calibration import example_files

    if DATA.value.endswith(".npz"):
        arrays = example_files.load_arrays(DATA.value)
        names = "x_train", "y_train", "x_validation", "y_validation"
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ValueError(
                f"Expected arrays {', '.join(names)} in {DATA.value}. Missing: {', '.join(missing)}"
            )
        x, y, x_validation, y_validation = (arrays[name] for name in names)
        return (x, y), (x_validation, y_validation)
    from tfsparse.zoo import datasets

    shape = model.input_shape
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise ValueError(
            "Expected a model of square colour pictures for --data with pictures, "
            f"(None, size, size, 3). Received one for {shape}. Give a .npz file."
        )
    found = datasets.load(DATA.value, shape[1])

    def scaled(pictures):
        return (np.float32(pictures) - MEAN.value) / STD.value

    return (scaled(found.x_train), found.y_train), (scaled(found.x_test), found.y_test)
