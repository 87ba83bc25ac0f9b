"""What the benchmarks of searches share: the data, the dense network, and how one is trained."""

import dataclasses

import cifar10
import keras
import numpy as np
from absl import flags

from tfsparse.search.training import Data, Trainer
from tfsparse.search.variants import copy_of, teacher_of

DATA = flags.DEFINE_string("data", None, "CIFAR-10 as class folders; else Keras downloads it.")
NETWORK = flags.DEFINE_enum("network", "resnet20", list(cifar10.NETWORKS), "What to compress.")
WIDTH = flags.DEFINE_float("width", None, "Its width; by default the usual one.")
STRIDES = flags.DEFINE_integer("stem_strides", 2, "Strides of its first convolution.", 1)
EXAMPLES = flags.DEFINE_integer("examples", 45_000, "Pictures to train with.", 1)
DENSE_EPOCHS = flags.DEFINE_integer("dense_epochs", 10, "Epochs of the dense network.", 1)
TRIALS = flags.DEFINE_integer("trials", 10, "Trials of a search.", 1)
EPOCHS = flags.DEFINE_integer("epochs", 3, "Epochs of a trial.", 1)

VALIDATION = 0.1  # of the training pictures
SETTING = "network", "width", "stem_strides", "examples", "dense_epochs", "trials", "epochs"


def setting(*names):
    """Returns the values of the flags here, and of others by their names."""
    return {name: flags.FLAGS[name].value for name in (*SETTING, *names)}


def parts_of(data):
    """The training pictures in two parts, to train with and to validate: each `(x, y)`.

    They are drawn at random: files have the pictures of a class behind each other.
    """
    order = np.random.default_rng(0).permutation(len(data.x_train))
    parts = np.split(order, [len(order) - round(VALIDATION * len(order))])
    return [(data.x_train[part], data.y_train[part]) for part in parts]


def scaled_parts(data):
    """The same with pixels from -1 to 1, and so many to train with as --examples says."""
    (x, y), (x_validation, y_validation) = parts_of(data)
    train = cifar10.scale(x[: EXAMPLES.value]), y[: EXAMPLES.value]
    return train, (cifar10.scale(x_validation), y_validation)


def dense_network(path, data):
    """The trained dense network, from a file if there is one."""
    if not path.exists():
        keras.utils.set_random_seed(0)
        width = WIDTH.value or cifar10.NETWORKS[NETWORK.value][1]
        model = cifar10.build(NETWORK.value, width, STRIDES.value)
        (x, y), _ = parts_of(data)
        kept = dataclasses.replace(data, x_train=x, y_train=y)
        cifar10.train(model, kept, DENSE_EPOCHS.value)
        model.save(path)
    return keras.models.load_model(path)


def trained(model, parts, sparsities, settings, epochs, seed):
    """Prunes and trains a copy of the dense network.

    Args:
        model: The dense network.
        parts: As of `scaled_parts`.
        sparsities: Dictionary from names of layers to sparsities.
        settings: `tfsparse.search.training.Settings`.
        epochs, seed: Ints.

    Returns:
        The copy, and its loss and metrics on the validation pictures.
    """
    student = copy_of(model)
    keras.utils.set_random_seed(seed)
    trainer = Trainer(Data(*parts), model.optimizer, teacher_of(model, student))
    found, _ = trainer.fine_tune(student, sparsities, settings, epochs)
    return student, found


def least_sparsity(is_enough, low, high, steps):
    """Finds by bisection the least sparsity that is enough.

    Args:
        is_enough: Function of a sparsity that returns a bool.
        low, high: Floats that it is between.
        steps: Int.
    """
    for _ in range(steps):
        middle = (low + high) / 2
        if is_enough(middle):
            high = middle
        else:
            low = middle
    return high
