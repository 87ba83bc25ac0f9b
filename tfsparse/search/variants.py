"""The models that the methods of a search prune."""

import dataclasses
import math

from tfsparse.factorization.factorize import factorize
from tfsparse.graph.rebuilding import compile_arguments, compile_like, copy_state, renew
from tfsparse.search.methods import FACTORIZED
from tfsparse.search.plan import Plan
from tfsparse.search.training import distiller

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
    """A copy of a compiled model; a subclassed one itself, because it cannot be copied."""
    if type(model).__module__.partition(".")[0] != "keras":
        return model
    copy = renew(model)
    copy_state(model, copy)
    compile_like(model, copy)
    return copy


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
