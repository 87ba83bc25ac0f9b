import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse.gradients.sparse_backward import SparseBackward
from tfsparse.quantize import input_gram
from tfsparse.quantize.input_gram import InputGram, obstacle

layers = keras.layers
RNG = np.random.default_rng(0)
CASES = {
    "convolution": (lambda: layers.Conv2D(5, 3, 2, "same", use_bias=False), (4, 9, 8, 3)),
    "dilated": (lambda: layers.Conv2D(5, 3, dilation_rate=2, use_bias=False), (4, 9, 8, 3)),
    "pointwise": (lambda: layers.Conv2D(5, 1, 2, use_bias=False), (4, 8, 8, 3)),
    "dense": (lambda: layers.Dense(5, use_bias=False), (6, 7)),
    "dense of sequences": (lambda: layers.Dense(5, use_bias=False), (6, 4, 7)),
}


def built(case):
    make, shape = CASES[case]
    layer = make()
    layer.build(shape)
    return layer, np.float32(RNG.normal(size=shape))


def begun(layer):
    gram = InputGram(layer, tf.distribute.get_strategy())
    gram.begin()
    return gram


@pytest.mark.parametrize("case", CASES)
def test_it_gives_the_sums_of_squares_of_the_outputs(case):
    layer, x = built(case)
    gram = begun(layer)
    with gram:
        outputs = layer(x)
    kernel = layer.kernel.numpy().reshape(-1, 5)
    squares = np.sum(outputs.numpy().reshape(-1, 5) ** 2, axis=0)
    np.testing.assert_allclose(np.diag(kernel.T @ gram.matrix() @ kernel), squares, rtol=1e-4)
    before = gram.matrix()
    layer(x)
    np.testing.assert_array_equal(gram.matrix(), before)


def test_it_begins_anew_and_frees_its_memory():
    layer, x = built("dense")
    gram = begun(layer)

    @tf.function
    def step():
        layer(x)

    with gram:
        step()
        first = gram.matrix()
        step()
        assert not np.array_equal(gram.matrix(), first)
        gram.begin()
        step()
        np.testing.assert_array_equal(gram.matrix(), first)
        gram.end()
        assert not gram.matrix().size
        gram.begin()
        step()
    np.testing.assert_array_equal(gram.matrix(), first)
    assert step.experimental_get_tracing_count() == 1


def test_few_positions_are_looked_at(monkeypatch):
    monkeypatch.setattr(input_gram, "_POSITIONS", 50)
    layer, x = built("convolution")
    gram = begun(layer)
    with gram:
        layer(np.tile(x, (100, 1, 1, 1)))
    centre = gram.matrix()[4 * 3, 4 * 3]
    assert 0 < centre < 4 * 50


def test_it_goes_together_with_other_gradients():
    layer, x = built("dense")
    gram, sparse = begun(layer), SparseBackward(layer, 2, True)
    with sparse, gram:
        layer(x)
    assert gram.matrix().any()
    assert "call" not in vars(layer)
    with pytest.raises(ValueError, match="before it in the list"), gram, sparse:
        layer(x)
    assert "call" not in vars(layer)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Conv1D(4, 3), (1, 8, 4), "its class is Conv1D"),
        (layers.Conv2D(4, 3, groups=2), (1, 8, 8, 4), "it has 2 groups"),
        (layers.Conv2D(4, 3, data_format="channels_first"), (1, 4, 8, 8), "channels_first"),
        (layers.Dense(4), (1, 9000), "9000 inputs, more than 8192"),
        (layers.Dense(4), (1, 9), ""),
    ],
)
def test_other_layers_have_an_obstacle(layer, shape, message):
    layer.build(shape)
    assert message in obstacle(layer)
    assert bool(message) == bool(obstacle(layer))
