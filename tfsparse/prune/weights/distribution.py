"""The distribution of a sparsity among layers."""

import math


def erdos_renyi_kernel(shapes, sparsity):
    """Returns the sparsity of each layer, so that small layers are denser than large ones.

    The density of a layer is proportional to (n_in + n_out + kh + kw) / (n_in n_out kh kw); layers
    for which that exceeds 1 are dense, and the others share the rest. From Evci et al.,
    "Rigging the Lottery: Making All Tickets Winners", 2020 (https://arxiv.org/abs/1911.11134).

    Args:
        shapes: Kernel shapes, HWIO or IO.
        sparsity: Float in [0, 1), the fraction of zeros in all layers together.

    Returns:
        List of floats in [0, 1), one for each layer.
    """
    sizes = [math.prod(shape) for shape in shapes]
    raw = [sum(shape) / size for shape, size in zip(shapes, sizes, strict=True)]
    densities = [1.0] * len(shapes)
    sparse = range(len(shapes))
    while sparse:
        dense_weights = sum(sizes) - sum(sizes[i] for i in sparse)
        budget = (1 - sparsity) * sum(sizes) - dense_weights
        epsilon = budget / sum(raw[i] * sizes[i] for i in sparse)
        still_sparse = [i for i in sparse if epsilon * raw[i] < 1]
        if len(still_sparse) == len(sparse):
            for i in sparse:
                densities[i] = epsilon * raw[i]
            break
        sparse = still_sparse
    return [1 - density for density in densities]
