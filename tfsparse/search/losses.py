"""What each layer's sparsity is assumed to cost in accuracy, from its sensitivity."""

import dataclasses

import numpy as np

# Even where an evaluation shows no loss, less sparsity is better: SPDY's prior, a square.
PRIOR = 0.05
LEVELS = 24
LEAST_SPARSITY = 0.3
# Three multipliers, for the first, the middle and the last layer, in powers of e.
MULTIPLIERS = ("first", "middle", "last")


@dataclasses.dataclass(frozen=True)
class Coefficients:
    """How losses of single layers add up: what a search tries.

    Attributes:
        exponent: Float, below 1 evens out large losses: those of one-shot pruning are larger than
            those after training.
        first, middle, last: Floats, exponents of e by which the losses of the first, the middle
            and the last layer are multiplied, interpolated for those between.
    """

    exponent: float = 0.5
    first: float = 0.0
    middle: float = 0.0
    last: float = 0.0


def levels(most):
    """Sparsities to choose among: 0, and from 0.3 to `most` in equal relative steps of density."""
    return np.concatenate([[0.0], 1 - np.geomspace(1 - LEAST_SPARSITY, 1 - most, LEVELS)])


def losses(sensitivity, names, sparsities, coefficients):
    """Returns the assumed loss of each layer at each sparsity.

    Args:
        sensitivity: A `tfsparse.prune.weights.sensitivity.Sensitivity`, of the layers.
        names: Names of the layers, in the model's order.
        sparsities: Float array (sparsities,).
        coefficients: `Coefficients`.

    Returns:
        Float array (layers, sparsities).
    """
    rows = {layer.name: i for i, layer in enumerate(sensitivity.layers)}
    measured = sensitivity.losses()[[rows[name] for name in names]]
    # A loss that falls with more sparsity is noise; one that is not a number is a destroyed model.
    finite = np.nan_to_num(measured, nan=np.inf, posinf=np.inf)
    most = np.max(finite, where=np.isfinite(finite), initial=1e-9)
    rising = np.maximum.accumulate(np.clip(finite, 0, most), axis=1) / most
    points = [0.0, *sensitivity.sparsities]
    curves = [np.interp(sparsities, points, [0.0, *row]) for row in rising]
    depth = np.linspace(0, 2, len(names)) if len(names) > 1 else np.ones(1)
    knots = [getattr(coefficients, name) for name in MULTIPLIERS]
    multipliers = np.exp(np.interp(depth, range(len(knots)), knots))
    return multipliers[:, None] * (
        np.power(curves, coefficients.exponent) + PRIOR * np.square(sparsities)
    )
