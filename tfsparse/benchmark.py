"""Latency of files with TFLite's default and with tfsparse, as a table and as JSON."""

import dataclasses
from importlib import metadata
from pathlib import Path

from tfsparse import timing
from tfsparse.runtime import installed_runtime

_PACKAGES = {"tf": "tensorflow", "litert": "ai-edge-litert"}


@dataclasses.dataclass(frozen=True)
class Machine:
    """What everything is measured on, and how.

    Attributes:
        cpu: What the processor calls itself.
        threads: Of each interpreter.
        runtime: "tf" or "litert".
        version: The runtime's package and its version.
        options: For the delegate, see `tfsparse.load_delegate`.
    """

    cpu: str
    threads: int
    runtime: str
    version: str
    options: dict

    def describe(self):
        """One line for people."""
        return f"{self.cpu}, threads: {self.threads}, {self.version}"


@dataclasses.dataclass(frozen=True)
class Result:
    """One row: what was measured of a file, and how far the outputs are apart."""

    name: str
    comparison: timing.Comparison
    difference: float


def machine(threads=1, runtime=None, options=None):
    """Returns the `Machine` that this is.

    Args:
        threads: Of each interpreter.
        runtime: "tf", "litert", or `None` for the first that is installed.
        options: For the delegate.

    Raises:
        ImportError: The runtime is not installed.
    """
    runtime = installed_runtime(runtime)
    package = _PACKAGES[runtime]
    try:
        version = f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        raise ImportError(
            f"The runtime {runtime!r} needs a package: pip install {package}"
        ) from None
    return Machine(timing.cpu_name(), threads, runtime, version, dict(options or {}))


def measure(path, machine, seconds, baseline=None):
    """Times a file with TFLite's default and with tfsparse, in turn.

    Args:
        path: A `.tflite` file.
        machine: A `Machine`.
        seconds: Time to spend.
        baseline: The file for TFLite's default; by default the same.

    Returns:
        A `Result`.

    Raises:
        OSError, ValueError: The file cannot be read, or is no valid model.
    """
    pair = timing.open_pair(
        baseline or path, path, machine.threads, machine.runtime, machine.options
    )
    return compare(Path(path).name, pair, seconds)


def compare(name, pair, seconds):
    """Times two interpreters in turn; returns a `Result`."""
    difference = timing.output_difference(*pair)
    return Result(name, timing.compare(*pair, seconds=seconds), difference)


def table(results, tolerance, extra=()):
    """Returns the results as a table; those that differ too much are red.

    Args:
        results: A list of `Result`s.
        tolerance: How far outputs may be apart, as a part of the largest.
        extra: Further columns, pairs of a heading and a function from a result to the cell.
    """
    from rich.table import Table

    found = Table(title="Latency of one inference in ms: median (fastest)")
    found.add_column("network", no_wrap=True)
    headings = [heading for heading, _ in extra]
    columns = ["TFLite default", "tfsparse", "speed-up (quartiles)", *headings, "outputs differ by"]
    for column in columns:
        found.add_column(column, justify="right", no_wrap=True)
    for result in results:
        cells = [*_cells(result.comparison), *(cell(result) for _, cell in extra)]
        style = None if result.difference <= tolerance else "red"
        found.add_row(result.name, *cells, f"{result.difference:.1e}", style=style)
    return found


def to_dict(results, machine):
    """Everything as numbers, strings, lists and dictionaries."""
    found = dataclasses.asdict(machine)
    return found | {"results": [dataclasses.asdict(result) for result in results]}


def check_differences(results, tolerance):
    """Checks that the outputs of both runtimes are as good as the same.

    Raises:
        RuntimeError: They are not, of the files that it names.
    """
    wrong = [result.name for result in results if not result.difference <= tolerance]
    if wrong:
        raise RuntimeError(f"Outputs differ by more than {tolerance:g}: {', '.join(wrong)}")


def _cells(times):
    lower, upper = times.speedup_quartiles
    return (
        f"{times.baseline_median:.2f} ({times.baseline_min:.2f})",
        f"{times.candidate_median:.2f} ({times.candidate_min:.2f})",
        f"{times.speedup:.2f}x ({lower:.2f}-{upper:.2f})",
    )
