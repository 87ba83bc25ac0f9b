"""The losses against what NumPy computes from their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.distill.networks import CLASSES, Subclassed, data, network, student, teacher
from tfsparse.distill import (
    AttentionTransfer,
    Distiller,
    FSPDistillation,
    HintDistillation,
    LogitsDistillation,
)

X, Y = data(8)


def outputs_of(model, *names):
    """What layers of a model return in inference, as arrays of float64."""
    outputs = [model.get_layer(name).output for name in names]
    return [np.float64(x) for x in tf.nest.flatten(keras.Model(model.inputs, outputs)(X))]


def measured(loss, large, small, sample_weight=None):
    """The distillation loss that a step at a learning rate of 0 logs, with its Distiller."""
    distiller = Distiller(large, small, loss)
    still = keras.optimizers.SGD(0.0)
    distiller.compile(still, "sparse_categorical_crossentropy", run_eagerly=True)
    small.get_layer("norm").trainable = False  # so that it runs as in inference
    logs = distiller.train_on_batch(X, Y, sample_weight=sample_weight, return_dict=True)
    return logs["distillation_loss"], distiller


def softened(logits, temperature):
    e = np.exp(logits / temperature)
    return e / e.sum(axis=-1, keepdims=True)


def kl(p, q):
    return (p * np.log(p / q)).sum(axis=-1)


def maps(features):
    """The attention maps, one row an example."""
    energy = (features**2).sum(axis=-1).reshape(len(features), -1)
    return energy / np.linalg.norm(energy, axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("last", [("softmax", "softmax"), ("linear", "softmax"), (None, None)])
def test_logits(last, temperature):
    large, small = teacher(last=last[0]), student(last=last[1])
    (t,), (s,) = (outputs_of(model, "classifier") for model in (large, small))
    wanted = temperature**2 * kl(softened(t, temperature), softened(s, temperature)).mean()
    found, _ = measured(LogitsDistillation(temperature), large, small)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_probabilities_far_below_epsilon_count():
    # Keras's losses clip at 1e-7, which at a temperature of 4 is another distribution.
    large, small = teacher(), student()
    kernel, bias = large.get_layer("classifier").get_weights()
    large.get_layer("classifier").set_weights([kernel, np.add(bias, [40, 0, -10, 5])])
    (t,), (s,) = (outputs_of(model, "classifier") for model in (large, small))
    found, _ = measured(LogitsDistillation(4.0), large, small)
    assert found == pytest.approx(16 * kl(softened(t, 4), softened(s, 4)).mean(), rel=1e-4)


def test_logits_of_each_position():
    def tagger(units, seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((None,), dtype="int32")
        x = keras.layers.Embedding(10, units, mask_zero=True)(inputs)
        return keras.Model(inputs, keras.layers.Dense(3)(x))

    large, small = tagger(6, 1), tagger(4, 2)
    words = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    distiller = Distiller(large, small, LogitsDistillation(2.0))
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(keras.optimizers.SGD(0.0), crossentropy, run_eagerly=True)
    logs = distiller.train_on_batch(words, np.zeros((2, 4), int), return_dict=True)
    each = 4 * kl(*(softened(np.float64(model(words)), 2) for model in (large, small)))
    assert logs["distillation_loss"] == pytest.approx(each[words > 0].mean(), rel=1e-4)


def test_hint_of_the_same_width():
    large, small = teacher(8), student(8)
    (t,), (s,) = outputs_of(large, "second"), outputs_of(small, "second")
    found, distiller = measured(HintDistillation("second"), large, small)
    assert found == pytest.approx(np.mean((t - s) ** 2), rel=1e-4)
    assert len(distiller.trainable_variables) == len(small.trainable_variables)


def test_hint_of_another_width():
    large, small = teacher(16), student(8)
    (t,), (s,) = outputs_of(large, "second"), outputs_of(small, "second")
    loss = HintDistillation("second")
    found, distiller = measured(loss, large, small)
    kernel, bias = map(np.float64, loss.projector.get_weights())
    assert kernel.shape == (8, 16)
    assert found == pytest.approx(np.mean((t - (s @ kernel + bias)) ** 2), rel=1e-4)
    assert len(distiller.trainable_variables) == len(small.trainable_variables) + 2


def test_hint_of_layers_without_positions():
    large, small = teacher(16), student(8)
    loss = HintDistillation("mean")
    (t,), (s,) = outputs_of(large, "mean"), outputs_of(small, "mean")
    found, _ = measured(loss, large, small)
    kernel, bias = map(np.float64, loss.projector.get_weights())
    assert found == pytest.approx(np.mean((t - (s @ kernel + bias)) ** 2), rel=1e-4)


def test_attention():
    large, small = teacher(16), student(8)
    (t,), (s,) = outputs_of(large, "first"), outputs_of(small, "first")
    found, _ = measured(AttentionTransfer("first", beta=10.0), large, small)
    assert found == pytest.approx(10 * np.mean((maps(t) - maps(s)) ** 2), rel=1e-4)


def test_attention_of_a_layer_that_is_nowhere_active():
    large, small = teacher(16), student(8)
    small.get_layer("norm").set_weights([np.zeros(8), -np.ones(8), np.zeros(8), np.ones(8)])
    found, _ = measured(AttentionTransfer("first", beta=1.0), large, small)
    (t,) = outputs_of(large, "first")
    assert found == pytest.approx(np.mean(maps(t) ** 2), rel=1e-4)
    assert all(np.isfinite(w).all() for w in small.get_weights())


def test_flow_between_layers_of_different_sizes():
    large, small = teacher(8), student(8)

    def flow(model):
        first, second = outputs_of(model, "first", "second")
        pooled = first.reshape(8, 4, 2, 4, 2, 8).max(axis=(2, 4))
        return np.einsum("nyxi,nyxj->nij", pooled, second) / 16

    found, _ = measured(FSPDistillation(("first", "second")), large, small)
    assert found == pytest.approx(np.mean((flow(large) - flow(small)) ** 2), rel=1e-4)
    backwards = FSPDistillation(("second", "first"), ("second", "first"))
    found, _ = measured(backwards, teacher(8), small)
    assert found == pytest.approx(np.mean((flow(large) - flow(small)) ** 2), rel=1e-4)


def test_weights_of_examples():
    large, small = teacher(16), student(8)
    weights = np.arange(8.0)
    t, s = (outputs_of(model, "classifier", "first") for model in (large, small))
    each = 9 * kl(softened(t[0], 3), softened(s[0], 3))
    found, _ = measured(LogitsDistillation(), large, small, weights)
    crossentropy_like = (each * weights).sum() / _divisor(weights)
    assert found == pytest.approx(crossentropy_like, rel=1e-4)
    each = np.mean((maps(t[1]) - maps(s[1])) ** 2, axis=1)
    found, _ = measured(AttentionTransfer("first", beta=1.0), large, small, weights)
    assert found == pytest.approx((each * weights).sum() / _divisor(weights), rel=1e-4)


def _divisor(weights):
    """What Keras divides a weighted sum by, which depends on its version."""
    ones = np.ones((len(weights), 1))
    loss = keras.losses.MeanSquaredError()(np.zeros_like(ones), ones, sample_weight=weights)
    return weights.sum() / float(loss)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogitsDistillation(0), "temperature to be above 0. Received: 0"),
        (lambda: LogitsDistillation(from_logits="no"), "Received: 'no'"),
        (lambda: AttentionTransfer("first", beta=-1), "beta to be a float of at least 0"),
        (lambda: FSPDistillation("first"), "two names of layers. Received: 'first'"),
        (lambda: FSPDistillation(("a", "b"), ("a",)), "student_layers to be two names"),
    ],
)
def test_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_temperature_that_is_no_number():
    with pytest.raises(TypeError, match=r"temperature to be a float. Received: 'hot'"):
        LogitsDistillation("hot")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (HintDistillation("frist"), "teacher 'large' has no layer 'frist'. Did you mean 'first'"),
        (HintDistillation("first", "none"), "student 'small' has no layer 'none'.* spatial, norm"),
        (HintDistillation("first", "second"), r"\(None, 8, 8, 16\) and \(None, 4, 4, 8\)"),
        (AttentionTransfer("mean"), r"positions.*\(None, 16\) and \(None, 8\)"),
        (AttentionTransfer("first", "second"), "'first' and 'second' expected outputs"),
        (FSPDistillation(("first", "mean")), r"\(None, 8, 8, 16\) and \(None, 16\)"),
        (FSPDistillation(("first", "second")), r"as many channels.*8, 16\) and .*8, 8\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_that_do_not_fit(loss, message):
    with pytest.raises(ValueError, match=message):
        Distiller(teacher(16), student(8), loss)


def test_sizes_that_pooling_does_not_make_equal():
    def model(name):
        x = inputs = keras.Input((9, 9, 3))
        x = keras.layers.Conv2D(4, 1, name="first")(x)
        x = keras.layers.Conv2D(4, 4, name="second")(x)
        return keras.Model(inputs, x, name=name)

    with pytest.raises(ValueError, match=r"one size. Received .*9, 9, 4\) and \(None, 6, 6, 4\)"):
        Distiller(model("large"), model("small"), FSPDistillation(("first", "second")))


def test_outputs_that_are_no_classes():
    with pytest.raises(ValueError, match="teacher 'large' ends with a sigmoid"):
        Distiller(teacher(last="sigmoid"), student(), LogitsDistillation())
    inputs = keras.Input((8, 8, 3))
    one = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r"at least two classes.*\(None, 1\)"):
        Distiller(one, student(), LogitsDistillation())
    other = keras.Model(inputs, keras.layers.Dense(CLASSES + 1)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r"as many classes.*\(None, 5\) and \(None, 4\)"):
        Distiller(other, student(), LogitsDistillation())


def test_subclassed_models_must_say_what_they_return():
    with pytest.raises(ValueError, match=r"subclassed or .*: whether .* Give from_logits=True or"):
        Distiller(teacher(), Subclassed(), LogitsDistillation())
    small = Subclassed()
    small(X)
    with pytest.raises(ValueError, match="student to be a functional or a Sequential model"):
        Distiller(teacher(), small, AttentionTransfer("first", small.hidden.name))


def test_a_loss_is_of_one_distiller():
    loss = LogitsDistillation()
    Distiller(teacher(), student(), loss)
    with pytest.raises(ValueError, match="Make a new LogitsDistillation"):
        Distiller(teacher(), student(), loss)


def test_a_layer_in_a_nested_model():
    def nested(width, name, seed):
        inputs = keras.Input((8, 8, 3))
        inner = network(width, "inner", seed=seed)
        return keras.Model(inputs, inner(inputs), name=name), inner

    (large, in_large), (small, in_small) = nested(16, "large", 1), nested(8, "small", 2)
    (t,), (s,) = outputs_of(in_large, "second"), outputs_of(in_small, "second")
    for loss in (AttentionTransfer("second"), AttentionTransfer("inner/second", "second")):
        distiller = Distiller(large, small, loss)
        found = float(distiller._compare(X, small(X), {loss.student_layers[0]: s}, None))
        assert found == pytest.approx(1000 * np.mean((maps(t) - maps(s)) ** 2), rel=1e-4)
