"""Decompositions of matrices and kernels: pure functions on NumPy arrays."""

import numpy as np

_HOOI_STEPS = 20
_ALS_STEPS = 200
_ALS_TOLERANCE = 1e-7  # The least decrease of the relative error in a step.
_RING_STEPS, _RING_TOLERANCE = 30, 1e-4  # Each is a product with the whole kernel.
_RIDGE = 1e-9  # Of the diagonal: the factors of a CP decomposition may become parallel.


def spectrum(matrix):
    """Returns the squared singular values of a matrix, the largest first."""
    return np.linalg.svd(matrix, compute_uv=False) ** 2


def unfold(kernel, axis):
    """Returns a kernel as a matrix with one row for each position of an axis."""
    return np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)


def low_rank(matrix, rank):
    """Returns the two factors, (rows, rank) and (rank, columns), of the nearest such matrix."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]


def tucker2(kernel, ranks):
    """Decomposes a kernel along its channels, by higher-order orthogonal iteration.

    Args:
        kernel: Float array (height, width, inputs, outputs).
        ranks: Pair of ints, of the input and the output channels.

    Returns:
        Arrays (inputs, rank), (height, width, rank, rank) and (rank, outputs).
    """
    inner, outer = ranks
    out = _leading(unfold(kernel, 3), outer)
    for _ in range(_HOOI_STEPS):
        into = _leading(unfold(kernel @ out, 2), inner)
        out = _leading(unfold(np.einsum("hwio,ir->hwro", kernel, into, optimize=True), 3), outer)
    core = np.einsum("hwio,ir,os->hwrs", kernel, into, out, optimize=True)
    return into, core, out.T


def tensor_train(tensor, ranks):
    """Decomposes a tensor into a chain of products, by singular value decompositions in turn.

    From Oseledets, "Tensor-Train Decomposition", SIAM Journal on Scientific Computing 33, 2011
    (https://doi.org/10.1137/090752286), algorithm 1.

    Args:
        tensor: Float array.
        ranks: Tuple of ints, between two axes each.

    Returns:
        List of arrays (rank before, length, rank after), one for each axis; the first and the last
        rank are 1. Ranks that are higher than needed are filled with zeros.
    """
    cores, rest = [], tensor.reshape(1, -1)
    for length, rank in zip(tensor.shape[:-1], ranks, strict=True):
        before = len(rest)
        core, rest = _split(rest.reshape(before * length, -1), rank)
        cores.append(core.reshape(before, length, rank))
    return [*cores, rest[..., None]]


def tensor_ring(tensor, ranks):
    """Decomposes a tensor of three axes into a ring of products, by alternating least squares.

    The start is made by singular value decompositions in turn. From Zhao et al., "Tensor Ring
    Decomposition", 2016 (https://arxiv.org/abs/1606.05535), which has both.

    Args:
        tensor: Float array of three axes.
        ranks: Three ints, between the last core and the first, the first and the second, and the
            second and the last.

    Returns:
        List of arrays (rank before, length, rank after), one for each axis.
    """
    around, first, second = ranks
    n1, n2, n3 = tensor.shape
    core, rest = _split(tensor.reshape(n1, -1), around * first)
    cores = [core.reshape(n1, around, first).transpose(1, 0, 2)]
    rest = rest.reshape(around, first, n2, n3).transpose(1, 2, 3, 0)
    core, rest = _split(rest.reshape(first * n2, -1), second)
    cores += [core.reshape(first, n2, second), rest.reshape(second, n3, around)]
    before, norm = np.inf, np.linalg.norm(tensor)
    for _ in range(_RING_STEPS):
        for axis in range(3):
            cores[axis] = _least_squares_core(tensor, cores, axis)
        error = np.linalg.norm(tensor - ring_tensor(cores))
        if not before - error > _RING_TOLERANCE * norm:
            break
        before = error
    return cores


def ring_tensor(cores):
    """Returns the tensor of the cores of a ring, or of a train of three axes."""
    return np.einsum("aib,bjc,cka->ijk", *cores, optimize=True)


def cp(kernel, rank, seed=0):
    """Decomposes a kernel into a sum of outer products, by alternating least squares.

    Args:
        kernel: Float array (height, width, inputs, outputs).
        rank: Int, the number of products.
        seed: Int, seed of the columns that the singular vectors do not start.

    Returns:
        Arrays (height, rank), (width, rank), (inputs, rank) and (outputs, rank), with columns of
        equal norms.
    """
    rng = np.random.default_rng(seed)
    factors = [_start(unfold(kernel, axis), rank, rng) for axis in range(4)]
    before = np.inf
    for _ in range(_ALS_STEPS):
        for axis in range(4):
            factors[axis] = _least_squares(kernel, factors, axis)
            if axis < 3:
                factors[axis] = factors[axis] / _norms(factors[axis])
        error = np.linalg.norm(kernel - cp_kernel(factors)) / np.linalg.norm(kernel)
        if before - error < _ALS_TOLERANCE:
            break
        before = error
    scales = [_norms(factor) for factor in factors]
    mean = np.prod(scales, axis=0) ** (1 / 4)
    return [factor / scale * mean for factor, scale in zip(factors, scales, strict=True)]


def cp_kernel(factors):
    """Returns the kernel of the factors that `cp` returns."""
    return np.einsum("hr,wr,ir,or->hwio", *factors, optimize=True)


def _split(matrix, rank):
    """Returns orthogonal columns and what is left, filled with zeros if the rank is too high."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    u, rest = u[:, :rank], s[:rank, None] * vt[:rank]
    missing = rank - u.shape[1]
    return np.pad(u, ((0, 0), (0, missing))), np.pad(rest, ((0, missing), (0, 0)))


def _least_squares_core(tensor, cores, axis):
    """Returns the core of a ring that is the best beside the others."""
    after, before = cores[(axis + 1) % 3], cores[(axis + 2) % 3]
    others = np.einsum("bjc,cka->jkab", after, before, optimize=True)
    others = others.reshape(-1, before.shape[2] * after.shape[0])
    unfolded = np.moveaxis(tensor, axis, 0)  # The axes that follow are in the order of the ring.
    if axis == 1:
        unfolded = unfolded.swapaxes(1, 2)
    gram = others.T @ others
    gram += _RIDGE * max(np.trace(gram), 1e-30) / len(gram) * np.eye(len(gram))
    core = np.linalg.solve(gram, others.T @ unfolded.reshape(len(unfolded), -1).T)
    return core.reshape(before.shape[2], after.shape[0], -1).swapaxes(1, 2)


def _leading(matrix, count):
    """Returns the first left singular vectors of a matrix."""
    # Much faster than an SVD of an unfolding, which has far more columns than rows.
    return np.linalg.eigh(matrix @ matrix.T)[1][:, ::-1][:, :count]


def _start(matrix, rank, rng):
    start = _leading(matrix, rank)
    rest = rank - start.shape[1]
    return np.hstack([start, rng.normal(size=(len(matrix), rest))]) if rest > 0 else start


def _least_squares(kernel, factors, axis):
    others = [i for i in range(4) if i != axis]
    gram = np.prod([factors[i].T @ factors[i] for i in others], axis=0)
    gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    letters = "hwio"
    terms = ",".join(f"{letters[i]}r" for i in others)
    product = np.einsum(
        f"hwio,{terms}->{letters[axis]}r", kernel, *(factors[i] for i in others), optimize=True
    )
    return np.linalg.solve(gram, product.T).T


def _norms(factor):
    return np.maximum(np.linalg.norm(factor, axis=0), 1e-30)
