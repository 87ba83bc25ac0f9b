"""Searches on two virtual CPU devices; run by test_mirrored.py in a process of its own.

Prints a line of JSON for a model that was made for both devices, and for one that was not while the
devices stand for two GPUs: the replicas in each training, and what became of the model. A third
line has the replicas of smaller models that trials make of one. A last one has those of copies of a
model that was made for one of two GPUs.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tfsparse.search.channel_cuts import cut
from tfsparse.search.training import Data
from tfsparse.search.variants import copy_of, model_of


def network(width=16):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(width, 3, activation="relu", name="first"),
            layers.Conv2D(width, 1, activation=layers.PReLU(shared_axes=[1, 2]), name="pointwise"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
    model.predict(np.zeros((2, 8, 8, 4), np.float32), verbose=0)  # Keras builds PReLU here.
    return model


def replicas_of(model):
    return model.distribute_strategy.num_replicas_in_sync


def search(way, model, directory):
    replicas, fit = [], Data.fit

    def watched(data, trained, *arguments):
        replicas.append(replicas_of(trained))
        fit(data, trained, *arguments)

    Data.fit = watched
    x = np.random.default_rng(0).normal(size=(128, 8, 8, 4)).astype(np.float32)
    data = x, x.mean(axis=(1, 2)).argmax(axis=1)
    result = tfsparse.compress(
        model, data, data, target={"macs": 0.5}, directory=directory, trials=1, batch_size=32
    )
    Data.fit = fit
    saved = keras.models.load_model(result.model_path)
    zeros = float(np.mean(saved.get_layer("pointwise").kernel.numpy() == 0))
    print(json.dumps({"way": way, "replicas": replicas, "zeros": zeros}))


def main(folder):
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    with strategy.scope():
        model = network()
    search("made for both", model, f"{folder}/made")
    tf.config.list_logical_devices = lambda kind=None: devices
    search("two GPUs", network(), f"{folder}/gpus")
    with strategy.scope():
        model = network(width=64)
    smaller = cut(model, {"first": 0.5}), model_of("factorized", model, 0.6)
    print(json.dumps({"way": "smaller models", "replicas": list(map(replicas_of, smaller))}))
    with tf.distribute.OneDeviceStrategy(devices[0].name).scope():
        model = network()
    print(json.dumps({"way": "one of two GPUs", "replicas": [replicas_of(copy_of(model))]}))


if __name__ == "__main__":
    main(sys.argv[1])
