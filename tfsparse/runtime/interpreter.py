"""Runs TFLite models with tfsparse's delegate."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from tfsparse.annotations import PathLike
from tfsparse.arguments import check_int
from tfsparse.runtime import input_shapes
from tfsparse.runtime.delegate import delegate_options, load_delegate, native
from tfsparse.runtime.runtimes import checked_file, import_runtime
from tfsparse.runtime.tune import default_cache, tuned_delegate


class Interpreter:
    """A TFLite interpreter with the delegate loaded.

    It is also an `ai_edge_litert.interpreter.Interpreter` or a `tf.lite.Interpreter`, with the same
    methods.

    The delegate takes the parts of the model that were measured to be faster, if `tune` has
    measured it on this machine, and otherwise those that are predicted to be faster.

    Args:
        path: A `.tflite` file.
        num_threads: Threads of the interpreter, and of the delegate. `None` is the runtime's
            default, one.
        runtime: `"litert"` (package ai-edge-litert), `"tf"` (`tf.lite`), or `None` for the first
            that is installed.
        options: A dictionary of options for `load_delegate`. By default, `tuning` is the user's
            tuning cache unless `auto` is False; `None` reads none.
        tune: Measure the model, unless the tuning cache contains it; this takes some seconds: see
            `tfsparse.tune`.
        **kwargs: Passed on to the runtime's own `Interpreter`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no TFLite model, its sparse tensors are inconsistent, or
            `num_threads` is no positive int.

    Example:

        interpreter = tfsparse.Interpreter("model.tflite", num_threads=2)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
        interpreter.invoke()
    """

    def __new__(cls, *args: Any, runtime: str | None = None, **kwargs: Any) -> "Interpreter":
        """Makes an instance of a class that is also the runtime's own `Interpreter`."""
        return object.__new__(_subclass(cls, import_runtime(runtime).Interpreter))

    def __init__(
        self,
        path: PathLike,
        num_threads: int | None = None,
        *,
        runtime: str | None = None,
        options: Mapping[str, Any] | None = None,
        tune: bool = False,
        **kwargs: Any,
    ) -> None:
        num_threads = _checked(num_threads)
        if tune:
            options = input_shapes.unnamed_option(path, options or {})
            delegate = tuned_delegate(path, num_threads, runtime, options, **kwargs)[0]
        else:
            delegate = load_delegate(runtime=runtime, **_with_cache(path, options))
        arguments = _with_delegate(delegate, num_threads, kwargs)
        with checked_file(path, import_runtime(runtime)) as model_path:
            super().__init__(model_path=model_path, **arguments)

    __new__.__signature__ = inspect.signature(__init__)  # What `help` shows.


@functools.cache
def _subclass(cls, own):
    """A class that is both `cls`, `Interpreter` or one derived from it, and a runtime's own."""
    return type(cls.__name__, (cls, own), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def open_reporting(
    path, *, num_threads=None, runtime=None, options=None, time_steps=False, **kwargs
):
    """Opens a file as `Interpreter` does, with a delegate that reports its decisions.

    Args:
        path, num_threads, runtime, options, **kwargs: As for `Interpreter`.
        time_steps: Whether the delegate times each of its steps.

    Returns:
        The runtime's own interpreter, and the delegate, whose method `report` returns a dictionary.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`.
    """
    num_threads, module = _checked(num_threads), import_runtime(runtime)
    delegate = native().Delegate(delegate_options(runtime, _with_cache(path, options)), time_steps)
    arguments = _with_delegate(delegate, num_threads, kwargs)
    with checked_file(path, module) as model_path:
        return module.Interpreter(model_path=model_path, **arguments), delegate


def _with_delegate(delegate, num_threads, kwargs):
    """Arguments of a runtime's own `Interpreter`, with a delegate before those in `kwargs`."""
    delegates = [delegate, *(kwargs.get("experimental_delegates") or [])]
    return {**kwargs, "num_threads": num_threads, "experimental_delegates": delegates}


def _checked(num_threads):
    if num_threads is None:
        return None
    check_int("num_threads", num_threads)
    return int(num_threads)  # The runtimes refuse numpy's.


def _with_cache(path, options):
    """The options of a delegate, with the user's tuning cache as default of `tuning`."""
    options = input_shapes.unnamed_option(path, options or {})
    cache = default_cache()
    if options.get("auto", True) and cache and cache.exists():
        options.setdefault("tuning", cache)
    return options
