"""Latency of files with TFLite's default and with tfsparse, as a table and as JSON."""

import dataclasses
from pathlib import Path

from tfsparse.capture import captured_output
from tfsparse.formatting import significant
from tfsparse.runtime import differences, input_shapes, timing
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.runtime.runtimes import installed_runtime, runtime_version

# The order of summation changes the size of rounding errors little: in Google's pose_landmark_full,
# which amplifies them, those of tfsparse were 0.3 to 1.9 times those of TFLite's default. Wrong
# outputs differ by much more.
WORSE_THAN_DEFAULT = 4
# A median of many inferences hardly changes if some are interrupted.
MUCH_WAITING = 0.05


@dataclasses.dataclass(frozen=True)
class Machine:
    """The machine and the options of a measurement.

    Attributes:
        cpu: Name of the processor.
        num_threads: Threads of each interpreter.
        runtime: "tf" or "litert".
        version: The runtime's package and its version.
        options: For the delegate, see `tfsparse.load_delegate`.
    """

    cpu: str
    num_threads: int
    runtime: str
    version: str
    options: dict

    def describe(self):
        """A description in one line."""
        return f"{self.cpu}, threads: {self.num_threads}, {self.version}"


@dataclasses.dataclass(frozen=True)
class Result:
    """The latencies of a file, and the errors of its outputs.

    Attributes:
        name: Name of the file.
        comparison: The `Comparison` of TFLite's default with tfsparse.
        difference: Difference of tfsparse's outputs from those of TFLite's reference kernels, as a
            fraction of the largest; from the default's if only that runs the file.
        default_difference: The same for TFLite's default, or `None` without a reference.
        assumed_shapes: Shapes of inputs that neither the file nor the caller gave, by name.
    """

    name: str
    comparison: timing.Comparison
    difference: float
    default_difference: float | None
    assumed_shapes: dict

    def is_wrong(self, tolerance):
        """Whether tfsparse's error is above the tolerance and above that of rounding.

        Args:
            tolerance: As a fraction of the largest output.
        """
        rounding = WORSE_THAN_DEFAULT * (self.default_difference or 0)
        return not self.difference <= max(tolerance, rounding)

    @property
    def is_slower(self):
        """Whether tfsparse is slower than TFLite's default in three of four rounds or more."""
        return self.comparison.speedup_quartiles[1] < 1


def machine(*, num_threads=1, runtime=None, options=None):
    """Returns the `Machine` that runs this process.

    Args:
        num_threads: Threads of each interpreter.
        runtime: "tf", "litert", or `None` for the first that is installed.
        options: For the delegate.

    Raises:
        ImportError: The runtime is not installed.
    """
    runtime = installed_runtime(runtime)
    with captured_output():
        version = runtime_version(runtime)
    return Machine(timing.cpu_name(), num_threads, runtime, version, dict(options or {}))


def measure(path, machine, seconds, baseline=None, shapes=None):
    """Times a file with TFLite's default and with tfsparse, in turn.

    Args:
        path: A `.tflite` file.
        machine: A `Machine`.
        seconds: Time to spend.
        baseline: The file for TFLite's default; by default the same.
        shapes: Shapes of inputs with open dimensions, as for `tfsparse.explain`.

    Returns:
        A `Result`.

    Raises:
        OSError, ValueError: The file cannot be read, or is no valid model; a shape does not fit.
        RuntimeError: TFLite cannot run it.
    """
    pair = timing.open_pair(
        baseline or path,
        path,
        num_threads=machine.num_threads,
        runtime=machine.runtime,
        options=machine.options,
        shapes=shapes,
    )
    reference = timing.open_plain(path, machine.runtime, shapes)
    return compare(Path(path).name, pair, seconds, reference, shapes)


def compare(name, pair, seconds, reference=None, shapes=None):
    """Times two interpreters in turn.

    Args:
        name: Name of the row.
        pair: TFLite's default and tfsparse, with inputs set.
        seconds: Time to spend.
        reference: An interpreter to compare their outputs with, or `None`.
        shapes: Shapes of the inputs, as for `measure`.

    Returns:
        A `Result`.
    """
    assumed = input_shapes.assumed(pair[1], shapes)
    with input_shapes.hinting(assumed):
        default, candidate = (differences.outputs(one) for one in pair)
        expected, default_difference = default, None
        if reference is not None:
            set_random_inputs([pair[0], reference])
            expected = differences.outputs(reference)
            default_difference = differences.largest_difference(zip(expected, default, strict=True))
        difference = differences.largest_difference(zip(expected, candidate, strict=True))
        comparison = timing.compare(*pair, seconds=seconds)
    return Result(name, comparison, difference, default_difference, assumed)


def table(results, tolerance, extra=()):
    """Returns the results as a table; those whose outputs are wrong are red.

    Args:
        results: A list of `Result`s.
        tolerance: The largest difference allowed, as a fraction of the largest output.
        extra: Further columns, pairs of a heading and a function from a result to the cell.
    """
    from rich.table import Table

    found = Table(title="Latency of one inference in ms: median (fastest)")
    found.add_column("network", no_wrap=True)
    headings = [heading for heading, _ in extra]
    columns = ["TFLite default", "tfsparse", "speed-up (quartiles)", *headings]
    columns += ["error: default", "tfsparse"]
    for column in columns:
        found.add_column(column, justify="right", no_wrap=True)
    for result in results:
        cells = [*_cells(result.comparison), *(cell(result) for _, cell in extra)]
        unknown = result.default_difference is None
        cells.append("" if unknown else f"{result.default_difference:.1e}")
        style = "red" if result.is_wrong(tolerance) else None
        found.add_row(result.name, *cells, f"{result.difference:.1e}", style=style)
    return found


def notes(results):
    """Notes below the table: a list of sentences, the most important last."""
    found = list(
        dict.fromkeys(input_shapes.hint(r.assumed_shapes) for r in results if r.assumed_shapes)
    )
    unjudged = [result.name for result in results if result.default_difference is None]
    if unjudged:
        found.append(
            f"No reference kernels run {', '.join(unjudged)}: its error is the difference from "
            "TFLite's default."
        )
    found += waiting_notes([result.comparison.waited for result in results])
    slower = [f"{r.name} ({r.comparison.speedup:.2f}x)" for r in results if r.is_slower]
    if slower:
        found.append(f"Slower with tfsparse than with TFLite's default: {', '.join(slower)}")
    return found


def waiting_notes(waits):
    """A list of a sentence, if a measurement was on a busy machine.

    Args:
        waits: List of `timing.Comparison.waited`.
    """
    most = max((waited or 0 for waited in waits), default=0)
    if most <= MUCH_WAITING:
        return []
    return [
        f"The machine was busy: threads waited for a processor during {most:.0%} of the time, "
        "because of other processes, or of more threads than processors. Measure again when it is "
        "idle."
    ]


def to_dict(results, machine):
    """The results as numbers, strings, lists and dictionaries."""
    found = dataclasses.asdict(machine)
    return found | {"results": [dataclasses.asdict(result) for result in results]}


def check_differences(results, tolerance):
    """Checks that tfsparse's outputs are as good as those of TFLite's reference kernels.

    Raises:
        RuntimeError: Some are not; the message names the files.
    """
    wrong = [result.name for result in results if result.is_wrong(tolerance)]
    if wrong:
        raise RuntimeError(f"Outputs are off by more than {tolerance:g}: {', '.join(wrong)}")


def _cells(times):
    lower, upper = times.speedup_quartiles
    return (
        f"{significant(times.baseline_median)} ({significant(times.baseline_min)})",
        f"{significant(times.candidate_median)} ({significant(times.candidate_min)})",
        f"{times.speedup:.2f}x ({lower:.2f}-{upper:.2f})",
    )
