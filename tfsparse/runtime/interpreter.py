"""Runs TFLite models with tfsparse's delegate."""

import importlib
import importlib.util
import os

from tfsparse.prune.schedules import check_positive
from tfsparse.runtime import input_shapes

RUNTIMES = {"litert": "ai_edge_litert.interpreter", "tf": "tensorflow.lite"}
_PACKAGES = {"litert": "ai-edge-litert", "tf": "tensorflow"}
# Those that check a file before they follow its offsets; `tf.lite` crashes on one cut short.
_VERIFYING_RUNTIMES = ("ai_edge_litert.interpreter",)


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
    if num_threads is not None:
        check_positive("num_threads", num_threads)
        num_threads = int(num_threads)  # The runtimes refuse numpy's.
    module = import_runtime(runtime)
    tuning = importlib.import_module("tfsparse.runtime.tune")
    options = input_shapes.unnamed_option(path, options or {})
    if tune:
        delegate = tuning.tuned_delegate(path, num_threads, runtime, options, **kwargs)[0]
    else:
        cache = tuning.default_cache()
        if options.get("auto", True) and cache and cache.exists():
            options.setdefault("tuning", cache)
        delegate = load_delegate(runtime=runtime, **options)
    delegates = [delegate, *(kwargs.pop("experimental_delegates", None) or [])]
    return open_interpreter(module, path, num_threads, experimental_delegates=delegates, **kwargs)


def load_delegate(*, runtime=None, **options):
    """The delegate, for the `experimental_delegates` of any TFLite interpreter.

    Args:
        runtime: As for `Interpreter`. A delegate loaded by one runtime works in the other too.
        **options: `num_threads` (int; 0, the default, follows the interpreter), `isa` (`"avx512"`,
            `"avx2"` or `"portable"`, on arm64 `"neon"`; by default the best that the CPU has),
            `precision` (`"fp32"`, the default, or `"fp16"`: compute in float16 where the CPU does,
            as arm64 ones since ARMv8.2, and in float32 where it does not, which `explain` tells),
            `auto` (bool, default True; leave to TFLite's default what it would run about as fast or
            faster), `profile` (bool; time every step and print the times to stderr when the
            interpreter ends), `tuning` (a file in which `tune` has kept what it measured: models
            that it has are run accordingly, others as `auto` says; by default none), `input_shapes`
            (the shapes to which inputs will be resized, as `tune` was given them: what was measured
            for these is followed; of a model with one input its shape, of others a dictionary).

    With `precision="fp16"` the weights and everything between the inputs and outputs of what the
    delegate takes are float16: numbers beyond 65504 overflow, and outputs have about three digits.
    Long sums (means, softmax, dense layers over one row) and the inside of activations stay
    float32, as do the model's own inputs and outputs.

    Raises:
        ValueError: An option is unknown or its value cannot be used.

    Example:

        tf.lite.Interpreter(path, experimental_delegates=[tfsparse.load_delegate()])
    """
    module = import_runtime(runtime)
    load = getattr(module, "load_delegate", None) or module.experimental.load_delegate
    return load(native().__file__, delegate_options(runtime, options))


def delegate_options(runtime, options):
    """The options of `load_delegate` as texts, as the delegate wants them."""
    options = {key: value for key, value in options.items() if value is not None}
    if "tuning" in options:
        options["runtime_version"] = runtime_version(runtime)
    if "input_shapes" in options:
        options["input_shapes"] = input_shapes.as_text(options["input_shapes"])
    return {key: str(int(v) if isinstance(v, bool) else v) for key, v in options.items()}


def open_interpreter(module, path, num_threads, **kwargs):
    """The interpreter of a runtime's module for a file; raises as `Interpreter` does."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Expected a .tflite file. Received: {path!r}: there is none.")
    try:
        if module.__name__ not in _VERIFYING_RUNTIMES:
            flatbuffer = importlib.import_module("tfsparse.flatbuffer")
            flatbuffer.read(path)
        return module.Interpreter(model_path=path, num_threads=num_threads, **kwargs)
    except ValueError as error:
        if _is_whole(path):  # So an argument is wrong.
            raise
        raise ValueError(f"Expected a valid TFLite model. Received: {path!r}: {error}") from error
    except RuntimeError as error:
        raise ValueError(f"TFLite could not load {path!r}: {error}") from error


def _is_whole(path):
    flatbuffer = importlib.import_module("tfsparse.flatbuffer")
    try:
        flatbuffer.read(path)
    except ValueError:
        return False
    return True


def open_bytes(content, runtime=None):
    """A plain TFLite interpreter, without the delegate, of the bytes of a model.

    Args:
        content: What a `.tflite` file would hold. It is not checked.
        runtime: As for `Interpreter`.

    Raises:
        ValueError: TFLite refuses the model.
    """
    try:
        return import_runtime(runtime).Interpreter(model_content=content)
    except RuntimeError as error:
        raise ValueError(f"TFLite could not load the model: {error}") from error


def installed_runtime(name=None):
    """Returns `name`, or of `None` the name of the first runtime that is installed.

    Raises:
        ImportError: None is installed.
        ValueError: There is no runtime of this name.
    """
    if name is None:
        for candidate, module in RUNTIMES.items():
            if importlib.util.find_spec(module.split(".")[0]):
                return candidate
        raise ImportError("No TFLite runtime found: pip install ai-edge-litert or tensorflow.")
    if name not in RUNTIMES:
        raise ValueError(f"Expected runtime to be one of {sorted(RUNTIMES)}. Received: {name!r}")
    return name


def runtime_version(name=None):
    """Returns the package of a runtime and its version, such as `"ai-edge-litert 2.3.0"`.

    Args:
        name: As for `installed_runtime`.

    Raises:
        ImportError: It is not installed.
    """
    name = installed_runtime(name)
    package = _PACKAGES[name]
    try:
        module = importlib.import_module(RUNTIMES[name].split(".")[0])
    except ImportError:
        raise ImportError(f"The runtime {name!r} needs a package: pip install {package}") from None
    return f"{package} {module.__version__}"


def import_runtime(name):
    """Returns the module that has a runtime's `Interpreter`; `name` as for `installed_runtime`."""
    name = installed_runtime(name)
    if name == "tf":
        import tensorflow

        return tensorflow.lite
    return importlib.import_module(RUNTIMES[name])


def native():
    """Returns the module of the delegate.

    Raises:
        ImportError: It is not built.
    """
    try:
        return importlib.import_module("tfsparse._native")
    except ModuleNotFoundError as error:
        raise ImportError(
            "tfsparse's native part is not built. Install the package with `pip install .`, which "
            "builds it; a C++17 compiler is needed."
        ) from error
