"""Runs TFLite models with tfsparse's delegate."""

from tfsparse.arguments import check_positive
from tfsparse.runtime import input_shapes
from tfsparse.runtime.delegate import delegate_options, load_delegate, native
from tfsparse.runtime.runtimes import import_runtime, open_interpreter
from tfsparse.runtime.tune import default_cache, tuned_delegate


def Interpreter(path, num_threads=None, *, runtime=None, options=None, tune=False, **kwargs):
    """A TFLite interpreter with the delegate loaded.

    What the delegate runs of a model is what was measured to be faster, where `tune` has measured
    this model on this machine, and otherwise what is predicted to be faster.

    Args:
        path: A `.tflite` file.
        num_threads: Threads of the interpreter, and so of the delegate. `None` is the runtime's
            default, one.
        runtime: `"litert"` (package ai-edge-litert), `"tf"` (`tf.lite`), or `None` for the first of
            them that is installed.
        options: A dictionary of options for `load_delegate`. By default, `tuning` is the user's
            tuning cache unless `auto` is False; `None` reads none.
        tune: Measure the model now, which takes some seconds, if the tuning cache does not have it:
            see `tfsparse.tune`.
        **kwargs: Passed on to the runtime's own `Interpreter`.

    Returns:
        An `ai_edge_litert.interpreter.Interpreter` or `tf.lite.Interpreter`. Call
        `allocate_tensors()` and the rest as on any other.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no TFLite model, its sparse tensors contradict themselves, or
            `num_threads` is no positive int.

    Example:

        interpreter = tfsparse.Interpreter("model.tflite", num_threads=2)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
        interpreter.invoke()
    """
    num_threads = _checked(num_threads)
    if tune:
        options = input_shapes.unnamed_option(path, options or {})
        delegate = tuned_delegate(path, num_threads, runtime, options, **kwargs)[0]
    else:
        delegate = load_delegate(runtime=runtime, **_with_cache(path, options))
    return _open(path, num_threads, runtime, delegate, **kwargs)


def open_reporting(
    path, num_threads=None, *, runtime=None, options=None, time_steps=False, **kwargs
):
    """The same as `Interpreter`, with a delegate that tells what it did with the model.

    Args:
        path, num_threads, runtime, options, **kwargs: As for `Interpreter`.
        time_steps: Have the delegate time each of its steps.

    Returns:
        The interpreter, and its delegate, whose method `report` returns a dictionary.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`.
    """
    num_threads = _checked(num_threads)
    options = delegate_options(runtime, _with_cache(path, options))
    delegate = native().Delegate(options, time_steps)
    return _open(path, num_threads, runtime, delegate, **kwargs), delegate


def _checked(num_threads):
    if num_threads is None:
        return None
    check_positive("num_threads", num_threads)
    return int(num_threads)  # The runtimes refuse numpy's.


def _with_cache(path, options):
    """The options of a delegate that follows the user's tuning cache unless they say otherwise."""
    options = input_shapes.unnamed_option(path, options or {})
    cache = default_cache()
    if options.get("auto", True) and cache and cache.exists():
        options.setdefault("tuning", cache)
    return options


def _open(path, num_threads, runtime, delegate, experimental_delegates=None, **kwargs):
    delegates = [delegate, *(experimental_delegates or [])]
    module = import_runtime(runtime)
    return open_interpreter(module, path, num_threads, experimental_delegates=delegates, **kwargs)
