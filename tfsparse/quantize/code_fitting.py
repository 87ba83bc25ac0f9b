"""Codes of weights with which a layer computes nearly what it did: pure functions on arrays."""

import numpy as np

_MOST_ROUNDS = 30
# Of the mean diagonal: inputs that are always zero would have no best code.
_RIDGE = 1e-4


def fit_codes(gram, weights, codes):
    """Returns the scale and the codes of each output with about the least error of the outputs.

    The squared error of an output w with a scale a and codes b is (w - a b)' G (w - a b), with G
    the Gram matrix of the inputs. Scale and codes are chosen in turn. The codes change one by one,
    each to the best one for all others: discrete cyclic coordinate descent, as in Hu et al., "From
    Hashing to CNNs: Training Binary Weight Networks via Hashing", 2018
    (https://arxiv.org/abs/1802.02733). With codes -1, 0 and 1 it is the second step, for weights,
    of Wang et al., "Two-Step Quantization for Low-bit Neural Networks", 2018
    (https://doi.org/10.1109/CVPR.2018.00460), where a layer has no activation.

    Args:
        gram: Float array (inputs, inputs), the sums of products of two inputs. The identity gives
            the weights with the least error of their own.
        weights: Float array (inputs, outputs).
        codes: Tuple of ints, the allowed codes in ascending order.

    Returns:
        A float64 array (outputs,) of scales, and an int32 array (inputs, outputs).
    """
    gram = np.asarray(gram, np.float64)
    mean = np.trace(gram) / len(gram)
    # Inputs that were never seen leave the weights as the measure.
    gram = gram / mean if mean > 0 else np.zeros_like(gram)
    gram = gram + (_RIDGE if mean > 0 else 1.0) * np.eye(len(gram))
    allowed = np.array(codes, np.float64)
    weights = weights.astype(np.float64)
    correlation = gram @ weights
    scales = np.abs(weights).mean(axis=0)
    found = _nearest(weights / np.where(scales > 0, scales, 1), allowed)
    for _ in range(_MOST_ROUNDS):
        scales = _best_scales(gram, correlation, found, scales)
        before = found.copy()
        _improve(found, gram, correlation / np.where(scales != 0, scales, 1), allowed)
        if np.array_equal(before, found):
            break
    scales = _best_scales(gram, correlation, found, scales)
    return scales, found.astype(np.int32)


def _best_scales(gram, correlation, codes, scales):
    """Returns the best scales for some codes; of an output without nonzeros, that it has."""
    sizes = np.sum(codes * (gram @ codes), axis=0)
    along = np.sum(codes * correlation, axis=0)
    return np.where(sizes > 0, along / np.where(sizes > 0, sizes, 1), scales)


def _improve(codes, gram, wanted, allowed):
    """Makes each code, in place and in turn, the best one for all others."""
    for i, row in enumerate(gram):
        others = row @ codes - row[i] * codes[i]
        codes[i] = _nearest((wanted[i] - others) / row[i], allowed)


def _nearest(values, allowed):
    return allowed[np.searchsorted((allowed[1:] + allowed[:-1]) / 2, values)]
