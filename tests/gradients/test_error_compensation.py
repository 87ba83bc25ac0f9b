import numpy as np
import pytest

import tfsparse

WAY = tfsparse.ErrorCompensatedQuantization


def steps(way, count=200, scale=1.0):
    """Random gradients with a mean, and what is decoded of each, (count, weights)."""
    rng = np.random.default_rng(1)
    given = np.float32(scale * (0.2 + rng.normal(size=(count, 640))))
    return given, np.array([way.decode(way.encode([g]), [g])[0] for g in given])


def test_the_error_is_the_papers():
    given, found = steps(WAY(2, feedback=0.3, decay=0.8, bucket_size=64, seed=5))
    plain = WAY(2, feedback=0.0, bucket_size=64, seed=5)
    error = np.zeros(640, np.float32)
    for gradient, decoded in zip(given, found, strict=True):
        compensated = gradient + np.float32(0.3) * error
        (wanted,) = plain.decode(plain.encode([compensated]), [compensated])
        np.testing.assert_array_equal(decoded, wanted)
        error = np.float32(0.8) * error + gradient - decoded


def test_feedback_keeps_the_sum_near_the_sum_of_gradients():
    errors = {}
    for feedback in (0.0, 0.2):
        given, found = steps(WAY(4, feedback=feedback, decay=0.9, bucket_size=64))
        errors[feedback] = np.sqrt(np.mean((given.sum(axis=0) - found.sum(axis=0)) ** 2))
    assert errors[0.2] < 0.6 * errors[0.0]


def test_large_feedback_of_large_errors_grows():
    """As its page says, so that whoever changes the arguments knows the condition."""
    sizes = {}
    for feedback in (0.01, 0.5):
        _, found = steps(WAY(1, feedback=feedback, bucket_size=640), count=100)
        sizes[feedback] = np.square(found[-5:]).mean() / np.square(found[:5]).mean()
    assert 0.3 < sizes[0.01] < 3
    assert sizes[0.5] > 100


def test_levels_share_the_norm_of_their_bucket():
    value = np.float32(np.random.default_rng(0).normal(size=100))
    for norm, size in (("l2", np.linalg.norm), ("max", lambda x: np.abs(x).max())):
        way = WAY(3, norm=norm, bucket_size=40)
        (found,) = way.decode(way.encode([value]), [value])
        for part in (slice(0, 40), slice(40, 80), slice(80, 100)):
            units = found[part] / size(value[part]) * 3
            np.testing.assert_allclose(units, np.round(units), atol=1e-5)
            assert np.abs(units - value[part] / size(value[part]) * 3).max() < 1


def test_fewer_levels_take_fewer_bytes():
    value = [np.float32(np.random.default_rng(0).normal(size=50_000))]
    sizes = [len(WAY(levels, feedback=0.01).encode(value)) for levels in (1, 4, 16, 127)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 200_000 / 70
    assert sizes[-1] < 200_000 / 4


def test_gradients_of_another_model_are_refused():
    way = WAY()
    way.encode([np.zeros(3, np.float32)])
    with pytest.raises(ValueError, match=r"a new object for another model. Received: \[\(4,\)\]"):
        way.encode([np.zeros(4, np.float32)])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"levels": 0}, ValueError, "Expected levels to be an int from 1 to 127. Received: 0"),
        ({"levels": 128}, ValueError, "Received: 128"),
        ({"feedback": -1}, ValueError, "Expected feedback"),
        ({"feedback": "a"}, TypeError, "Expected feedback"),
        ({"decay": 1}, ValueError, r"Expected decay to be in \[0, 1\). Received: 1"),
        ({"norm": "l1"}, ValueError, "Expected norm to be 'l2' or 'max'. Received: 'l1'"),
        ({"bucket_size": 0}, ValueError, "Expected bucket_size to be a positive int"),
        ({"seed": 0.5}, ValueError, "Expected seed"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        WAY(**arguments)
