import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.graph.shrinking import (
    assert_computes_the_same,
    assert_shrinks,
    kill_at_random,
    randomize,
    remove_channels,
)

L = keras.layers


def sequential(*layers, shape=(6, 6, 3)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([L.Input(shape), *layers])
    randomize(model)
    return model


def functional(function, shape=(6, 6, 3)):
    keras.utils.set_random_seed(0)
    inputs = L.Input(shape)
    model = keras.Model(inputs, function(inputs))
    randomize(model)
    return model


def residual(x):
    x = L.BatchNormalization()(L.Conv2D(6, 3, padding="same", use_bias=False)(x))
    for activation in "relu", "swish":
        y = L.Activation(activation)(L.Conv2D(5, 3, padding="same")(x))
        x = L.Add()([x, L.BatchNormalization()(L.Conv2D(6, 3, padding="same")(y))])
    return L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x))


def squeeze_and_excite(x):
    x = L.Conv2D(8, 1, activation="hard_swish")(x)
    gate = L.Conv2D(4, 1, activation="relu")(L.GlobalMaxPooling2D(keepdims=True)(x))
    gate = keras.ops.relu6(L.Conv2D(8, 1)(gate) + 3.0) * (1 / 6)
    return L.Conv2D(2, 1)(L.Multiply()([x, gate]))


def dense_block(x):
    for _ in range(3):
        x = L.Concatenate()([x, L.Conv2D(4, 3, padding="same", activation="relu")(x)])
    return L.Conv2D(2, 1)(L.AveragePooling2D(2)(L.BatchNormalization()(x)))


def decoder(x):
    skip = L.Conv2D(6, 3, padding="same")(x)
    x = L.MaxPooling2D()(L.LeakyReLU()(skip))
    x = L.Conv2DTranspose(6, 2, 2)(L.SeparableConv2D(5, 2, depth_multiplier=2)(x))
    x = L.UpSampling2D()(L.ZeroPadding2D(((0, 1), (0, 1)))(L.Cropping2D(1)(x)))
    return L.Conv2D(1, 1)(L.Maximum()([L.Resizing(6, 6)(x), skip]))


def grouped(x):
    x = L.Conv2D(8, 1, activation="relu")(x)
    x = L.PReLU(shared_axes=[1, 2])(L.Conv2D(12, 3, groups=4)(x))
    x = L.Conv2D(24, 3, padding="same", groups=12)(x)
    return L.Conv2D(2, 1)(L.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh")(x))


def pictures_from_a_vector(x):
    x = L.Dense(32, activation="relu")(L.Dropout(0.5)(L.Flatten()(x)))
    x = L.Conv2D(6, 2)(L.Reshape((2, 2, 8))(x))
    return L.Dense(3)(L.Flatten()(L.Permute((2, 1, 3))(x)))


def signal(x):
    x = L.Reshape((6, 18))(x)
    x = L.Conv1D(8, 3, padding="causal", activation="elu")(x)
    x = L.SeparableConv1D(6, 2)(L.MaxPooling1D()(L.DepthwiseConv1D(2, padding="same")(x)))
    return L.Dense(2)(L.Conv1DTranspose(4, 2)(x))


def shared_and_nested(x):
    first = L.Conv2D(6, 1)
    block = keras.Sequential([L.Input((None, None, 4)), first, L.ReLU(), L.Conv2D(4, 1)])
    x = L.Conv2D(4, 1)(x)
    y = block(L.Subtract()([x, block(x)]))
    inputs = {"b": L.Input((6, 6, 6), name="b"), "a": L.Input((6, 6, 4), name="a")}
    merge = keras.Model(inputs, L.Concatenate()([inputs["a"], inputs["b"]]))
    return L.Conv2D(1, 1)(merge({"a": y, "b": first(x)}))


ARCHITECTURES = [
    residual,
    squeeze_and_excite,
    dense_block,
    decoder,
    grouped,
    pictures_from_a_vector,
    signal,
    shared_and_nested,
]


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_removed_channels_are_gone(architecture, seed):
    model = functional(architecture)
    cost = remove_channels(model, seed=seed)
    assert_shrinks(model, cost)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_weights_that_are_zero_at_random(architecture, seed):
    model = functional(architecture)
    kill_at_random(model, seed)
    assert_computes_the_same(model)


def test_a_model_without_dead_channels_stays():
    assert_shrinks(functional(residual), smaller=False)


def test_unstructured_pruning_leaves_dead_channels():
    model = functional(residual)
    tfsparse.GradualPruning(0.97, scope="all", distribution="global").apply(model)
    assert_shrinks(model)


def kill(layer, *channels):
    """Zeroes the weights that make channels, but not the biases."""
    kernel = layer.kernel.numpy()
    kernel[..., list(channels)] = 0
    layer.kernel.assign(kernel)


def test_a_constant_moves_into_a_bias():
    model = sequential(
        L.Conv2D(4, 1, activation="relu"),
        L.BatchNormalization(),
        L.Activation("sigmoid"),
        L.Conv2D(2, 3),
    )
    kill(model.layers[0], 1, 2)
    shrunk = assert_shrinks(model)
    assert [layer.filters for layer in (shrunk.layers[0], shrunk.layers[3])] == [2, 2]


def test_a_constant_moves_through_pooling_and_flatten_into_a_dense_layer():
    model = sequential(L.Conv2D(4, 3), L.AveragePooling2D(2), L.Flatten(), L.Dense(2))
    kill(model.layers[0], 0)
    shrunk = assert_shrinks(model)
    assert shrunk.layers[-1].kernel.shape == (12, 2)


def test_a_constant_moves_into_the_statistics_of_a_normalization():
    model = sequential(
        L.Conv2D(4, 1), L.Conv2D(3, 3, use_bias=False), L.BatchNormalization(), L.ReLU()
    )
    kill(model.layers[0], 3)
    shrunk = assert_shrinks(model)
    assert not shrunk.layers[1].use_bias


def test_a_layer_without_a_bias_gets_one_for_a_constant():
    model = sequential(L.Conv2D(4, 1), L.Conv2D(2, 3, use_bias=False, activation="tanh"))
    kill(model.layers[0], 3)
    shrunk = assert_shrinks(model)
    assert shrunk.layers[1].use_bias


def test_a_constant_that_padding_interrupts_stays():
    model = sequential(L.Conv2D(4, 1), L.Conv2D(2, 3, padding="same"))
    kill(model.layers[0], 3)
    assert_shrinks(model, smaller=False)
    model.layers[0].bias.assign([1, 1, 1, 0])
    shrunk = assert_shrinks(model)
    assert shrunk.layers[0].filters == 3


def test_a_gamma_of_zero_makes_a_constant():
    model = sequential(L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU(), L.Conv2D(2, 1))
    model.layers[1].gamma.assign([0, 1, 0, 1])
    assert assert_shrinks(model).layers[0].filters == 2


def test_what_only_dead_channels_read_is_dead():
    model = sequential(*[L.Conv2D(4, 1, activation="tanh") for _ in range(3)], L.Conv2D(1, 1))
    last = model.layers[3].kernel.numpy()
    last[0, 0, :2] = 0
    model.layers[3].kernel.assign(last)
    for layer in model.layers[1:3]:
        # Channels 0 and 1 are read by channels 0 and 1 alone.
        kernel = layer.kernel.numpy()
        kernel[0, 0, :2, 2:] = 0
        layer.kernel.assign(kernel)
    assert [layer.filters for layer in assert_shrinks(model).layers] == [2, 2, 2, 1]


def test_a_residual_channel_that_only_keeps_itself_alive_is_dead():
    keras.utils.set_random_seed(0)
    inputs = L.Input((4, 4, 3))
    x = L.Conv2D(3, 1)(inputs)
    block = L.Conv2D(3, 1), L.Conv2D(3, 1)
    y = block[1](L.ReLU()(block[0](x)))
    head = L.Conv2D(2, 1)
    model = keras.Model(inputs, head(L.Add()([x, y])))
    for layer in block:
        layer.kernel.assign(layer.kernel.numpy() * np.eye(3))
    head.kernel.assign(head.kernel.numpy() * np.array([[0], [1], [1]]))
    shrunk = assert_shrinks(model)
    assert sum(layer.filters for layer in shrunk.layers if hasattr(layer, "filters")) == 2 * 3 + 2


def test_a_dead_group_keeps_one_channel():
    model = functional(residual)
    for layer in model.layers:
        if isinstance(layer, L.Conv2D) and layer.filters == 5:
            layer.kernel.assign(np.zeros(layer.kernel.shape))
            layer.bias.assign(np.zeros(5))
    shrunk = assert_shrinks(model)
    assert [x.filters for x in shrunk.layers if isinstance(x, L.Conv2D)] == [6, 1, 6, 1, 6]


def test_a_shared_layer_keeps_a_channel_whose_constants_differ():
    def build(x):
        shared = L.Conv2D(2, 1, name="shared")
        first, second = L.Conv2D(4, 1, name="first")(x), L.Conv2D(4, 1, name="second")(x)
        return L.Concatenate()([shared(first), shared(second)])

    model = functional(build)
    for name in "first", "second":
        kill(model.get_layer(name), 0, 1)
        model.get_layer(name).bias.assign([0.5, len(name), 1, 2])
    shrunk = assert_shrinks(model)
    assert shrunk.get_layer("first").filters == 3


def test_a_dead_group_may_be_another_constant_at_each_call():
    def build(x):
        shared = L.Conv2D(2, 1, name="shared")
        first, second = L.Conv2D(4, 1, name="first")(x), L.Conv2D(4, 1, name="second")(x)
        return L.Conv2D(1, 1)(L.Concatenate()([shared(first), shared(second), x]))

    model = functional(build)
    kill(model.get_layer("first"), *range(4))
    kill(model.get_layer("second"), *range(4))
    shrunk = assert_shrinks(model)
    assert [shrunk.get_layer(name).filters for name in ("first", "shared")] == [1, 1]


def test_a_shared_layer_and_one_that_is_not_read_the_same_channels():
    def build(x):
        shared = L.Conv2D(2, 1, name="shared")
        first, second = L.Conv2D(4, 1, name="first")(x), L.Conv2D(4, 1, name="second")(x)
        alone = [L.Conv2D(2, 1)(first), L.Conv2D(2, 1)(second)]
        return L.Concatenate()([shared(first), shared(second), *alone])

    model = functional(build)
    kill(model.get_layer("first"), 0)
    kill(model.get_layer("second"), 0)
    assert_computes_the_same(model)


def test_layers_that_cannot_be_followed_keep_their_channels():
    axis = -1
    reverse = L.Lambda(lambda x: keras.ops.flip(x, axis), output_shape=(6, 6, 4))
    model = sequential(L.Conv2D(4, 1), L.Conv2D(4, 1), reverse, L.Conv2D(4, 1), L.Softmax())
    for layer in model.layers[0], model.layers[1]:
        kill(layer, 0)
        layer.bias.assign([0, 1, 1, 1])
    shrunk = assert_shrinks(model)
    assert [shrunk.layers[i].filters for i in (0, 1, 3)] == [3, 4, 4]


def test_configuration_and_state_of_training_are_kept():
    regularizer = keras.regularizers.L2(0.1)
    model = sequential(
        L.Conv2D(4, 1, kernel_regularizer=regularizer, dtype="mixed_bfloat16", name="a"),
        L.BatchNormalization(momentum=0.5, trainable=False),
        L.Dense(2, name="b"),
    )
    model.compile(keras.optimizers.Adam(0.5), "mse")
    remove_channels(model)
    shrunk = tfsparse.shrink(model)
    assert shrunk.name == model.name
    conv, norm, _ = shrunk.layers
    assert conv.filters == 3
    assert conv.kernel_regularizer.l2 == regularizer.l2
    assert conv.dtype_policy.name == "mixed_bfloat16"
    assert norm.momentum == 0.5
    assert not norm.trainable
    assert shrunk.optimizer.learning_rate.numpy() == 0.5
    assert shrunk.optimizer.iterations.numpy() == 0
    shrunk.fit(np.zeros((2, 6, 6, 3)), np.zeros((2, 6, 6, 2)), verbose=0)


def test_a_shrunk_model_saves_and_shrinks_no_further(tmp_path):
    model = functional(squeeze_and_excite)
    remove_channels(model)
    shrunk = assert_shrinks(model)
    assert_shrinks(shrunk, smaller=False)
    shrunk.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.ones((1, 6, 6, 3), np.float32)
    np.testing.assert_array_equal(loaded(x), shrunk(x))


def test_the_examples_of_the_page_run():
    page = (Path(__file__).parents[2] / "docs" / "shrink.md").read_text()
    names = {"tfsparse": tfsparse, "model": functional(residual)}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/shrink.md", "exec"), names)
    assert names["smaller"].count_params() < names["model"].count_params() / 2


def test_several_inputs_and_outputs():
    keras.utils.set_random_seed(0)
    a, b = L.Input((4, 4, 3)), L.Input((4, 4, 2))
    x = L.Add()([L.Conv2D(5, 1)(a), L.Conv2D(5, 1)(b)])
    model = keras.Model([a, b], [L.Conv2D(2, 1)(x), L.GlobalAveragePooling2D()(L.ReLU()(x))])
    assert_shrinks(model, smaller=False)
    model = keras.Model([a, b], [L.Conv2D(2, 1)(x), L.Dense(1)(L.GlobalAveragePooling2D()(x))])
    assert_shrinks(model, remove_channels(model))


def half(x):
    """An activation of one's own, of no name that Keras knows."""
    return keras.ops.relu(x) * 0.5


def test_activations_and_regularizers_of_ones_own():
    regularizer = keras.regularizers.L2()
    options = {"kernel_regularizer": lambda weights: regularizer(weights), "activation": half}
    layers = L.Conv2D(4, 1), L.Conv2D(4, 1, **options), L.Conv2D(2, 1, activation=L.PReLU())
    model = sequential(*layers)
    model(np.zeros((1, 6, 6, 3)))  # Keras builds a layer that is an activation when it runs
    model.layers[2].activation.alpha.assign(np.full((6, 6, 2), 0.3))
    kill(model.layers[0], 0)
    shrunk = assert_shrinks(model)
    assert shrunk.layers[1].activation is half
    assert shrunk.layers[1].kernel_regularizer is options["kernel_regularizer"]


def test_preprocessing_layers_keep_what_they_have_adapted_to():
    words, numbers = L.TextVectorization(), L.Normalization()
    words.adapt(["a cat sat", "a dog"])
    numbers.adapt(np.arange(12.0).reshape(4, 3))
    first, second = L.Input((1,), dtype="string"), L.Input((3,))
    x = L.GlobalAveragePooling1D()(L.Embedding(9, 4)(words(first)))
    x = L.Dense(6, activation="relu")(L.Concatenate()([x, numbers(second)]))
    model = keras.Model({"words": first, "numbers": second}, L.Dense(2)(x))
    remove_channels(model)
    shrunk = tfsparse.shrink(model)
    inputs = {"words": tf.constant([["a dog sat"]]), "numbers": tf.ones((1, 3))}
    np.testing.assert_allclose(shrunk(inputs), model(inputs), rtol=1e-6)
    assert shrunk.count_params() < model.count_params()


def test_losses_of_ones_own():
    def loss(y, outputs):
        return keras.ops.mean((y - outputs) ** 4)

    model = sequential(L.Conv2D(4, 1), L.Conv2D(2, 1))
    model.compile("adam", loss)
    remove_channels(model)
    assert tfsparse.shrink(model).loss is loss


def test_a_model_keeps_its_class():
    class Own(keras.Sequential):
        pass

    model = Own([L.Input((6, 6, 3)), L.Conv2D(4, 1), L.Conv2D(2, 1)])
    assert type(tfsparse.shrink(model)) is Own


def test_a_layer_that_cannot_be_made_anew_raises():
    class Hidden(L.Layer):
        def call(self, x):
            return self.function(x)

        def build(self, shape):
            self.function = self.function or keras.ops.sin

        function = None

    model = sequential(L.Conv2D(4, 1), Hidden(name="hidden"), L.Conv2D(2, 1))
    model.layers[1].function = keras.ops.cos
    with pytest.raises(ValueError, match=r"gives other outputs.*'hidden' \(Hidden\)"):
        tfsparse.shrink(model)
