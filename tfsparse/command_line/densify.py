"""Writes a TFLite file with all sparse weights dense, zeros included.

It is for runtimes that refuse sparse tensors. The values stay the same.

Examples:

    tfsparse densify model.tflite -o dense.tflite
"""

from absl import app, flags

import tfsparse
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
OUTPUT = shared.define_output(FLAGS, "The file to write.")


def main(arguments):
    """Runs the subcommand."""
    source = shared.exactly_one(arguments, "one .tflite file to make dense")
    if OUTPUT.value is None:
        raise app.UsageError("Expected the file to write: -o dense.tflite.")
    shared.show_file(tfsparse.densify(source, OUTPUT.value), JSON.value)
