"""Writes an archive of a TFLite file, as small as its zeros and values allow.

`tfsparse unpack` makes the same file again, byte for byte; an app does so when it is installed.

Examples:

    tfsparse pack model.tflite -o model.tflite.pack
"""

from absl import app, flags

import tfsparse
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
OUTPUT = shared.define_output(FLAGS, "The archive to write.")


def main(arguments):
    """Runs the subcommand."""
    source = shared.exactly_one(arguments, "one .tflite file to pack")
    if OUTPUT.value is None:
        raise app.UsageError("Expected the archive to write: -o model.tflite.pack.")
    shared.show_file(tfsparse.pack(source, OUTPUT.value), JSON.value)
