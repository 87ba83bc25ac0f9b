"""Whether a model's outputs are those of another."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsparse.graph.equivalence import check_outputs

L = keras.layers


def models(make, *inputs):
    """Returns two models of the same weights, the second with a factor of its own."""

    def build(factor):
        keras.utils.set_random_seed(0)
        given = [L.Input(shape, dtype=dtype) for shape, dtype in inputs]
        return keras.Model(given, make(*given) * factor)

    return build


PICTURES = models(L.Conv2D(2, 3), ((None, None, 3), "float32"))
TOKENS = models(lambda x: L.Embedding(2, 3)(x), ((None,), "int32"))
TWO = models(lambda x, y: L.Dense(2)(L.Concatenate()([x, y])), ((3,), "float32"), ((2,), "uint8"))
HALF = models(L.Dense(2, dtype="mixed_bfloat16"), ((3,), "float32"))


@pytest.mark.parametrize("build", [PICTURES, TOKENS, TWO, HALF])
def test_other_outputs_raise(build):
    check_outputs(build(1.0), build(1.00001))
    with pytest.raises(ValueError, match="gives other outputs"):
        check_outputs(build(1.0), build(1.2))


def test_words_that_a_model_knows_are_looked_up():
    def build(words):
        layer = L.StringLookup(vocabulary=words, output_mode="one_hot")
        return keras.Sequential([L.Input((1,), dtype="string"), layer])

    check_outputs(build(["a", "b", "c"]), build(["a", "b", "c"]))
    with pytest.raises(ValueError, match="gives other outputs"):
        check_outputs(build(["a", "b", "c"]), build(["c", "a", "b"]))


def test_a_model_that_is_random_cannot_be_checked():
    class Noise(L.Layer):
        def call(self, x):
            return x + keras.random.normal(keras.ops.shape(x))

    build = models(Noise(), ((3,), "float32"))
    check_outputs(build(1.0), build(2.0))


def test_a_model_that_refuses_random_inputs_cannot_be_checked():
    class Strict(L.Layer):
        def call(self, x):
            if tf.executing_eagerly():
                raise ValueError("Expected inputs of the real world.")
            return x

    build = models(Strict(), ((3,), "float32"))
    check_outputs(build(1.0), build(2.0))


def test_values_that_are_not_finite_are_equal_to_themselves():
    def infinite(x):
        return keras.ops.log(x * 0)

    build = models(infinite, ((3,), "float32"))
    check_outputs(build(1.0), build(1.0))
    with pytest.raises(ValueError, match="gives other outputs"):
        check_outputs(build(1.0), build(np.inf * 0))
