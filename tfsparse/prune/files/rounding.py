"""Rounds the weights of a layer with the least change of its outputs: pure NumPy functions."""

import numpy as np

# Of int8 weights, which are symmetric in TFLite.
MOST = 127


def round_to_grid(weights, own, steps, count):
    """Rounds weights one input after the other, and corrects those that are still to be rounded.

    From Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
    Transformers", 2022 (https://arxiv.org/abs/2210.17323), section 3.3.

    Args:
        weights: Float array (outputs, inputs), the best ones without rounding.
        own: Float array (inputs, inputs), the second moments of the inputs, positive definite.
        steps: Float array (outputs,). Weights become multiples of it, of at most `MOST` in size.
        count: Int, how many inputs to round, from the first. The others, a bias, are corrected.

    Returns:
        Float64 array of the same shape.
    """
    weights = weights.astype(np.float64)
    # Row i of its transpose says how the inputs from i on correct the error of input i.
    factor = np.linalg.cholesky(np.linalg.inv(own)).T
    for i in range(count):
        rounded = steps * np.clip(np.round(weights[:, i] / steps), -MOST, MOST)
        error = (weights[:, i] - rounded) / factor[i, i]
        weights[:, i + 1 :] -= np.outer(error, factor[i, i + 1 :])
        weights[:, i] = rounded
    return weights
