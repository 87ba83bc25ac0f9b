"""The models that the methods of a search prune, and their layers."""

import dataclasses
import math

import tensorflow as tf

from tfsparse.factorization.factorize import factorize
from tfsparse.graph.compiling import compile_arguments, compile_like
from tfsparse.graph.rebuilding import copy_state, renew
from tfsparse.keras_models import strategy_of
from tfsparse.prune.scope import select
from tfsparse.search.channel_cuts import MeasuredChannels, groups_in
from tfsparse.search.compiled_model import distiller
from tfsparse.search.measured import Measured
from tfsparse.search.methods import CHANNELS, FACTORIZED, PLAIN, SHARED, SHARED_BITS
from tfsparse.search.plan import Plan

# Where the loss of accuracy is the target, factors keep this fraction of the MACs.
USUAL_MACS = 0.6
MULTIPLE_OF = 4  # of ranks


@dataclasses.dataclass(frozen=True, eq=False)
class Variant:
    """A model that methods prune.

    Attributes:
        model: Compiled Keras 3 model, which trials train.
        weights: List of arrays, its weights before any of them.
        plan: `Plan` of its layers.
    """

    model: object
    weights: list
    plan: Plan

    def restore(self):
        """Gives the model the weights that it had before any trial."""
        self.model.set_weights(self.weights)


def parts_of(name, model, scope):
    """Returns the names of the layers, or of the groups of channels, that a variant prunes.

    Args:
        name: Name of the variant.
        model: Compiled Keras 3 model, the dense one.
        scope: As for `tfsparse.compress`.
    """
    parts = groups_in(model, scope) if name == CHANNELS else select(model, scope)
    return [part.name for part in parts]


def measured_of(models, dense, scope, **conversion):
    """Returns what makes the files of each variant.

    Args:
        models: Dictionary from names of variants to models.
        dense: The dense model.
        scope: As for `tfsparse.compress`.
        **conversion: `weights` and `representative_dataset` of `tfsparse.convert`.

    Returns:
        Dictionary from names of variants to `Measured` or `MeasuredChannels`, and the one of the
        dense model, of which costs are fractions.
    """
    found = {}
    if CHANNELS in models:
        found[CHANNELS] = MeasuredChannels(dense, scope, **conversion)
    if set(models) == {CHANNELS}:
        return found, found[CHANNELS]
    found[PLAIN] = Measured(dense, scope, **conversion)
    if SHARED in models:
        found[SHARED] = found[PLAIN].sharing(SHARED_BITS)
    if FACTORIZED in models:
        found[FACTORIZED] = Measured(models[FACTORIZED], scope, **conversion)
    return {name: found[name] for name in models}, found[PLAIN]


def model_of(name, model, fraction):
    """Returns the model of a variant.

    Args:
        name: Name of the variant.
        model: Compiled Keras 3 model, the dense one.
        fraction: Float, the target as a fraction of the dense model's cost, or None.

    Raises:
        ValueError: Factors cannot have so few MACs, or the model is subclassed.
    """
    if name != FACTORIZED:
        return model
    # Factors and zeros have the same share in what is saved.
    macs = USUAL_MACS if fraction is None else math.sqrt(fraction)
    try:
        return factorize(model, "svd", macs=macs, multiple_of=MULTIPLE_OF).model
    except ValueError as error:
        raise ValueError(
            f"The method 'factorize' begins with factors of {100 * macs:.0f} % of the MACs, which "
            f"model {model.name!r} cannot have. Leave it out of methods. {error}"
        ) from error


def copy_of(model):
    """A copy of a compiled model, for all GPUs; a subclassed one itself: it cannot be copied."""
    if type(model).__module__.partition(".")[0] != "keras":
        return model
    with _strategy_for(model).scope():
        copy = renew(model)
        copy_state(model, copy)
    compile_like(model, copy)
    return copy


def _strategy_for(model):
    """The strategy that a model was made with; if that was none, one of all GPUs."""
    strategy = strategy_of(model)
    has_none = strategy is tf.distribute.get_strategy() and not tf.distribute.has_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if has_none and len(gpus) > 1:
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus])
    return strategy


def teacher_of(model, student):
    """The dense model that a pruned copy learns from; None if it is no classifier or no copy."""
    loss = compile_arguments(model)["loss"]
    name = getattr(loss, "name", getattr(loss, "__name__", loss))
    if student is model or "categorical_crossentropy" not in str(name):
        return None
    try:
        distiller(model, student, 0.5)
    except ValueError:
        return None
    return model
