"""Decompositions of matrices and kernels: pure functions on NumPy arrays."""

import numpy as np

_HOOI_STEPS = 20
_ALS_STEPS = 200
_ALS_TOLERANCE = 1e-7  # The least decrease of the relative error in a step.
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
        u, s, vt = np.linalg.svd(rest.reshape(before * length, -1), full_matrices=False)
        u, rest = u[:, :rank], s[:rank, None] * vt[:rank]
        missing = rank - u.shape[1]
        cores.append(np.pad(u, ((0, 0), (0, missing))).reshape(before, length, rank))
        rest = np.pad(rest, ((0, missing), (0, 0)))
    return [*cores, rest[..., None]]


def train_tensor(cores):
    """Returns the tensor of the cores that `tensor_train` returns."""
    made = cores[0]
    for core in cores[1:]:
        made = np.tensordot(made, core, 1)
    return made[0, ..., 0]


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
