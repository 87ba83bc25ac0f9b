"""Compiles Keras models as others were compiled, or as they were themselves."""

import keras

from tfsparse.graph.rebuilding import renew
from tfsparse.keras_models import all_optimizers, strategy_of
from tfsparse.user_warnings import warn


def compile_like(model, new):
    """Compiles a model like another one, with a new optimizer.

    The losses and metrics are the objects of the other model. An optimizer that cannot be copied is
    left out, with a warning.

    Args:
        model: Keras 3 model. If it is not compiled, nothing happens.
        new: Built model of the same class and outputs.
    """
    if model.compiled:
        with strategy_of(new).scope():
            _compile_like(model, new)


def _compile_like(model, new):
    if type(new).compile is not keras.Model.compile:
        # What it was compiled with is only known to the methods that the class has for that.
        new.compile_from_config(model.get_compile_config())
        return
    arguments = compile_arguments(model)
    used = arguments.pop("optimizer")
    try:
        optimizer = used and renew(used)
        new.compile(optimizer, **arguments)
        if optimizer:
            new.optimizer.build(new.trainable_variables)
        _check_apart(optimizer, used)
    except (TypeError, ValueError, NotImplementedError) as error:
        warn(
            f"The optimizer {type(used).__name__} cannot be made anew for model {new.name!r}, "
            "which is compiled without one. To train it, call its compile, or give the optimizer a "
            f"get_config that returns the arguments of its constructor. The reason: {error}",
        )
        new.compile(None, **arguments)


def compile_again(model, optimizer, like=None):
    """Compiles a model with the arguments of its last `compile`, but for the optimizer.

    Args:
        model: Keras 3 model.
        optimizer: Keras optimizer, made in the scope of the model's `tf.distribute.Strategy`.
        like: The compiled model whose arguments are used, by default `model`.
    """
    with strategy_of(model).scope():
        model.compile(**compile_arguments(like or model) | {"optimizer": optimizer})


def compile_arguments(model):
    """Returns the arguments of a Keras 3 model's last call of `compile`, a new dictionary."""
    return dict(model._compile_config.config)


def renew_optimizer(optimizer, model):
    """Returns a new optimizer like another one, built for a model.

    Args:
        optimizer: Keras 3 optimizer.
        model: Built Keras 3 model, whose present weights an optimizer may copy.

    Raises:
        NotImplementedError: See `rebuilding.renew`.
        TypeError: Likewise; or a part of the given optimizer would be one of the new one, too.
    """
    with strategy_of(model).scope():
        new = renew(optimizer)
        new.build(model.trainable_variables)
    _check_apart(new, optimizer)
    return new


def _check_apart(new, old):
    if any(x is y for x in all_optimizers(old) for y in all_optimizers(new)):
        raise TypeError(
            f"{type(old).__name__} cannot be made anew: it would hold an optimizer that trains "
            "another model. If it is given a function, let that return a new optimizer each time."
        )
