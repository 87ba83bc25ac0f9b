"""Searches on two virtual CPU devices; run by test_mirrored.py in a process of its own.

Prints a line of JSON for a model that was made for both devices, and for one that was not while the
devices stand for two GPUs: the replicas in each training, and what became of the model. A third
line has the replicas of smaller models that trials make of one.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

import tfsparse
from tfsparse.search.channel_cuts import cut
from tfsparse.search.training import Data
from tfsparse.search.variants import model_of


def network(width=16):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(width, 3, activation="relu", name="first"),
            layers.Conv2D(width, 1, activation="relu", name="pointwise"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(way, model, directory):
    replicas, fit = [], Data.fit

    def watched(data, trained, *arguments):
        replicas.append(trained.distribute_strategy.num_replicas_in_sync)
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
    replicas = [one.distribute_strategy.num_replicas_in_sync for one in smaller]
    print(json.dumps({"way": "smaller models", "replicas": replicas}))


if __name__ == "__main__":
    main(sys.argv[1])
