"""The rank of a noisy matrix by empirical variational Bayesian matrix factorisation."""

import numpy as np

_GRID = 2000  # Noise variances that are tried; the free energy has several local minima.
_FLOOR = 1e-12  # Of the largest variance: below it singular values are those of float rounding.


def evbmf_rank(matrix):
    """Estimates the rank of a matrix to which noise was added, by the analytic global solution.

    The variance of the noise is estimated, too. From Nakajima et al., "Global Analytic Solution of
    Fully-observed Variational Bayesian Matrix Factorization", JMLR 14, 2013
    (https://jmlr.org/papers/v14/nakajima13a.html), theorems 2 to 4.

    Args:
        matrix: Float array of two dimensions.

    Returns:
        Int from 0 to the smaller length: 0 if everything looks like noise.
    """
    rows, columns = sorted(np.shape(matrix))
    values = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False) ** 2
    if not values.sum() > 0:
        return 0
    alpha = rows / columns
    threshold = _threshold(alpha)
    noise = _noise_variance(values, rows, columns, threshold)
    return int(np.sum(values > columns * noise * threshold))


def _threshold(alpha):
    """Returns the least squared singular value, over noise and columns, that is kept."""
    low, high = np.sqrt(alpha), 2 * 2.5129 * np.sqrt(alpha)  # 2.5129 is the paper's approximation.
    for _ in range(80):
        middle = (low + high) / 2
        if _balance(middle) + _balance(middle / alpha) > 0:
            low = middle
        else:
            high = middle
    return (1 + low) * (1 + alpha / low)


def _balance(z):
    return np.log1p(z) / z - 0.5


def _noise_variance(values, rows, columns, threshold):
    """Returns the noise variance with the least free energy, between the bounds of theorem 4."""
    alpha = rows / columns
    most = values.sum() / (rows * columns)
    head = min(int(np.ceil(rows / (1 + alpha))) - 1, rows - 1)
    least = max(values[head] / (columns * threshold), np.mean(values[head:]) / columns)
    low, high = np.log(max(least, _FLOOR * most)), np.log(most)
    for _ in range(3):
        grid = np.linspace(low, high, _GRID)
        energies = [_free_energy(values / (columns * np.exp(x)), alpha, threshold) for x in grid]
        best = int(np.argmin(energies))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    return np.exp(grid[best])


def _free_energy(x, alpha, threshold):
    """Returns the free energy up to a constant, of squared singular values over noise."""
    x = np.maximum(x, 1e-30)
    kept = x[x > threshold]
    mean = kept - (1 + alpha)
    tau = (mean + np.sqrt(np.maximum(mean**2 - 4 * alpha, 0))) / 2
    signal = np.log1p(tau) + alpha * np.log1p(tau / alpha) - tau
    return float(np.sum(x - np.log(x)) + signal.sum())
