"""The responses of layers, and the fit of few outputs to them: pure functions on NumPy arrays.

From Zhang et al., "Accelerating Very Deep Convolutional Networks for Classification and Detection",
2015 (https://arxiv.org/abs/1505.06798), sections 3.1 to 3.3.
"""

import numpy as np

# The penalty on the distance between the responses and their auxiliary variables, and steps with
# each: the paper's, section 3.1.2.
_PENALTIES = ((0.01, 25), (1.0, 25))
_RIDGE = 1e-6  # Of the mean variance: dead channels have none.


def fit(exact, approximate, rank, is_rectified):
    """Fits a matrix of low rank that maps approximate responses to exact ones.

    Minimises the squared error of the responses, after a ReLU if there is one.

    Args:
        exact: Float array (samples, outputs), the responses of the original network.
        approximate: The same, of the layer on inputs that are approximated already.
        rank: Int.
        is_rectified: Bool, whether a ReLU follows.

    Returns:
        Arrays (outputs, rank), (rank, outputs) and (outputs,): `exact` is about
        `approximate @ first @ second + bias`.
    """
    target = exact
    mean = approximate.mean(axis=0)
    centred = approximate - mean
    covariance = centred.T @ centred
    covariance += _RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    solve = np.linalg.inv(covariance) @ centred.T
    best = _regress(target, mean, centred, solve, rank)
    if not is_rectified:
        return best
    least = rectified_error(exact, _apply(best, approximate))
    for penalty, steps in _PENALTIES:
        for _ in range(steps):
            found = _regress(target, mean, centred, solve, rank)
            responses = _apply(found, approximate)
            target = _auxiliary(exact, responses, penalty)
            error = rectified_error(exact, responses)
            if error < least:
                best, least = found, error
    return best


def rectified_error(exact, responses):
    """Returns the squared error after a ReLU, summed over all samples."""
    return float(np.sum((np.maximum(exact, 0) - np.maximum(responses, 0)) ** 2))


def _regress(target, mean, centred, solve, rank):
    """Returns the regression of reduced rank with the least squared error."""
    offset = target.mean(axis=0)
    full = solve @ (target - offset)
    fitted = centred @ full
    directions = np.linalg.eigh(fitted.T @ fitted)[1][:, ::-1][:, :rank]
    first, second = full @ directions, directions.T
    return first, second, offset - mean @ first @ second


def _apply(found, approximate):
    first, second, bias = found
    return approximate @ first @ second + bias


def _auxiliary(exact, responses, penalty):
    """Returns the auxiliary variables with the least error and penalty, element by element."""
    rectified = np.maximum(exact, 0)
    negative = np.minimum(responses, 0)
    positive = np.maximum((penalty * responses + rectified) / (penalty + 1), 0)
    costs = [
        (rectified - np.maximum(z, 0)) ** 2 + penalty * (z - responses) ** 2
        for z in (negative, positive)
    ]
    return np.where(costs[0] < costs[1], negative, positive)
