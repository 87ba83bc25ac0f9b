import numpy as np
import pytest

from tests.quantize.int8_models import gradient
from tfsparse.quantize.fake_quantization import fake_quantize_values, fake_quantize_weights

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "channel_axes", "others"),
    [
        ((3, 3, 4, 8), (-1,), (0, 1, 2)),
        ((3, 3, 8, 1), (-2, -1), (0, 1)),
        ((3, 3, 8, 4), (-2,), (0, 1, 3)),
    ],
    ids=["convolution", "depthwise", "transposed"],
)
def test_weights_have_254_steps_a_channel_and_keep_their_zeros(shape, channel_axes, others):
    kept = RNG.random(shape) < 0.5
    kept[0, 0] = True  # no channel without weights: that is another test
    weights = RNG.normal(size=shape).astype(np.float32) * kept
    weights[..., :1] *= 100  # one channel that would leave nothing of the others
    rounded = fake_quantize_weights(weights, channel_axes).numpy()
    scale = np.abs(weights).max(others, keepdims=True) / 127
    steps = rounded / scale
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    assert (np.abs(rounded - weights) <= 0.5001 * scale).all()
    np.testing.assert_array_equal(rounded[weights == 0], 0)


def test_a_factor_on_a_channel_is_one_on_its_scale():
    """So the weights may be rounded before BatchNormalization is folded into them."""
    weights = RNG.normal(size=(1, 1, 6, 4)).astype(np.float32)
    factors = np.array([0.5, -2, 4, 1], np.float32)
    folded = fake_quantize_weights(weights * factors, (-1,)).numpy()
    np.testing.assert_allclose(folded, fake_quantize_weights(weights, (-1,)) * factors, rtol=1e-5)


def test_a_channel_of_zeros_stays_so():
    weights = np.zeros((1, 1, 4, 2), np.float32)
    np.testing.assert_array_equal(fake_quantize_weights(weights, (-1,)), weights)


def test_gradients_pass_through_the_rounding():
    weights = RNG.normal(size=(3, 3, 2, 4))
    np.testing.assert_array_equal(gradient(lambda w: fake_quantize_weights(w, (-1,)), weights), 1)
    x = np.array([-3, -1.01, 0, 0.3, 1.99, 2.5])
    limits = (-1.0, 2.0)
    np.testing.assert_array_equal(
        gradient(lambda x: fake_quantize_values(x, limits), x), [0, 0, 1, 1, 1, 0]
    )


def test_values_have_255_steps_one_of_which_is_zero():
    x = np.linspace(-2, 3, 1001).astype(np.float32)
    rounded = fake_quantize_values(x, (-1.0, 2.0)).numpy()
    assert len(np.unique(rounded)) == 256
    assert 0 in rounded
    np.testing.assert_allclose([rounded.min(), rounded.max()], [-1, 2], atol=3 / 255)
