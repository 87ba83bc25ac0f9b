"""Lists the tensors and operators of a TFLite file: shapes, types, encodings, zeros, sizes, MACs,
and which operators tfsparse's delegate and XNNPACK, TFLite's default, run sparse.

Examples:

    tfsparse inspect model.tflite
    tfsparse inspect model.tflite --shape 1x512x512x3
    tfsparse inspect model.tflite --json > model.json
"""

from absl import flags

import tfsparse
from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
THREADS = shared.define_threads(FLAGS)
SHAPE = shared.define_shape(FLAGS)


def main(arguments):
    """Runs the subcommand."""
    path = shared.exactly_one(arguments, "one .tflite file")
    shapes = shared.parse_shapes(SHAPE.value)
    found = tfsparse.inspect(path, num_threads=THREADS.value, shapes=shapes)
    shared.show(found, found.to_dict() if JSON.value else None)
