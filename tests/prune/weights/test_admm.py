"""The alternating direction method, against the same in NumPy."""

import numpy as np
import tensorflow as tf

from tfsparse.prune.weights.admm import Admm, Pull


def test_weights_follow_the_method(keras):
    layer = keras.layers.Dense(4, use_bias=False)
    layer.build((None, 3))
    optimizer, rate, rho = keras.optimizers.SGD(0.5), 0.5, 0.8
    admm = Admm(optimizer, [Pull(layer.kernel, tf.distribute.get_strategy())], rho)

    def step(gradient):
        optimizer.apply_gradients([(tf.fill((3, 4), gradient), layer.kernel)])
        return layer.kernel.numpy()

    def project(weights):
        return [np.round(w) for w in weights]

    w = layer.kernel.numpy() - rate * 0.1
    np.testing.assert_allclose(step(0.1), w, rtol=1e-6)  # nothing to be drawn to yet
    z, u = np.round(w), np.zeros_like(w)
    for _ in range(3):
        admm.update([layer.kernel.numpy()], project)
        for _ in range(2):
            w = w - rate * (0.1 + rho * (w - z + u))
            np.testing.assert_allclose(step(0.1), w, rtol=1e-5)
        z = np.round(w + u)
        u = w + u - z
    admm.stop()
    np.testing.assert_allclose(step(0.1), w - rate * 0.1, rtol=1e-5)
    admm.detach()
    assert "update_step" not in vars(optimizer)
