"""TFLite's runtimes: which of them are installed, and their own interpreters."""

import contextlib
import importlib
import importlib.util
import os

RUNTIMES = {"litert": "ai_edge_litert.interpreter", "tf": "tensorflow.lite"}
_PACKAGES = {"litert": "ai-edge-litert", "tf": "tensorflow"}
# Runtimes that verify a file before they use its offsets; `tf.lite` crashes on a truncated one.
_VERIFYING_RUNTIMES = ("ai_edge_litert.interpreter",)


def installed_runtime(name=None):
    """Returns `name`, or for `None` the name of the first runtime that is installed.

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


@contextlib.contextmanager
def checked_file(path, module):
    """Yields the path of a file, as a string, for a runtime's interpreter to open.

    Args:
        path: A `.tflite` file.
        module: The result of `import_runtime`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no TFLite model, or its sparse tensors are inconsistent.
    """
    from tfsparse import flatbuffer

    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Expected a .tflite file. Received: {path!r}: there is none.")
    try:
        if module.__name__ not in _VERIFYING_RUNTIMES:
            flatbuffer.read(path)
        yield path
    except ValueError as error:
        if _is_whole(path):  # So an argument is wrong.
            raise
        raise ValueError(f"Expected a valid TFLite model. Received: {path!r}: {error}") from error
    except RuntimeError as error:
        raise ValueError(f"TFLite could not load {path!r}: {error}") from error


def open_bytes(content, runtime=None):
    """A plain TFLite interpreter, without the delegate, of the bytes of a model.

    Args:
        content: The bytes of a `.tflite` file. They are not checked.
        runtime: As for `Interpreter`.

    Raises:
        ValueError: TFLite refuses the model.
    """
    try:
        return import_runtime(runtime).Interpreter(model_content=content)
    except RuntimeError as error:
        raise ValueError(f"TFLite could not load the model: {error}") from error


def _is_whole(path):
    from tfsparse import flatbuffer

    try:
        flatbuffer.read(path)
    except ValueError:
        return False
    return True
