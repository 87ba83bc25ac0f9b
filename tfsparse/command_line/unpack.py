"""Writes the TFLite file that an archive of `tfsparse pack` holds.

Examples:

    tfsparse unpack model.tflite.pack -o model.tflite
"""

from absl import app, flags

import tfsparse
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
OUTPUT = shared.define_output(FLAGS, "The .tflite file to write.")


def main(arguments):
    """Runs the subcommand."""
    source = shared.exactly_one(arguments, "one archive to unpack")
    if OUTPUT.value is None:
        raise app.UsageError("Expected the file to write: -o model.tflite.")
    shared.show_file(tfsparse.unpack(source, OUTPUT.value), JSON.value)
