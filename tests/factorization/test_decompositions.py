import numpy as np
import pytest

from tfsparse.factorization import decompositions
from tfsparse.factorization.evbmf import evbmf_rank
from tfsparse.factorization.structures import CP, Split, Tucker2, count_macs

SHAPE = (3, 3, 6, 8)


def kernel(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (80, 80)])
@pytest.mark.parametrize("rank", [1, 5, 12])
def test_evbmf_finds_the_rank_of_a_noisy_matrix(shape, rank):
    rng = np.random.default_rng(rank)
    matrix = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
    assert evbmf_rank(matrix + 0.1 * rng.normal(size=shape)) == rank
    assert evbmf_rank(matrix.astype(np.float32)) == rank


def test_evbmf_of_noise_is_zero():
    assert evbmf_rank(np.random.default_rng(0).normal(size=(50, 200))) == 0
    assert evbmf_rank(np.zeros((3, 4))) == 0


@pytest.mark.parametrize("structure", [Split(), Tucker2()], ids=["split", "tucker2"])
def test_full_ranks_reconstruct_exactly(structure):
    limits = structure.limits(SHAPE)
    factors = structure.factors(kernel(), limits)
    np.testing.assert_allclose(structure.product(factors), kernel(), atol=1e-12)
    assert [f.shape for f in factors] == [s.shape for s in structure.stages(SHAPE, limits)]


@pytest.mark.parametrize("is_separate", [True, False])
def test_cp_reconstructs_a_sum_of_products(is_separate):
    rng = np.random.default_rng(3)
    exact = decompositions.cp_kernel([rng.normal(size=(n, 3)) for n in SHAPE])
    structure = CP(is_separate, seed=0)
    factors = structure.factors(exact, (3,))
    error = np.linalg.norm(structure.product(factors) - exact) / np.linalg.norm(exact)
    assert error < 1e-3
    assert [f.shape for f in factors] == [s.shape for s in structure.stages(SHAPE, (3,))]


def test_cp_may_have_more_products_than_channels():
    structure = CP(True, seed=0)
    errors = []
    for rank in (4, 20):
        product = structure.product(structure.factors(kernel(), (rank,)))
        errors.append(np.linalg.norm(product - kernel()) / np.linalg.norm(kernel()))
    assert errors[1] < 0.7 * errors[0]


def test_hooi_is_at_least_as_good_as_one_pass():
    into = decompositions._leading(decompositions.unfold(kernel(), 2), 3)
    out = decompositions._leading(decompositions.unfold(kernel(), 3), 4)
    once = np.einsum("hwio,ir,jr,os,ps->hwjp", kernel(), into, into, out, out, optimize=True)
    structure = Tucker2()
    found = structure.product(structure.factors(kernel(), (3, 4)))
    assert np.linalg.norm(found - kernel()) < np.linalg.norm(once - kernel())


def test_macs_count_the_positions_before_and_after_strides():
    stages = Tucker2().stages(SHAPE, (2, 4))
    assert count_macs(stages, (100, 25)) == 100 * 6 * 2 + 25 * 9 * 2 * 4 + 25 * 4 * 8
    stages = Split().stages(SHAPE, (2,))
    assert count_macs(stages, (100, 25)) == 25 * (9 * 6 * 2 + 2 * 8)
