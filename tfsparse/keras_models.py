"""Models of Keras 3 and of tf_keras alike: their package, layers, optimizers and strategy."""

import importlib
from collections.abc import Mapping, Set

import tensorflow as tf


def keras_of(model):
    """Returns the package the model was made with, `keras` or `tf_keras`."""
    for cls in type(model).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in ("keras", "tf_keras"):
            keras = importlib.import_module(package)
            if package == "keras" and keras.config.backend() != "tensorflow":
                raise ValueError(
                    "Expected Keras to run on TensorFlow: set the environment variable "
                    f"KERAS_BACKEND=tensorflow. Received: {keras.config.backend()!r}"
                )
            return keras
    raise TypeError(f"Expected a Keras 3 or tf_keras model. Received: {type(model)}")


def strategy_of(model):
    """Returns the `tf.distribute.Strategy` under which a model, of either Keras, was made."""
    return getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()


def student_of(model):
    """Returns the student of a distiller; any other model as it is.

    A distiller is a model with two others, its `student` and its `teacher`, as
    `tfsparse.distill.Distiller` and Keras's own are.
    """
    found = [getattr(model, name, None) for name in ("student", "teacher")]
    return found[0] if all(hasattr(x, "_flatten_layers") for x in found) else model


def walk(layer, path="", seen=None):
    """Yields the layers inside a model or layer, at any depth, each once, in the model's order.

    Each comes with where it is, the names from the model's own layer to it: `"attention/query"`.
    """
    seen = set() if seen is None else seen
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if id(child) not in seen:
            seen.add(id(child))
            yield child, path + child.name
            yield from walk(child, f"{path}{child.name}/", seen)


def all_optimizers(optimizer):
    """Returns an optimizer and all optimizers that it holds, the outermost first.

    An optimizer may leave the update to others, as loss scaling, `keras.optimizers.MultiOptimizer`
    and lookahead do. Those are found in its attributes, and in lists, tuples, sets and mappings
    there, under whatever name.

    Args:
        optimizer: Keras 3 or tf_keras optimizer, or None.

    Returns:
        List of optimizers, each of them once.
    """
    found, seen, pending = [], set(), [optimizer]
    while pending:
        value = pending.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, list | tuple | Set):
            pending.extend(value)
        elif hasattr(value, "apply_gradients"):
            found.append(value)
            pending.extend(vars(value).values())
    return found
