"""Measures which parts of a TFLite file tfsparse runs faster than TFLite's default.

The result is stored in the tuning cache. tfsparse.Interpreter then uses it, as long as the number
of threads, the processor and the versions are the same.

Examples:

    tfsparse tune model.tflite
    tfsparse tune model.tflite --num_threads 2 --shape 1x320x320x3
    tfsparse tune model.tflite -o tuning.txt --json

A file written by -o is for load_delegate(tuning="tuning.txt").
"""

import dataclasses

from absl import flags

import tfsparse
from tfsparse.capture import captured_output
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
THREADS = shared.define_threads(FLAGS)
RUNTIME = shared.define_runtime(FLAGS)
OUTPUT = shared.define_output(
    FLAGS, "The file to keep the result in; by default one in the user's cache folder."
)
SHAPE = shared.define_shape(FLAGS)


def main(arguments):
    """Runs the subcommand."""
    path = shared.exactly_one(arguments, "one .tflite file")
    shapes = shared.parse_shapes(SHAPE.value)
    options = {} if OUTPUT.value is None else {"tuning": OUTPUT.value}
    with captured_output():
        found = tfsparse.tune(
            path, num_threads=THREADS.value, shapes=shapes, runtime=RUNTIME.value, options=options
        )
    shared.show(found, dataclasses.asdict(found) if JSON.value else None)
