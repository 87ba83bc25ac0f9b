import dataclasses

import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import strategies as st

from tfsparse.flatbuffer.encoding import CsrLevel, DenseLevel, SparseEncoding, decode, encode

DTYPES = (np.float32, np.float16, np.int8)


@st.composite
def sparse_arrays(draw):
    """An array with any share of zeros, from none to all."""
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kept = rng.random(shape) < draw(st.sampled_from([0, 0.1, 0.3, 0.9, 1]))
    return (rng.integers(1, 100, shape) * kept).astype(draw(st.sampled_from(DTYPES)))


@st.composite
def options(draw, shape):
    """Any options of `encode` that fit a shape."""
    dims = range(len(shape))
    blocked = draw(st.lists(st.sampled_from(dims), unique=True, max_size=2))
    return {
        "traversal_order": draw(st.permutations(dims)),
        "compressed": draw(st.sets(st.sampled_from(dims))),
        "blocks": {
            dim: draw(st.sampled_from([b for b in range(1, shape[dim] + 1) if shape[dim] % b == 0]))
            for dim in blocked
        },
    }


@hypothesis.given(sparse_arrays())
def test_decode_returns_the_encoded_array(dense):
    decoded = decode(encode(dense))
    assert decoded.dtype == dense.dtype
    np.testing.assert_array_equal(decoded, dense)


@hypothesis.given(st.data())
def test_decode_returns_the_array_whatever_the_layout(data):
    dense = data.draw(sparse_arrays())
    np.testing.assert_array_equal(decode(encode(dense, **data.draw(options(dense.shape)))), dense)


@hypothesis.given(sparse_arrays())
def test_only_nonzeros_are_stored(dense):
    assert len(encode(dense).values) == max(np.count_nonzero(dense), 1)


def test_weights_are_rows_over_the_input_channels():
    weights = np.zeros((2, 1, 1, 4), np.float32)
    weights[0, 0, 0, [1, 3]] = 5, 6
    weights[1, 0, 0, 2] = 7
    encoding = encode(weights)
    assert encoding.traversal_order == (0, 1, 2, 3)
    assert encoding.levels[:3] == (DenseLevel(2), DenseLevel(1), DenseLevel(1))
    assert encoding.levels[3].segments.tolist() == [0, 2, 3]
    assert encoding.levels[3].indices.tolist() == [1, 3, 2]
    assert encoding.values.tolist() == [5, 6, 7]


def test_blocks_of_output_channels_share_their_indices():
    weights = np.zeros((4, 6), np.float32)
    weights[0:2, 5] = 1, 2
    weights[3, 0] = 3
    encoding = encode(weights, blocks={0: 2})
    assert encoding.block_map == (0,)
    assert encoding.traversal_order == (0, 1, 2)
    assert encoding.levels[1].indices.tolist() == [5, 0]
    assert encoding.values.tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("inputs", "index_bytes"), [(256, 1), (257, 2), (2**16, 2), (2**16 + 1, 4)]
)
def test_indices_are_as_narrow_as_the_dimension_allows(inputs, index_bytes):
    weights = np.zeros((1, inputs), np.float32)
    weights[0, -1] = 1
    assert encode(weights).nbytes == 4 + index_bytes + 2  # the value, its index, two segments


def test_negative_zero_is_zero_and_nan_is_not():
    encoding = encode(np.array([-0.0, np.nan, 1], np.float32))
    np.testing.assert_array_equal(encoding.values, [np.nan, 1])
    assert not np.signbit(decode(encoding)[0])


@pytest.mark.parametrize(
    ("dense", "wrong"),
    [
        (np.float32(1), {}),
        (np.zeros((0, 4)), {}),
        (np.ones((2, 4)), {"traversal_order": (0, 0)}),
        (np.ones((2, 4)), {"compressed": (2,)}),
        (np.ones((2, 4)), {"blocks": {1: 3}}),
        (np.ones((2, 4)), {"blocks": {2: 1}}),
    ],
)
def test_encode_refuses_what_does_not_fit(dense, wrong):
    with pytest.raises(ValueError, match=r"Expected .* Received"):
        encode(dense, **wrong)


LIES = {
    "too few segments": {"levels": (DenseLevel(2), CsrLevel(np.array([0, 2]), np.array([0, 1])))},
    "segments fall": {"levels": (DenseLevel(2), CsrLevel(np.array([0, 3, 2]), np.array([0, 1])))},
    "segments start late": {
        "levels": (DenseLevel(2), CsrLevel(np.array([1, 1, 2]), np.array([0, 1])))
    },
    "index too large": {"levels": (DenseLevel(2), CsrLevel(np.array([0, 1, 2]), np.array([0, 3])))},
    "index negative": {"levels": (DenseLevel(2), CsrLevel(np.array([0, 1, 2]), np.array([-1, 0])))},
    "wrong dense size": {
        "levels": (DenseLevel(3), CsrLevel(np.array([0, 1, 1, 2]), np.array([0, 1])))
    },
    "values missing": {"values": np.ones(1)},
    "level missing": {"levels": (DenseLevel(2),)},
    "dimension twice": {"traversal_order": (0, 0)},
    "block of no dimension": {"traversal_order": (0, 1, 2), "block_map": (2,)},
    "block that does not divide": {
        "traversal_order": (0, 1, 2),
        "block_map": (1,),
        "levels": (DenseLevel(2), CsrLevel(np.array([0, 0, 1]), np.array([0])), DenseLevel(2)),
    },
    "empty shape": {"shape": (2, 0)},
    "no shape": {"shape": ()},
}


@pytest.mark.parametrize("lie", LIES)
def test_decode_refuses_an_encoding_that_contradicts_itself(lie):
    level = CsrLevel(np.array([0, 1, 2]), np.array([0, 2]))
    true = SparseEncoding((2, 3), (0, 1), (), (DenseLevel(2), level), np.ones(2))
    assert decode(true).sum() == 2
    with pytest.raises(ValueError, match="sparse encoding is inconsistent"):
        decode(dataclasses.replace(true, **LIES[lie]))
