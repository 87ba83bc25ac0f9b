"""CIFAR-10, the networks that are trained on it, and how."""

import numpy as np

from tfsparse.zoo import datasets

# Of He et al. 2016, section 4.2, but for what serves a short training: a schedule that warms up to
# twice the learning rate, and shifts of half as many pixels. Chosen on the dense network.
BATCH_SIZE = 128
LEARNING_RATE = 0.2
WARM_UP = 0.1  # of all steps
MOMENTUM = 0.9
# Keras decays weights apart from the momentum: this is the paper's 1e-4 over 1 - 0.9.
WEIGHT_DECAY = 1e-3
MARGIN = 2  # Pixels that a picture is shifted by at most.
SIZE = 32
NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def load(path=None):
    """Loads CIFAR-10 from Keras, or from a folder or zip file of class folders.

    Returns:
        A `tfsparse.zoo.datasets.Dataset` of uint8 pictures, (pictures, 32, 32, 3).
    """
    if path is not None:
        return datasets.load(path, SIZE)
    import keras

    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    return datasets.Dataset(x_train, y_train[:, 0], x_test, y_test[:, 0], NAMES)


def resnet20(inputs, width, stem_strides):
    from tfsparse.zoo import architectures

    return architectures.cifar_resnet(inputs, 20, round(width), len(NAMES), stem_strides)


def mobilenet_v2(inputs, width, stem_strides):
    from tfsparse.zoo import architectures

    return architectures.cifar_mobilenet_v2(inputs, width, len(NAMES), stem_strides)


def small_mobilenet_v2(inputs, width, stem_strides):
    from tfsparse.zoo import architectures

    size = architectures.SMALL
    return architectures.cifar_mobilenet_v2(inputs, width, len(NAMES), stem_strides, size)


# A function that builds it, and its width where none is given.
NETWORKS = {
    "resnet20": (resnet20, 16),
    "mobilenet_v2": (mobilenet_v2, 0.25),
    "small_mobilenet_v2": (small_mobilenet_v2, 1.0),
}


def build(network, width, stem_strides):
    """Returns an untrained network that takes pixels from -1 to 1."""
    import keras

    return NETWORKS[network][0](keras.Input((SIZE, SIZE, 3)), width, stem_strides)


def scale(pictures):
    """Returns pixels from -1 to 1 of uint8 ones."""
    return np.float32(pictures) / 127.5 - 1


def augmented(data):
    """Returns a `tf.data.Dataset` of shuffled batches, pictures shifted and mirrored at random."""
    import tensorflow as tf

    # Arrays would become part of the graph, which is copied more than once.
    x_train, y_train = tf.constant(data.x_train), tf.constant(data.y_train)
    count = len(data.x_train)
    batch_size = min(BATCH_SIZE, count)
    margins = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    across = tf.range(SIZE)

    def batch(chosen):
        pictures = tf.pad(tf.gather(x_train, chosen), margins, constant_values=128)
        # Where to read each row and column: two gathers a batch instead of work on each picture.
        down, right = tf.unstack(tf.random.uniform((2, batch_size, 1), 0, 2 * MARGIN + 1, tf.int32))
        mirror = tf.random.uniform((batch_size, 1)) < 0.5
        columns = tf.where(mirror, across[::-1], across) + right
        pictures = tf.gather(pictures, across + down, axis=1, batch_dims=1)
        pictures = tf.gather(pictures, columns, axis=2, batch_dims=1)
        return tf.cast(pictures, tf.float32) / 127.5 - 1, tf.gather(y_train, chosen)

    order = tf.data.Dataset.range(count).shuffle(count).batch(batch_size, drop_remainder=True)
    return order.map(batch).prefetch(2)


def train(model, data, epochs, callbacks=(), learning_rate=LEARNING_RATE, verbose=2):
    """Trains a network for some epochs; returns what `fit` logged."""
    import keras

    batches = augmented(data)
    steps = epochs * len(batches)
    warm_up = round(WARM_UP * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.SGD(rate, MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    # The data is shuffled already, and Keras would say so.
    options = {"epochs": epochs, "verbose": verbose, "shuffle": False}
    return model.fit(batches, callbacks=list(callbacks), **options).history


def accuracy(model, data):
    """Returns the fraction of the test pictures that a network names right."""
    scores = model.predict(scale(data.x_test), batch_size=500, verbose=0)
    return float(np.mean(scores.argmax(axis=1) == data.y_test))


def costs(model):
    """Returns the parameters, the zeros and the MACs of a network.

    Returns:
        A dictionary: `parameters`, trainable ones that are not zero; `sparsity`, the fraction of
        zeros in all kernels; `macs`, of an inference that skips every zero.
    """
    weights = [variable.numpy() for variable in model.trainable_variables]
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    sizes = sum(layer.kernel.numpy().size for layer in kernels)
    nonzeros = [np.count_nonzero(layer.kernel.numpy()) for layer in kernels]
    # Of a convolution each weight is used at every position of the output, borders included.
    positions = [np.prod(layer.output.shape[1:-1], dtype=int) for layer in kernels]
    return {
        "parameters": sum(int(np.count_nonzero(w)) for w in weights),
        "sparsity": float(1 - sum(nonzeros) / sizes),
        "macs": int(np.dot(nonzeros, positions)),
    }
