import numpy as np
import pytest
import tensorflow as tf

import tfsparse


@pytest.fixture
def model(keras):
    layers = keras.layers
    norm = layers.BatchNormalization
    inner = keras.Sequential([layers.Input((4, 4, 3)), norm(momentum=0.8, name="inner_norm")])
    return keras.Sequential(
        [
            layers.Input((4, 4, 3)),
            inner,
            layers.Dropout(0.5),
            layers.Conv2D(5, 1, name="convolution"),
            norm(name="norm"),
            layers.GlobalAveragePooling2D(),
        ]
    )


def norms(model):
    return model.layers[0].get_layer("inner_norm"), model.get_layer("norm")


def statistics(layer):
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def test_statistics_are_the_mean_over_all_batches_and_nothing_else_changes(model, data):
    x, y = data
    inner, norm = norms(model)
    before = {layer.name: layer.get_weights()[:2] for layer in (inner, norm)}
    inner.trainable = False
    norm.trainable_variables[0].assign(np.full(5, 2.0))
    kernel = model.get_layer("convolution").get_weights()
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(16)  # the last batch has 8

    tfsparse.recalibrate_batchnorm(model, dataset)

    parts = [x[:16], x[16:32], x[32:]]
    for moment, function in zip(statistics(inner), (np.mean, np.var), strict=True):
        expected = sum(function(p, axis=(0, 1, 2)) * len(p) for p in parts) / 40
        # tf_keras divides by n - 1, as its training does.
        np.testing.assert_allclose(moment, expected, rtol=5e-3, atol=1e-6)
    # What the layer behind saw: normalised by each batch, and no Dropout.
    passed = [(p - p.mean((0, 1, 2))) / np.sqrt(p.var((0, 1, 2)) + inner.epsilon) for p in parts]
    seen = [p @ kernel[0][0, 0] + kernel[1] for p in passed]
    expected = sum(np.var(p, axis=(0, 1, 2)) * len(p) for p in seen) / 40
    np.testing.assert_allclose(statistics(norm)[1], expected, rtol=1e-2)

    assert (inner.momentum, norm.momentum) == (0.8, 0.99)
    assert (inner.trainable, norm.trainable) == (False, True)
    assert "call" not in vars(norm)
    np.testing.assert_array_equal(norm.get_weights()[0], 2)
    np.testing.assert_array_equal(inner.get_weights()[1], before["inner_norm"][1])
    for now, then in zip(model.get_layer("convolution").get_weights(), kernel, strict=True):
        np.testing.assert_array_equal(now, then)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)


def test_any_kind_of_data_gives_the_same(keras, model, data):
    class Batches(getattr(keras.utils, "PyDataset", keras.utils.Sequence)):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return data

    found = []
    x = data[0]
    batches = x, tf.constant(x), data, Batches(), iter([x]), lambda: iter([x])
    examples = list(x), tf.data.Dataset.from_tensor_slices(data), (example for example in x)
    for source in (*batches, *examples):
        tfsparse.recalibrate_batchnorm(model, source)
        found.append(np.concatenate([*statistics(norms(model)[0]), *statistics(norms(model)[1])]))
    repeated = tf.data.Dataset.from_tensors(data).repeat()
    tfsparse.recalibrate_batchnorm(model, repeated, batches=2)
    found.append(np.concatenate([*statistics(norms(model)[0]), *statistics(norms(model)[1])]))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-5, atol=1e-6)


def test_sorted_arrays_are_shuffled(model):
    x = np.zeros((64, 4, 4, 3), np.float32)
    x[32:] = 1
    tfsparse.recalibrate_batchnorm(model, x, batch_size=16)
    assert np.all(statistics(norms(model)[0])[1] > 0.2)


def test_a_layer_called_twice_sees_both_inputs(keras):
    layers = keras.layers
    inputs = layers.Input((2,)), layers.Input((2,))
    norm = layers.BatchNormalization()
    model = keras.Model(inputs, [norm(inputs[0]), norm(inputs[1])])
    x = [np.full((8, 2), 1, np.float32), np.full((8, 2), 3, np.float32)]
    tfsparse.recalibrate_batchnorm(model, x)
    np.testing.assert_allclose(statistics(norm)[0], 2)


def test_a_subclassed_model_with_an_unused_layer(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization()
            self.unused = keras.layers.BatchNormalization()
            self.unused.build((None, 2))

        def call(self, inputs):
            return self.norm(inputs)

    model = Net()
    model(np.ones((1, 2), np.float32))
    tfsparse.recalibrate_batchnorm(model, np.full((8, 2), 5, np.float32))
    np.testing.assert_allclose(statistics(model.norm)[0], 5)
    np.testing.assert_allclose(statistics(model.unused)[0], 0)


def test_a_call_that_is_a_tf_function(keras):
    """Compiled before, with the layers as they were."""

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization()

        @tf.function
        def call(self, inputs, training=False):
            return self.norm(inputs, training=training)

    model = Net()
    model(np.ones((1, 2), np.float32))
    tfsparse.recalibrate_batchnorm(model, np.full((8, 2), 5, np.float32))
    np.testing.assert_allclose(statistics(model.norm)[0], 5)
    assert not tf.config.functions_run_eagerly()


def test_layers_that_no_inference_calls_are_named(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.unused = keras.layers.BatchNormalization(name="unused")
            self.unused.build((None, 2))

        def call(self, inputs):
            return inputs

    model = Net()
    model(np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match=r"BatchNormalization .* It called none of unused"):
        tfsparse.recalibrate_batchnorm(model, np.ones((8, 2), np.float32))


def test_an_exception_leaves_the_model_as_it_was(model, data):
    def broken():
        yield data[0]
        raise OSError("unreadable")

    inner, norm = norms(model)
    norm.trainable = False
    tfsparse.recalibrate_batchnorm(model, data[0] + 1)
    before = statistics(inner) + statistics(norm)
    with pytest.raises(OSError, match="unreadable"):
        tfsparse.recalibrate_batchnorm(model, broken())
    for now, then in zip(statistics(inner) + statistics(norm), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert (inner.momentum, norm.momentum, norm.trainable) == (0.8, 0.99, False)
    assert "call" not in vars(norm)


def test_a_model_without_such_layers_is_left_as_it_is(make_model, data):
    model = make_model()
    before = model.get_weights()
    tfsparse.recalibrate_batchnorm(model, data)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_nonsense_is_named(keras, model, data):
    for options in ({"batches": 0}, {"batches": 1.5}, {"batch_size": True}):
        with pytest.raises(ValueError, match="to be a positive int"):
            tfsparse.recalibrate_batchnorm(model, data, **options)
    with pytest.raises(ValueError, match="at least one batch"):
        tfsparse.recalibrate_batchnorm(model, data[0][:0])
    with pytest.raises(ValueError, match="repeats without end"):
        tfsparse.recalibrate_batchnorm(model, tf.data.Dataset.from_tensors(data).repeat())
    with pytest.raises(ValueError, match="is not built"):
        tfsparse.recalibrate_batchnorm(keras.Sequential([keras.layers.Dense(2)]), data)
    with pytest.raises(TypeError, match="Keras 3 or tf_keras model"):
        tfsparse.recalibrate_batchnorm(None, data)
    for nothing in (None, "x.npy"):
        with pytest.raises(TypeError, match="representative_dataset to be an array"):
            tfsparse.recalibrate_batchnorm(model, nothing)


def test_examples_are_batched_with_those_of_their_size(keras):
    layers = keras.layers
    inputs = keras.Input((None, 3)), keras.Input((2,))
    norm = layers.BatchNormalization()
    outputs = layers.Concatenate()([layers.GlobalAveragePooling1D()(inputs[0]), inputs[1]])
    model = keras.Model(list(inputs), norm(outputs))
    rng, seen = np.random.default_rng(0), []
    examples = [(rng.normal(size=(n, 3)), rng.normal(size=2)) for n in (4, 4, 4, 6)]
    model.call = lambda x, call=model.call, **options: seen.append(x[0].shape) or call(x, **options)
    tfsparse.recalibrate_batchnorm(model, [list(example) for example in examples], batch_size=2)
    assert [tuple(shape) for shape in seen] == [(2, 4, 3), (1, 4, 3), (1, 6, 3)]


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e39])
def test_numbers_that_are_not_finite_are_refused(model, data, number):
    x, before = data[0].astype(np.float64), model.get_weights()
    x[7, 0, 0, 0] = number
    for inputs in (x, (x, data[1]), tf.data.Dataset.from_tensor_slices(x).batch(4)):
        with pytest.raises(ValueError, match="finite numbers in representative_dataset"):
            tfsparse.recalibrate_batchnorm(model, inputs)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
