import itertools

import keras
import numpy as np
import pytest

import tfsparse
from tests.prune.interrupt import Interrupt
from tests.quantize import int8_models as models
from tests.quantize.int8_models import X, Y, fit, layers
from tfsparse.quantize.value_ranges import saved_ranges, trained_ranges


@pytest.fixture(scope="module")
def trained():
    """A network that was pruned and trained for int8 in one fit."""
    model = models.residual_network(run_eagerly=False)
    fit(
        model,
        tfsparse.GradualPruning(0.75, scope="all"),
        tfsparse.QuantizationAwareTraining(),
        epochs=5,
    )
    return model


@pytest.fixture(scope="module")
def path(trained, tmp_path_factory):
    return tfsparse.convert(trained, tmp_path_factory.mktemp("qat") / "m.tflite", weights="int8")


def test_the_file_computes_what_was_trained(trained, path):
    models.check_file(path, trained, 2.01)


def test_zeros_stay_zeros(trained, path):
    kernel = trained.get_layer("project").kernel.numpy()
    assert np.mean(kernel == 0) == 0.75
    (values,) = [w for w in models.weights(path) if w.shape == (16, 1, 1, 16)]
    np.testing.assert_array_equal(values[:, 0, 0][kernel[0, 0].T == 0], 0)
    assert np.abs(values).max() == 127


def test_the_model_is_a_plain_one_again(trained):
    assert "call" not in vars(trained)
    clone = models.residual_network()
    clone.set_weights(trained.get_weights())
    np.testing.assert_allclose(
        trained.predict(X, verbose=0), clone.predict(X, verbose=0), atol=1e-6
    )
    assert trained.evaluate(X, Y, verbose=0) == pytest.approx(clone.evaluate(X, Y, verbose=0))


def test_a_keras_file_has_the_ranges_and_loads_as_any_other(trained, path, tmp_path):
    trained.save(tmp_path / "m.keras")
    assert saved_ranges(tmp_path / "m.keras") == trained_ranges(trained)
    again = tfsparse.convert(tmp_path / "m.keras", tmp_path / "again.tflite", weights="int8")
    np.testing.assert_array_equal(models.run(again, X[:4]), models.run(path, X[:4]))
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), trained.predict(X, verbose=0), atol=1e-6
    )
    with pytest.raises(ValueError, match=r"representative_dataset .* has no trained ranges.*file"):
        tfsparse.convert(loaded, tmp_path / "m.tflite", weights="int8")


def test_batchnorm_is_frozen_for_the_last_part():
    model = models.residual_network()
    norm = model.get_layer("project_norm")
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            (norm.moving_mean.numpy(), norm.gamma.numpy())
        )
    )
    fit(model, tfsparse.QuantizationAwareTraining(freeze_batchnorm=0.5), watch)
    means, gammas = zip(*seen, strict=True)
    changes = [not np.array_equal(a, b) for a, b in itertools.pairwise(means)]
    assert changes == [True] * 3 + [False] * 4
    assert not np.array_equal(gammas[3], gammas[7]), "its weights train on"


def test_validation_during_fit_is_in_int8():
    model = models.residual_network()
    logs = fit(model, tfsparse.QuantizationAwareTraining(), validation_data=(X, Y), epochs=3)
    wanted = keras.losses.sparse_categorical_crossentropy(Y, models.in_int8(model, X))
    assert logs.history["val_loss"][-1] == pytest.approx(float(np.mean(wanted)), rel=1e-4)
    assert model.evaluate(X, Y, verbose=0) != pytest.approx(float(np.mean(wanted)), rel=1e-4)


def test_before_begin_nothing_is_rounded():
    late, plain = models.residual_network(), models.residual_network()
    callback = tfsparse.QuantizationAwareTraining(begin=4, freeze_batchnorm=8)
    keras.utils.set_random_seed(1)
    first = fit(late, callback, epochs=2).history["loss"]
    keras.utils.set_random_seed(1)
    wanted = fit(plain, epochs=2).history["loss"]
    assert first[0] == pytest.approx(wanted[0], rel=1e-5)
    assert first[1] != pytest.approx(wanted[1], rel=1e-5)


def test_an_interrupt_leaves_a_plain_model():
    model = models.residual_network()
    with pytest.raises(KeyboardInterrupt):
        fit(model, tfsparse.QuantizationAwareTraining(), Interrupt(1), validation_data=(X, Y))
    clone = models.residual_network()
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(X, verbose=0), clone.predict(X, verbose=0), atol=1e-6)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(clone.evaluate(X, Y, verbose=0))
    fit(model, tfsparse.QuantizationAwareTraining())


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_learns(jit_compile):
    keras.utils.set_random_seed(0)
    model = models.residual_network(run_eagerly=False, jit_compile=jit_compile)
    logs = fit(model, tfsparse.QuantizationAwareTraining(), epochs=10)
    assert logs.history["loss"][-1] < 0.9 * logs.history["loss"][0]


def test_layers_that_stay_float_are_named(caplog, tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(0.5, name="rescale")(inputs)
    x = layers.Conv2D(4, 3, activation="elu", name="conv")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = models.compiled(inputs, layers.Dense(3, activation="softmax")(x))
    callback = tfsparse.QuantizationAwareTraining()
    fit(model, callback, epochs=1)
    assert callback.float_layers == ["rescale", "conv"]
    assert "rescale, conv" in caplog.text
    path = tfsparse.convert(model, tmp_path / "m.tflite", weights="int8")
    assert models.float_operators(path) == ["MUL", "ELU"]
    assert np.abs(models.run(path, X) - models.in_int8(model, X)).max() < 2.01 / 256


def test_a_frozen_base_stays_in_inference():
    """As one calls a pretrained network to train what is behind it."""
    base_inputs = keras.Input((8, 8, 3))
    base = keras.Model(base_inputs, models.norm(layers.Conv2D(4, 3)(base_inputs)), name="base")
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(base(inputs, training=False))
    model = models.compiled(inputs, layers.Dense(3, activation="softmax")(x))
    before = base.layers[2].moving_mean.numpy()
    fit(model, tfsparse.QuantizationAwareTraining())
    np.testing.assert_array_equal(base.layers[2].moving_mean.numpy(), before)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"begin": -1}, ValueError, "begin to be a step of at least 0. Received: -1"),
        ({"begin": 0.9}, ValueError, "begin to be at or before freeze_batchnorm. Received: begin"),
        ({"begin": 1}, TypeError, "begin and freeze_batchnorm to be both fractions"),
        ({"range_momentum": 1.0}, ValueError, r"range_momentum to be in \[0, 1\). Received: 1.0"),
        ({"range_momentum": "a"}, TypeError, r"range_momentum to be a float"),
    ],
)
def test_arguments_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        tfsparse.QuantizationAwareTraining(**options)


def test_what_a_subclass_computes_cannot_be_read():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.build((None, 4))
    with pytest.raises(ValueError, match="is subclassed"):
        model.fit(X[:, 0, :4, 0], Y, verbose=0, callbacks=[tfsparse.QuantizationAwareTraining()])
