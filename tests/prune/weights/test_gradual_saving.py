"""A model stays a plain Keras model: during a pruned training, after it, and after a crash."""

import json
import zipfile

import numpy as np
import pytest

from tests.prune.interrupt import Interrupt
from tfsparse import GradualPruning
from tfsparse.prune.masks import Mask


def kernels(model):
    return {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}


def test_a_checkpoint_from_within_fit_is_a_plain_sparse_model(
    keras, make_model, fit, sparsity, tmp_path, data
):
    path = str(tmp_path / "epoch_{epoch}.keras")
    model = make_model()
    config = model.get_config()
    fit(model, GradualPruning(0.5), keras.callbacks.ModelCheckpoint(path))
    assert model.get_config() == config
    with zipfile.ZipFile(path.format(epoch=2)) as archive:
        assert "tfsparse" not in json.dumps(json.loads(archive.read("config.json")))
    loaded = keras.models.load_model(path.format(epoch=2))
    assert sparsity(loaded, "expand") == sparsity(loaded, "project") == 0.5
    np.testing.assert_allclose(
        loaded.predict(data[0], verbose=0), model.predict(data[0], verbose=0), rtol=1e-5
    )


def test_every_other_way_to_save(keras, make_model, fit, tmp_path, data):
    model = make_model()
    fit(model, GradualPruning(0.5))
    expected = model.predict(data[0], verbose=0)
    model.save(tmp_path / "model.h5")
    model.save_weights(tmp_path / "model.weights.h5")
    model.export(str(tmp_path / "exported"))
    clone = keras.models.clone_model(model)
    clone.load_weights(tmp_path / "model.weights.h5")
    for copy in (clone, keras.models.load_model(tmp_path / "model.h5", compile=False)):
        np.testing.assert_allclose(copy.predict(data[0], verbose=0), expected, rtol=1e-5)


def test_an_own_constraint_is_kept_and_given_back(keras, data):
    layers = keras.layers
    constrained = layers.Dense(6, kernel_constraint=keras.constraints.UnitNorm(), name="unit")
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), constrained])
    model.compile("sgd", "sparse_categorical_crossentropy")
    own = constrained.kernel.constraint
    pruning = GradualPruning(0.5, scope="all")
    model.fit(*data, verbose=0, epochs=4, callbacks=[pruning])
    kernel = constrained.kernel.numpy()
    assert np.mean(kernel == 0) == 0.5
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-4)
    assert constrained.kernel.constraint is own


def test_an_interrupted_training_leaves_a_usable_model(
    keras, make_model, fit, sparsity, tmp_path, data
):
    model, pruning = make_model(), GradualPruning(0.8)
    with pytest.raises(KeyboardInterrupt):
        fit(model, pruning, Interrupt(1), epochs=4)
    reached = pruning.sparsity
    assert 0.3 < reached < 0.8
    model.evaluate(*data, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras")

    history = fit(model, pruning, epochs=4, initial_epoch=1).history["sparsity"]
    assert reached < history[0] < 0.8
    assert sparsity(model, "project") == 0.8
    assert model.get_layer("project").kernel.constraint is None
    with pytest.raises(KeyboardInterrupt):
        fit(model, pruning, Interrupt(1), epochs=4)
    fit(model, GradualPruning(0.5))
    assert model.get_layer("project").kernel.constraint is None


def test_backup_and_restore_goes_on_as_if_nothing_had_happened(keras, make_model, fit, tmp_path):
    def train(*callbacks):
        keras.utils.set_random_seed(1)
        model = make_model("sgd")
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        # Restores after the pruning callback began: the order must not matter.
        pruning = GradualPruning(0.8, frequency=3)
        try:
            logs = fit(model, pruning, backup, *callbacks, epochs=4, shuffle=False).history
        except KeyboardInterrupt:
            logs = None
        return model, logs

    whole, whole_logs = train()
    _, interrupted = train(Interrupt(2))
    assert interrupted is None
    resumed, logs = train()
    assert logs["sparsity"] == whole_logs["sparsity"][2:]
    for name, kernel in kernels(whole).items():
        np.testing.assert_allclose(kernels(resumed)[name], kernel, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(kernels(resumed)[name] == 0, kernel == 0)


def test_a_saved_model_goes_on_where_it_was(keras, make_model, fit, tmp_path):
    model = make_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, GradualPruning(0.8), Interrupt(2), epochs=4)
    model.save(tmp_path / "half.keras")
    half = keras.models.load_model(tmp_path / "half.keras")
    zero = kernels(half)["project"] == 0
    history = fit(half, GradualPruning(0.8), epochs=4, initial_epoch=2).history["sparsity"]
    assert history == pytest.approx([0.8, 0.8], abs=0.02)
    assert np.all(kernels(half)["project"][zero] == 0)


def test_a_mask_holds_its_zeros(keras):
    import tensorflow as tf

    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    mask = Mask(layer.kernel, tf.distribute.get_strategy())
    assert mask.sparsity == 0
    keep = np.array([[True, False, True], [False, True, True]])
    mask.assign(keep)
    assert mask.sparsity == pytest.approx(1 / 3)
    assert mask.holds(mask.weights())
    np.testing.assert_array_equal(mask.keep, keep)
    layer.kernel.assign(np.full((2, 3), np.nan, np.float32))
    assert not mask.holds(mask.weights())
    mask.apply()
    np.testing.assert_array_equal(layer.kernel.numpy()[~keep], 0)
    assert not np.signbit(layer.kernel.numpy()[~keep]).any()
