"""One process of a data-parallel training, which `data_parallel.py` starts."""

import json
import os
import sys
import zlib

import numpy as np
from data_parallel_exchange import Client

import tfsparse

_ECQ = tfsparse.ErrorCompensatedQuantization
# Functions that make what compresses, by the seed; None for float32.
METHODS = {
    "float32": None,
    "terngrad": lambda seed: tfsparse.TernGrad(seed=seed),
    "terngrad-unclipped": lambda seed: tfsparse.TernGrad(None, seed=seed),
    "ecq-4": lambda seed: _ECQ(4, seed=seed),
    "ecq-1": lambda seed: _ECQ(1, feedback=0.01, seed=seed),
    "qsgd-1": lambda seed: _ECQ(1, feedback=0.0, seed=seed),
}


def small(inputs, classes):
    """Returns a network of 3 convolutions with BatchNormalization."""
    import keras

    layers, x = keras.layers, inputs
    for channels, strides in ((16, 2), (32, 2), (64, 1)):
        x = layers.Conv2D(channels, 3, strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def network_and_data(options):
    """Returns an untrained network, and a `tfsparse.zoo.datasets.Dataset`."""
    import keras

    from tfsparse.zoo import datasets

    keras.utils.set_random_seed(options["seed"])
    if options["network"] == "resnet20":
        import cifar10

        return cifar10.build("resnet20", 16, 2), cifar10.load(options["data"])
    data = datasets.load(options["data"] or "fashion_mnist", 28)
    inputs = keras.Input(data.x_train.shape[1:])
    return small(inputs, len(data.class_names)), data


def batches(count, options):
    """Yields the pictures of this worker in each step, arrays of ints."""
    workers, worker = options["workers"], options["worker"]
    size = min(options["batch_size"], count // workers * workers)
    rng = np.random.default_rng(options["seed"])  # the same order in all workers
    for step in range(steps_of(count, options)):
        if step % (count // size) == 0:
            order = rng.permutation(count)
        first = step % (count // size) * size
        yield order[first : first + size][worker::workers]


def steps_of(count, options):
    size = min(options["batch_size"], count // options["workers"] * options["workers"])
    return min(options["epochs"] * (count // size), options["steps"] or sys.maxsize)


def scale(pictures):
    return np.float32(pictures) / 127.5 - 1


def train(model, data, options, client):
    """Trains a model together with the other workers."""
    import keras
    import tensorflow as tf

    count = len(data.x_train)
    rate = keras.optimizers.schedules.CosineDecay(
        options["learning_rate"], steps_of(count, options)
    )
    optimizer = keras.optimizers.SGD(rate, options["momentum"])
    variables = model.trainable_variables
    optimizer.build(variables)
    loss = keras.losses.SparseCategoricalCrossentropy()

    @tf.function
    def gradients_of(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        return tape.gradient(value, [variable.value for variable in variables])

    @tf.function
    def apply(gradients):
        optimizer.apply(gradients, variables)

    make = METHODS[options["method"]]
    seed = options["seed"] * options["workers"] + options["worker"]
    compression = None if make is None else make(seed)
    for chosen in batches(count, options):
        found = gradients_of(scale(data.x_train[chosen]), data.y_train[chosen])
        means = exchange([g.numpy() for g in found], compression, client)
        apply([tf.constant(mean) for mean in means])


def exchange(gradients, compression, client):
    """Returns the means of gradients over all workers, the same in each: a list of arrays."""
    if compression is None:
        flat = np.concatenate([gradient.ravel() for gradient in gradients])
        parts = np.split(client.mean(flat), np.cumsum([g.size for g in gradients])[:-1])
        return [part.reshape(g.shape) for part, g in zip(parts, gradients, strict=True)]
    messages = client.gather(compression.encode(gradients))
    decoded = [compression.decode(message, gradients) for message in messages]
    return [sum(of_workers) / np.float32(len(decoded)) for of_workers in zip(*decoded, strict=True)]


def main():
    options = json.loads(sys.argv[1])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    try:
        model, data = network_and_data(options)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(str(error))
    client = Client(tuple(options["address"]), options["worker"], options["workers"])
    train(model, data, options, client)
    weights = [variable.numpy() for variable in model.trainable_variables]
    report = {
        "weights": sum(w.size for w in weights),
        "taken": steps_of(len(data.x_train), options),
        "checksum": zlib.crc32(b"".join(w.tobytes() for w in weights)),
    }
    if options["worker"] == 0:
        # The moving statistics of BatchNormalization are those of this worker's pictures.
        scores = model.predict(scale(data.x_test), batch_size=500, verbose=0)
        report["accuracy"] = float(np.mean(scores.argmax(axis=1) == data.y_test))
    client.end(report)


if __name__ == "__main__":
    main()
