"""Prunes a TFLite file with calibration data, without labels and training.

Layer by layer, the remaining weights are corrected, so that the outputs stay near those of the
original file.

Examples:

    tfsparse prune-file model.tflite -o pruned.tflite --representative_dataset pictures/
    tfsparse prune-file model.tflite -o pruned.tflite --representative_dataset pictures/ \
        --mean 127.5 --std 127.5
    tfsparse prune-file model.tflite -o pruned.tflite --representative_dataset inputs.npy \
        --sparsity 0.7 --scope all
    tfsparse prune-file int8.tflite -o pruned.tflite --representative_dataset pictures/ \
        --block_size 1x4

Images are cropped and resized to the input's size, and scaled to (pixel - mean) / std with pixels
from 0 to 255. The arrays of a .npz file are the inputs by name.
"""

import sys
import warnings

from absl import app, flags

import tfsparse
from tfsparse.calibration import example_files
from tfsparse.command_line import shared
from tfsparse.prune.scope_grammar import LAYERS

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
OUTPUT = shared.define_output(FLAGS, "The file to write.")
RUNTIME = shared.define_runtime(FLAGS)
ENCODING = shared.define_encoding(FLAGS)
REPRESENTATIVE = flags.DEFINE_string(
    "representative_dataset",
    None,
    "Calibration data: a folder of pictures, or a .npy or .npz file of examples.",
    flag_values=FLAGS,
)
EXAMPLES = flags.DEFINE_integer(
    "examples", 128, "How many of them to take at most, drawn at random.", 1, flag_values=FLAGS
)
MEAN = flags.DEFINE_list("mean", "0", "Of pixels: a number, or one a channel.", flag_values=FLAGS)
STD = flags.DEFINE_list("std", "1", "The same for the scale.", flag_values=FLAGS)
SPARSITY = flags.DEFINE_float(
    "sparsity", 0.5, "Zeros in each layer, as a fraction.", flag_values=FLAGS
)
SCOPE = flags.DEFINE_enum(
    "scope",
    "pointwise",
    LAYERS,
    "1x1 or 3x3 convolutions, all layers but the first convolution, or all.",
    flag_values=FLAGS,
)
BLOCK_SIZE = flags.DEFINE_string(
    "block_size",
    "1",
    "Channels that share a pattern: 1, 2 or 4 outputs, or outputs x inputs, such as 1x4 for int8.",
    flag_values=FLAGS,
)


def main(arguments):
    """Runs the subcommand."""
    source = shared.exactly_one(arguments, "one .tflite file to prune")
    if OUTPUT.value is None or REPRESENTATIVE.value is None:
        raise app.UsageError(
            "Expected the file to write and calibration data: -o FILE "
            "--representative_dataset PATH."
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        path = tfsparse.prune_file(
            source,
            OUTPUT.value,
            representative_dataset=example_files.load(
                REPRESENTATIVE.value,
                source,
                EXAMPLES.value,
                _numbers("mean", MEAN),
                _numbers("std", STD),
            ),
            sparsity=SPARSITY.value,
            scope=SCOPE.value,
            block_size=_block_size(BLOCK_SIZE.value),
            encoding=shared.parse_block(ENCODING.value),
            runtime=RUNTIME.value,
        )
    for warning in caught:
        print(f"tfsparse prune-file: {warning.message}", file=sys.stderr)
    shared.show_file(path, JSON.value, tfsparse.inspect(path).totals.sparsity)


def _block_size(text):
    return int(text) if text.isdecimal() else shared.parse_block(text)


def _numbers(name, flag):
    try:
        return [float(text) for text in flag.value]
    except ValueError:
        received = ",".join(flag.value)
        raise app.UsageError(f"Expected numbers for --{name}. Received: {received!r}.") from None
