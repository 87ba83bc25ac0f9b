"""Lists the operators that the delegate runs, with their kernels, and the reasons for the rest.

Examples:

    tfsparse explain model.tflite
    tfsparse explain model.tflite --measure --num_threads 2
    tfsparse explain model.tflite --shape 1x512x512x3
    tfsparse explain model.tflite --noauto --json
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
MEASURE = flags.DEFINE_bool(
    "measure", False, "Also run the model on random input and time each layer.", flag_values=FLAGS
)
AUTO = shared.define_auto(FLAGS)
SHAPE = shared.define_shape(FLAGS)


def main(arguments):
    """Runs the subcommand."""
    path = shared.exactly_one(arguments, "one .tflite file")
    shapes = shared.parse_shapes(SHAPE.value)
    with captured_output():
        found = tfsparse.explain(
            path,
            num_threads=THREADS.value,
            shapes=shapes,
            measure=MEASURE.value,
            runtime=RUNTIME.value,
            options={"auto": AUTO.value},
        )
    shared.show(found, dataclasses.asdict(found) if JSON.value else None)
