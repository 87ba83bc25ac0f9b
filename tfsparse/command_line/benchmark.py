"""Times TFLite files with TFLite's default, XNNPACK, and with tfsparse, in turn.

Examples:

    tfsparse benchmark model.tflite
    tfsparse benchmark dense.tflite sparse.tflite --num_threads 2 --seconds 20
    tfsparse benchmark model.tflite --shape 1x512x512x3
    tfsparse benchmark model.tflite --json > result.json

Errors are differences from the outputs of TFLite's reference kernels, as fractions of the largest
output. Fails if tfsparse's error is above --tolerance and above four times that of TFLite's
default, as some networks amplify rounding errors. The last line names the slower files.
"""

from absl import app, flags
from rich.console import Group

from tfsparse.command_line import shared
from tfsparse.progress import track
from tfsparse.runtime import benchmark

FLAGS = flags.FlagValues()
JSON = shared.define_json(FLAGS)
THREADS = shared.define_threads(FLAGS)
RUNTIME = shared.define_runtime(FLAGS)
SECONDS = flags.DEFINE_float(
    "seconds", 10, "Time to measure each file for.", 0.1, flag_values=FLAGS
)
TOLERANCE = flags.DEFINE_float(
    "tolerance", 1e-4, "Largest error, as a fraction of the largest output.", flag_values=FLAGS
)
SHAPE = shared.define_shape(FLAGS)
AUTO = shared.define_auto(FLAGS)


def main(arguments):
    """Runs the subcommand."""
    if not arguments:
        raise app.UsageError("Expected one or more .tflite files. Received: none.")
    machine = benchmark.machine(
        num_threads=THREADS.value, runtime=RUNTIME.value, options={"auto": AUTO.value}
    )
    shapes = shared.parse_shapes(SHAPE.value)
    results = [
        benchmark.measure(path, machine, SECONDS.value, shapes=shapes)
        for path in track(arguments, "Timing")
    ]
    table = benchmark.table(results, TOLERANCE.value)
    shared.show(
        Group(table, machine.describe(), *benchmark.notes(results)),
        benchmark.to_dict(results, machine) if JSON.value else None,
    )
    benchmark.check_differences(results, TOLERANCE.value)
