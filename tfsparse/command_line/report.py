"""Writes a web page about a TFLite file, or about two side by side.

It shows the zeros of each layer and where they are, the bytes of the file by kind, the runtimes
that skip the zeros, and the time of each layer on this machine, sparse and dense. The page is one
file and loads nothing from the network.

Examples:

    tfsparse report model.tflite -o report.html
    tfsparse report dense.tflite pruned.tflite -o report.html --num_threads 2
    tfsparse report model.tflite -o report.html --shape 1x512x512x3
    tfsparse report model.tflite -o report.html --nomeasure
"""

from absl import app, flags

from tfsparse.command_line import shared

FLAGS = flags.FlagValues()
OUTPUT = shared.define_output(FLAGS, "The page to write.", "report.html")
THREADS = shared.define_threads(FLAGS)
RUNTIME = shared.define_runtime(FLAGS)
MEASURE = flags.DEFINE_bool("measure", True, "Run the files and time them.", flag_values=FLAGS)
SECONDS = flags.DEFINE_float(
    "seconds", 3, "Time to compare each file with TFLite's default for.", 0.1, flag_values=FLAGS
)
PICTURES = flags.DEFINE_integer(
    "pictures", 6, "Layers to picture, those with the most zeros.", 0, flag_values=FLAGS
)
SHAPE = shared.define_shape(FLAGS)


def main(arguments):
    """Runs the subcommand."""
    from tfsparse.report.write import write_report

    if len(arguments) not in (1, 2):
        received = " ".join(arguments) or "none"
        raise app.UsageError(f"Expected one or two .tflite files. Received: {received}.")
    path = write_report(
        arguments,
        OUTPUT.value,
        num_threads=THREADS.value,
        runtime=RUNTIME.value,
        seconds=SECONDS.value,
        measure=MEASURE.value,
        pictures=PICTURES.value,
        shapes=shared.parse_shapes(SHAPE.value),
    )
    shared.show(path)
