"""Measures which parts of a model the delegate runs faster than TFLite's default."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsparse.annotations import PathLike, Shapes
from tfsparse.arguments import check_int
from tfsparse.files import cache_folder, check_writable
from tfsparse.formatting import as_text, number_of, significant
from tfsparse.runtime import input_shapes
from tfsparse.runtime.delegate import delegate_options, native
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.runtime.runtimes import checked_file, import_runtime


def tune(
    path: PathLike,
    *,
    num_threads: int = 1,
    shapes: Shapes | None = None,
    runtime: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> "Tuning":
    """Measures which parts of a model tfsparse runs faster than TFLite's default.

    Both run in turn on random inputs, part by part, mostly for a few seconds. The result is written
    to the tuning cache. `Interpreter` and `explain` then use it without a measurement, as long as
    the model, the number of threads, the processor, the instruction set and the versions of TFLite
    and tfsparse are the same.

    Args:
        path: A `.tflite` file.
        num_threads: Threads of the interpreters.
        shapes: Shapes of inputs with open dimensions, as for `explain`. The result is used by
            `explain` with the same shapes, and by `Interpreter` with the same shapes in the option
            `input_shapes`.
        runtime: As for `Interpreter`.
        options: A dictionary of options for `load_delegate`. `tuning` is the file for the result,
            by default one in the user's cache folder.

    Returns:
        A `Tuning`; `print` it, or read its `parts`.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`, or a shape does not fit.
        OSError: The file of the option `tuning` cannot be written.
        RuntimeError: TFLite cannot run the model.
    """
    check_int("num_threads", num_threads)
    num_threads = int(num_threads)  # The runtimes refuse numpy's.
    options = input_shapes.with_shapes(options, shapes)
    if options.get("tuning") is not None:
        check_writable(options["tuning"])
    return tuned_delegate(path, num_threads, runtime, options)[1]


@dataclasses.dataclass(frozen=True)
class Part:
    """A connected part of a model that the delegate can run.

    Attributes:
        subgraph: Index of its subgraph, in the runtime's order.
        operators: The indices of its operators in that subgraph.
        taken: Whether the delegate runs it.
        speedup: Speed-up of the whole model by this part and those measured together with it, or
            `None` if it was not measured now.
    """

    subgraph: int
    operators: tuple[int, ...]
    taken: bool
    speedup: float | None


@dataclasses.dataclass(frozen=True)
class Tuning:
    """The result of `tune`; `str()` is a table.

    Attributes:
        path: The file of the model.
        cache: The file of the tuning cache, or `None` if there is no folder for one.
        measured: Whether it was measured now; otherwise the cache contained the model, or there are
            no parts to measure.
        saved: Whether the cache contains the model now.
        num_threads: Threads of the interpreters.
        default_ms: Median latency of TFLite's default in milliseconds, or `None`.
        tfsparse_ms: The same with the parts that the delegate takes, or with all parts if it takes
            none.
        assumed_shapes: Dictionary from names of inputs to shapes that neither the file nor the
            caller gave.
        parts: Every `Part`.
    """

    path: str
    cache: str | None
    measured: bool
    saved: bool
    num_threads: int
    default_ms: float | None
    tfsparse_ms: float | None
    assumed_shapes: dict
    parts: tuple[Part, ...]

    def __str__(self):
        """The table, not wrapped."""
        return as_text(self, width=160)

    def __rich__(self):
        """The same for rich's consoles."""
        from rich.console import Group
        from rich.table import Table

        table = Table("part", "operators", "run by", "speed-up", box=None, pad_edge=False)
        for number, part in enumerate(self.parts, 1):
            speedup = "" if part.speedup is None else f"{part.speedup:.2f}x"
            run_by = "tfsparse" if part.taken else "TFLite"
            table.add_row(str(number), _ranges(part.operators), run_by, speedup)
        return Group(*([table, ""] if self.parts else []), *self._sentences())

    def _sentences(self):
        name, threads = Path(self.path).name, number_of(self.num_threads, "thread")
        taken = sum(part.taken for part in self.parts)
        parts = number_of(len(self.parts), "part")
        yield f"{name}: tfsparse runs {taken} of {parts} that it can run."
        if self.default_ms is not None:
            used = "" if taken else ", not used: no clear gain within the rounds"
            yield (
                f"TFLite's default {significant(self.default_ms)} ms, "
                f"tfsparse {significant(self.tfsparse_ms)} ms{used} ({threads})."
            )
        if not self.parts:
            yield "Nothing was measured: there is nothing to decide."
        elif not self.measured:
            yield f"Nothing was measured: {self.cache} has it for {threads}."
        elif self.saved:
            yield f"Kept in {self.cache}."
        else:
            yield "Not kept: the tuning cache cannot be written."
        if self.assumed_shapes:
            yield input_shapes.hint(self.assumed_shapes)


def tuned_delegate(path, num_threads, runtime, options, **kwargs):
    """Measures a model, unless the tuning cache contains it.

    Args:
        path, num_threads, runtime, options, **kwargs: As for `Interpreter`.

    Returns:
        The delegate, for the `experimental_delegates` of an interpreter, and a `Tuning`.
    """
    options = {"tuning": default_cache(), **options}
    if not options.get("auto", True):
        raise ValueError(
            "Expected the option auto=True when tuning, which decides what to take by measuring. "
            "Received: auto=False."
        )
    options = input_shapes.unnamed_option(path, options)
    if options.get("num_threads"):
        raise ValueError(
            "Expected the threads as the argument num_threads when tuning, for TFLite's default "
            f"and the delegate alike. Received: the option num_threads={options['num_threads']!r}."
        )
    _prepare_cache(options["tuning"])
    module = import_runtime(runtime)
    shapes = options.get("input_shapes")
    others = kwargs.pop("experimental_delegates", None) or []
    assumed = {}

    def open_trial(pointer):
        ours = [] if pointer is None else [_Borrowed(pointer)]
        with checked_file(path, module) as model_path:
            interpreter = module.Interpreter(
                model_path=model_path,
                num_threads=num_threads,
                experimental_delegates=[*ours, *others],
                **kwargs,
            )
        input_shapes.allocate(interpreter, shapes)
        assumed.update(input_shapes.assumed(interpreter, shapes))
        set_random_inputs([interpreter])
        return interpreter

    delegate, found = native().tune(delegate_options(runtime, options), open_trial)
    return delegate, _tuning(path, options["tuning"], num_threads, assumed, found)


def default_cache():
    """Path of the user's tuning cache, or `None` for a user without a home."""
    try:
        return cache_folder() / "tuning.txt"
    except RuntimeError:
        return None


class _Borrowed:
    """A delegate for an interpreter that does not own it."""

    def __init__(self, pointer):
        self._pointer = pointer

    def _get_native_delegate_pointer(self):
        return self._pointer


def _prepare_cache(path):
    """Creates the folder, and refuses a file that is no tuning cache."""
    if path is None:
        return
    with contextlib.suppress(OSError):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    if Path(path) == default_cache():
        return
    with contextlib.suppress(OSError), open(path, "rb") as file:
        start = file.read(64)
        if start and not start.startswith(b"# tfsparse tuning"):
            raise ValueError(
                f"Expected a new file or a tuning cache to keep the result in. Received: "
                f"{os.fspath(path)!r}, which holds something else."
            )


def _tuning(path, cache, num_threads, assumed, found):
    def measured(key, entry, scale=1):
        return scale * entry[key] or None

    return Tuning(
        path=os.fspath(path),
        cache=None if cache is None else os.fspath(cache),
        measured=found["measured"],
        saved=found["saved"],
        num_threads=num_threads or 1,
        default_ms=measured("default_seconds", found, 1e3),
        tfsparse_ms=measured("tfsparse_seconds", found, 1e3),
        assumed_shapes=assumed,
        parts=tuple(
            Part(
                part["subgraph"],
                tuple(part["operators"]),
                part["taken"],
                measured("speedup", part),
            )
            for part in found["parts"]
        ),
    )


def _ranges(numbers):
    """Ascending numbers as a short text: `0-3, 7`."""
    ranges = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
