"""Models with the wrappers of tensorflow-model-optimization, for pruning and for clustering."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse
from tests.converter.test_sources import X, operators, outputs, pruned_model

tfmot = pytest.importorskip("tensorflow_model_optimization")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.tflite")


def test_subclassed_models_with_wrapped_layers_convert_without_the_wrappers(path):
    prune = tfmot.sparsity.keras.prune_low_magnitude
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.8, 0, frequency=1)

    class Model(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.first = tf_keras.layers.Conv2D(16, 3)
            self.wrapped = prune(tf_keras.layers.Conv2D(64, 1), schedule)

        def call(self, x, training=False):
            x = self.wrapped(self.first(x), training=training)
            return tf.reduce_mean(x, [1, 2])

    model = Model()
    model(X)
    model.compile("adam", "mse")
    model.fit(
        X, np.zeros((20, 64)), verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()]
    )
    expected = model(X[:1])
    tfsparse.convert(model, path)
    assert operators(path).count("DENSIFY") == 1
    assert tfsparse.inspect(path).totals.sparsity > 0.4
    np.testing.assert_allclose(outputs(path), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model(X[:1]), expected)


def test_wrappers_for_clustering_leave_constant_weights(tmp_path, path):
    clustering = tfmot.clustering.keras
    wrapped = clustering.cluster_weights(
        pruned_model(tf_keras),
        number_of_clusters=8,
        cluster_centroids_init=clustering.CentroidInitialization.LINEAR,
    )
    expected = wrapped(X[:1])
    tfsparse.convert(wrapped, path)
    np.testing.assert_allclose(outputs(path), expected, rtol=1e-4, atol=1e-5)
    stripped = tfsparse.convert(clustering.strip_clustering(wrapped), tmp_path / "stripped.tflite")
    assert operators(path) == operators(stripped)


@pytest.mark.parametrize("name", ["m.h5", "m.keras"])
def test_a_file_of_a_wrapped_model(tmp_path, path, name):
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(pruned_model(tf_keras))
    wrapped.save(tmp_path / name)
    tfsparse.convert(tmp_path / name, path)
    np.testing.assert_allclose(outputs(path), wrapped(X[:1]), rtol=1e-4, atol=1e-5)
