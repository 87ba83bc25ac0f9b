"""Loads the delegate, which the native module is."""

import importlib
from typing import Any

from tfsparse.runtime import input_shapes
from tfsparse.runtime.runtimes import import_runtime, runtime_version


def load_delegate(*, runtime: str | None = None, **options: Any) -> Any:
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
