"""Writes a TFLite file in which pruned weights are stored sparse.

The source is a .keras or .h5 file, a SavedModel folder, or a .tflite file.

Examples:

    tfsparse convert model.keras -o model.tflite
    tfsparse convert model.keras -o model.tflite --weights float16
    tfsparse convert pruned.tflite -o small.tflite
    tfsparse convert small.tflite -o dense.tflite --encoding none
    tfsparse convert model.keras -o int8.tflite --weights int8 --representative_dataset inputs.npy
"""

from absl import app, flags

import tfsparse
from tfsparse.calibration import example_files
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
OUTPUT = shared.define_output(FLAGS, "The file to write.")
WEIGHTS = flags.DEFINE_enum(
    "weights", None, ["float32", "float16", "int8"], "Type of the weights.", flag_values=FLAGS
)
ENCODING = shared.define_encoding(FLAGS)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Examples in one inference; 0 leaves it open. By default 1, or that of the source.",
    0,
    flag_values=FLAGS,
)
REPRESENTATIVE = flags.DEFINE_string(
    "representative_dataset",
    None,
    "A .npy or .npz file of some 100 inputs, for int8 without trained ranges.",
    flag_values=FLAGS,
)


def main(arguments):
    """Runs the subcommand."""
    source = shared.exactly_one(arguments, "one model to convert")
    if OUTPUT.value is None:
        raise app.UsageError("Expected the file to write: -o model.tflite.")
    dataset = None
    if REPRESENTATIVE.value is not None:
        dataset = example_files.arrays(REPRESENTATIVE.value)
    path = tfsparse.convert(
        source,
        OUTPUT.value,
        batch_size="auto" if BATCH_SIZE.value is None else BATCH_SIZE.value or None,
        weights=WEIGHTS.value,
        encoding=shared.parse_block(ENCODING.value),
        representative_dataset=dataset,
    )
    shared.show_file(path, JSON.value)
