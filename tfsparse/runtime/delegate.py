"""Loads the delegate from the native module."""

import importlib
from typing import Any

from tfsparse.runtime import input_shapes
from tfsparse.runtime.runtimes import import_runtime, runtime_version


def load_delegate(*, runtime: str | None = None, **options: Any) -> Any:
    """The delegate, for the `experimental_delegates` of any TFLite interpreter.

    Args:
        runtime: As for `Interpreter`. A delegate loaded by one runtime also works in the other.
        **options: `num_threads` (int; 0, the default, is the interpreter's number), `isa`
            (`"avx512"`, `"avx2"` or `"portable"`, on arm64 `"neon"`; by default the best of the
            CPU), `precision` (`"fp32"`, the default, or `"fp16"`: compute in float16 on CPUs with
            float16 arithmetic, such as arm64 since ARMv8.2, and in float32 on others, which
            `explain` shows), `auto` (bool, default True; leave the parts to TFLite's default that
            it is predicted to run about as fast or faster), `profile` (bool; time every step and
            print the times to stderr when the interpreter is destroyed), `tuning` (a tuning cache
            of `tune`: its decisions replace predictions; by default none), `input_shapes` (the
            shapes to which inputs will be resized, so that the delegate decides for these shapes;
            for one input its shape, for several a dictionary by name).

    With `precision="fp16"` weights and activations inside the delegate are float16: numbers beyond
    65504 overflow, and outputs have about three digits. Long sums (means, softmax, dense layers
    over one row) and intermediate results of activation functions stay float32, as do the model's
    inputs and outputs.

    Raises:
        ValueError: An option is unknown or its value cannot be used.

    Example:

        tf.lite.Interpreter(path, experimental_delegates=[tfsparse.load_delegate()])
    """
    module = import_runtime(runtime)
    load = getattr(module, "load_delegate", None) or module.experimental.load_delegate
    return load(native().__file__, delegate_options(runtime, options))


def delegate_options(runtime, options):
    """The options of `load_delegate` as strings, for the delegate."""
    options = {key: value for key, value in options.items() if value is not None}
    if "tuning" in options:
        options["runtime_version"] = runtime_version(runtime)
    if "input_shapes" in options:
        options["input_shapes"] = input_shapes.as_text(options["input_shapes"])
    return {key: str(int(v) if isinstance(v, bool) else v) for key, v in options.items()}


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
