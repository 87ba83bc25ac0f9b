"""Prunes on two virtual CPU devices; run by test_mirrored.py in a process of its own.

Prints a line of JSON for each way to train: what each replica's kernel holds after each step.
"""

import json
import math

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tfsparse import ChannelPruning, GradualPruning, RigL
from tfsparse.prune.callback import Callback

WAYS = {
    "keras": (keras, "float32", lambda: keras.optimizers.AdamW(weight_decay=0.1, clipnorm=1.0)),
    # Not mixed_float16: there Keras 3.15 alone trains to NaN at times, as its loss scaling looks
    # for infinite gradients in the first replica only.
    "keras, mixed precision": (keras, "mixed_bfloat16", lambda: "adam"),
    "tf_keras": (tf_keras, "float32", lambda: tf_keras.optimizers.AdamW(weight_decay=0.1)),
    "tf_keras, legacy optimizer": (tf_keras, "float32", tf_keras.optimizers.legacy.Adam),
}


class Watch(Callback):
    """Compares the zeros of each replica with the sparsity there should be, after each step."""

    def __init__(self, pruning, kernel):
        self.pruning = pruning
        self.kernel = kernel
        self.held = []

    def on_train_batch_end(self, batch, logs=None):
        zeros = [float(np.mean(replica.numpy() == 0)) for replica in self.kernel.values]
        self.held.append(
            all(math.isclose(z, getattr(self.pruning, self.pruning.LOGGED)) for z in zeros)
        )


def gradual():
    return GradualPruning(scope={"wide": 0.5}, frequency=1)


def rigl():
    return RigL(scope={"wide": 0.5}, frequency=1)


def channels():
    return ChannelPruning("l1", 0.5)


def train(make_pruning, keras, policy, make_optimizer, logged="sparsity"):
    layers = keras.layers
    keras.mixed_precision.set_global_policy(policy)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        wide = layers.Dense(10, kernel_constraint="max_norm", name="wide")
        model = keras.Sequential([layers.Input((8,)), wide, layers.Dense(1, dtype="float32")])
        model.compile(make_optimizer(), "mse")
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    y = np.ones((64, 1), np.float32)

    kernel = wide.kernel.value if keras.__name__ == "keras" else wide.kernel
    pruning = make_pruning()
    watch = Watch(pruning, kernel)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[watch, pruning])
    replicas = [replica.numpy() for replica in kernel.values]
    return {
        "steps": len(watch.held),
        "held": all(watch.held),
        "replicas": [float(np.mean(replica == 0)) for replica in replicas],
        "equal": bool(np.array_equal(*replicas)),
        "logged": history.history[logged][-1],
    }


CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)
for name, way in WAYS.items():
    print(json.dumps({"way": name} | train(gradual, *way)))
for name in ("keras", "tf_keras"):  # in bfloat16 what has grown may stay zero for a step
    print(json.dumps({"way": f"RigL, {name}"} | train(rigl, *WAYS[name])))
for name in ("keras", "keras, mixed precision"):
    print(json.dumps({"way": f"channels, {name}"} | train(channels, *WAYS[name], "pruning_ratio")))
