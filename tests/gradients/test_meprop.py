import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.prune.interrupt import Interrupt
from tfsparse.gradients.sparse_backward import SparseBackward

layers = keras.layers
RNG = np.random.default_rng(0)
X = np.float32(RNG.normal(size=(16, 6, 6, 3)))
Y = RNG.integers(0, 4, 16)
CASES = {
    "dense": (lambda: layers.Dense(8, "relu"), (5, 7)),
    "dense of sequences": (lambda: layers.Dense(8, use_bias=False), (5, 4, 7)),
    "conv2d": (lambda: layers.Conv2D(8, 3, 2, "same", activation="tanh"), (2, 7, 6, 3)),
}


def network(jit_compile=False):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, padding="same", name="first")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(12, 1, activation="relu", name="second")(x)
    x = layers.Dense(10, activation="relu", name="third")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(4, name="last")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit_compile)
    return model


def fit(model, *callbacks, epochs=2, **options):
    return model.fit(X, Y, 16, epochs, verbose=0, callbacks=list(callbacks), **options)


def changed(before, after):
    """How many columns of a kernel differ."""
    return int((before != after).any(axis=tuple(range(before.ndim - 1))).sum())


def gradients_of(layer, x, weights, context=None):
    """The outputs, and the gradients of the inputs and the variables of a weighted sum of them."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        if context is None:
            y = layer(x)
        else:
            with context:
                y = layer(x)
        loss = tf.reduce_sum(y * weights)
    variables = [v.value for v in layer.trainable_variables]
    found = tape.gradient(loss, [x, *variables])
    return y.numpy(), [g.numpy() for g in found]


def wanted_gradients(layer, x, weights, count, unified):
    """The gradients with the mask that the paper has, of the output before bias and activation."""
    activation, layer.activation = layer.activation, keras.activations.linear
    x = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        product = layer(x)
        loss = tf.reduce_sum(activation(product) * weights)
    dense = tape.gradient(loss, product).numpy()
    sizes = np.abs(dense)
    if unified:
        sizes = np.broadcast_to(sizes.sum(axis=tuple(range(dense.ndim - 1))), dense.shape)
    least = np.sort(sizes, axis=-1)[..., -count : -count + 1 or None]
    kept = np.where(sizes >= least, dense, 0)
    found = tape.gradient(product, [x, layer.kernel.value], tf.constant(kept))
    layer.activation = activation
    return [g.numpy() for g in found], kept


@pytest.mark.parametrize("unified", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_largest(case, unified):
    make, shape = CASES[case]
    layer, x = make(), np.float32(RNG.normal(size=shape))
    layer.build(shape)
    weights = np.float32(RNG.normal(size=layer.compute_output_shape(shape)))
    output, dense = gradients_of(layer, x, weights)
    context = SparseBackward(layer, 3, unified)
    same, found = gradients_of(layer, x, weights, context)
    np.testing.assert_allclose(same, output, rtol=1e-6)
    wanted, kept = wanted_gradients(layer, x, weights, 3, unified)
    assert 0 < np.count_nonzero(kept) < 0.5 * kept.size
    for a, b, whole in zip(found[:2], wanted, dense[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        assert not np.allclose(a, whole, atol=1e-3)
    for a, b in zip(found[2:], dense[2:], strict=True):  # the bias
        np.testing.assert_allclose(a, b, rtol=1e-5)
    np.testing.assert_allclose(gradients_of(layer, x, weights)[1][0], dense[0], rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_step_changes_k_columns(jit_compile):
    model = network(jit_compile)
    before = {name: model.get_layer(name).kernel.numpy() for name in ("first", "second", "last")}
    fit(model, tfsparse.MeProp(3), epochs=1)
    counts = {
        name: changed(kernel, model.get_layer(name).kernel.numpy())
        for name, kernel in before.items()
    }
    assert counts == {"first": 3, "second": 3, "last": 4}


def test_a_fraction_is_of_the_channels_of_each_layer():
    model = network()
    before = {name: model.get_layer(name).kernel.numpy() for name in ("first", "second", "last")}
    fit(model, tfsparse.MeProp(0.25, scope="all"), epochs=1)
    counts = [changed(k, model.get_layer(name).kernel.numpy()) for name, k in before.items()]
    assert counts == [2, 3, 1]


def test_all_channels_are_a_plain_training():
    plain, whole = network(), network()
    logs = [fit(plain).history, fit(whole, tfsparse.MeProp(1000)).history]
    np.testing.assert_allclose(logs[0]["loss"], logs[1]["loss"], rtol=1e-5)


def test_before_begin_and_after_the_fit_it_is_a_plain_training():
    plain, late = network(), network()
    wanted = fit(plain, epochs=4).history["loss"]
    found = fit(late, tfsparse.MeProp(1, begin=2), epochs=4).history["loss"]
    np.testing.assert_allclose(found[:3], wanted[:3], rtol=1e-5)
    assert found[3] != pytest.approx(wanted[3], rel=1e-5)
    late.set_weights(plain.get_weights())
    np.testing.assert_allclose(fit(late).history["loss"], fit(plain).history["loss"], rtol=1e-4)


def test_it_learns():
    history = fit(network(), tfsparse.MeProp(0.3), epochs=25).history["loss"]
    assert history[-1] < 0.5 * history[0]


def test_an_interrupt_leaves_a_plain_model(tmp_path):
    model = network()
    with pytest.raises(KeyboardInterrupt):
        fit(model, tfsparse.MeProp(1), Interrupt(1))
    for layer in model.layers:
        assert not {"call", "convolution_op"} & set(vars(layer))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(fit(model).history["loss"][0], fit(again).history["loss"][0])
    fit(model, tfsparse.MeProp(1))


def test_it_goes_together_with_pruning():
    model = network()
    fit(model, tfsparse.MeProp(2), tfsparse.GradualPruning(0.5, scope="all"), epochs=4)
    kernel = model.get_layer("second").kernel.numpy()
    assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.02)


def test_it_goes_together_with_quantization_aware_training():
    """Outputs are those of int8, and so are the gradients that are kept."""
    int8 = tfsparse.QuantizationAwareTraining
    both, rounded, plain = (network() for _ in range(3))
    before = {name: both.get_layer(name).kernel.numpy() for name in ("first", "second", "third")}
    losses = [
        fit(model, *callbacks, epochs=1).history["loss"][0]
        for model, callbacks in (
            (both, (tfsparse.MeProp(3), int8())),
            (rounded, (int8(),)),
            (plain, ()),
        )
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] != pytest.approx(losses[2], rel=1e-6)
    for name, kernel in before.items():
        assert changed(kernel, both.get_layer(name).kernel.numpy()) == 3
    # Behind the last one there is no MeProp yet.
    found, wanted = (model.get_layer("third").kernel.numpy() for model in (both, rounded))
    kept = (found != before["third"]).any(axis=0)
    np.testing.assert_allclose(found[:, kept], wanted[:, kept], rtol=1e-5, atol=1e-7)


def test_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = network()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    before = model.get_layer("third").kernel.numpy()
    fit(model, tfsparse.MeProp(2), epochs=1)
    assert changed(before, model.get_layer("third").kernel.numpy()) == 2


def test_other_layers_keep_their_gradients():
    inputs = keras.Input((6, 6, 3))
    x = layers.SeparableConv2D(4, 3)(inputs)
    model = keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match="matches no Dense or Conv2D layer without groups"):
        fit(model, tfsparse.MeProp(1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 0}, ValueError, "Expected k to be a positive int. Received: 0"),
        ({"k": 1.0}, ValueError, r"Expected k to be in \(0, 1\).*Received: 1.0"),
        ({"k": "1"}, TypeError, "Expected k"),
        ({"unified": 1}, TypeError, "Expected unified to be a bool"),
        ({"scope": {"*": 0.5}}, TypeError, "k is a fraction for all layers"),
        ({"scope": "some"}, ValueError, "all_but_last"),
        ({"begin": -1}, ValueError, "begin"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        tfsparse.MeProp(**arguments)
