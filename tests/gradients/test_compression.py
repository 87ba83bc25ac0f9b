"""What both ways to compress gradients do."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tfsparse

WAYS = {
    "terngrad": lambda seed=0: tfsparse.TernGrad(seed=seed),
    "ecq": lambda seed=0: tfsparse.ErrorCompensatedQuantization(bucket_size=7, seed=seed),
    "ecq of max": lambda seed=0: tfsparse.ErrorCompensatedQuantization(
        127, norm="max", feedback=0.0, seed=seed
    ),
}
SHAPES = [(3, 3, 2, 4), (4,), (1,), (), (0,), (5, 3)]


@pytest.fixture(params=WAYS)
def make(request):
    return WAYS[request.param]


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    return [np.float32(rng.normal(size=shape)) for shape in SHAPES]


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(WAYS)),
    st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=4),
    st.integers(0, 99),
)
def test_what_is_decoded_is_what_was_quantised(way, shapes, seed):
    rng = np.random.default_rng(seed)
    values = [np.float32(rng.normal(size=shape)) for shape in shapes]
    message = WAYS[way](seed).encode(values)
    _, wanted = WAYS[way](seed)._encode([value.copy() for value in values])
    found = WAYS[way](seed + 1).decode(message, values)
    assert len(found) == len(values)
    for a, b, value in zip(found, wanted, values, strict=True):
        assert a.dtype == np.float32
        assert a.shape == value.shape
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["terngrad", "l2", "max"])
def test_the_mean_is_the_gradient(name):
    options = {"feedback": 0.0, "bucket_size": 9}
    way = {
        "terngrad": tfsparse.TernGrad(None),
        "l2": tfsparse.ErrorCompensatedQuantization(2, **options),
        "max": tfsparse.ErrorCompensatedQuantization(2, norm="max", **options),
    }[name]
    value = np.float32(np.random.default_rng(0).normal(size=9))
    many = np.tile(value, (20_000, 1))  # each row is rounded by other random numbers
    (samples,) = way.decode(way.encode([many]), [many])
    error = 5 * samples.std(axis=0, dtype=np.float64) / len(many) ** 0.5 + 1e-6
    assert (abs(samples.mean(axis=0, dtype=np.float64) - value) <= error).all()
    assert (samples.std(axis=0) > 0).any()


def test_the_same_seed_gives_the_same_bytes(make):
    assert make().encode(gradients()) == make().encode(gradients())
    assert make().encode(gradients()) != make(1).encode(gradients())


def test_what_is_given_stays_as_it_is(make):
    values, wanted = gradients(), gradients()
    make().encode(values)
    for value, before in zip(values, wanted, strict=True):
        np.testing.assert_array_equal(value, before)


def test_tensors_and_half_precision_are_taken(make):
    values = [tf.constant([0.5, -1.0], dtype) for dtype in (tf.float16, tf.bfloat16, tf.float64)]
    way = make()
    found = way.decode(way.encode(values), values)
    assert [x.dtype for x in found] == [np.float32] * 3
    for value in found:
        assert value[0] >= 0
        assert value[1] <= 0


def test_zeros_stay_zeros(make):
    way = make()
    (found,) = way.decode(way.encode([np.zeros((3, 2), np.float32)]), [np.zeros((3, 2))])
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize("value", [None, "a", np.arange(3), np.array([1j])])
def test_what_is_no_gradient_is_refused(make, value):
    with pytest.raises(TypeError, match=r"Expected gradients that are float arrays.* at 1$"):
        make().encode([np.zeros(3, np.float32), value])


def test_sparse_gradients_are_refused(make):
    sparse = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([0]), tf.constant([4, 2]))
    with pytest.raises(TypeError, match=r"convert tf.IndexedSlices"):
        make().encode([sparse])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_are_refused(make, value):
    way = make()
    with pytest.raises(ValueError, match=r"NaN or infinity in the gradient at 0, of shape \(2,\)"):
        way.encode([np.float32([1, value])])
    assert way.encode(gradients()) == make().encode(gradients()), "nothing is kept of it"


def test_every_damaged_byte_is_found(make):
    values = gradients()
    way = make()
    message = way.encode(values)
    for position in range(len(message)):
        damaged = bytearray(message)
        damaged[position] ^= 1
        with pytest.raises(ValueError, match="Expected"):
            way.decode(bytes(damaged), values)
    for length in range(len(message)):
        with pytest.raises(ValueError, match="Received"):
            way.decode(message[:length], values)


def test_messages_of_others_are_refused(make):
    values, way = gradients(), make()
    message = way.encode(values)
    with pytest.raises(ValueError, match="Received: a message of others"):
        way.decode(message, values[:-1])
    with pytest.raises(ValueError, match="Received: one of"):
        tfsparse.ErrorCompensatedQuantization(9).decode(message, values)
    with pytest.raises(TypeError, match="Expected the bytes that encode returned"):
        way.decode("text", values)
