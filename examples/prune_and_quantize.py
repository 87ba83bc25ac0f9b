"""Prunes a MobileNetV2 on Fashion-MNIST, trains it for int8, and compares it with calibration.

The network is pruned while it trains in float. From there it goes to int8 in two ways: by
calibration alone, and by some epochs of quantization-aware training that hold its zeros. All three
files run in an interpreter with the delegate, on the 10,000 test pictures.

    python examples/prune_and_quantize.py
    python examples/prune_and_quantize.py --sparsity 0.9 --epochs 20 --output_dir models

Fashion-MNIST is downloaded by Keras, to ~/.keras or to the folder in KERAS_HOME.
"""

import os
import sys
import tempfile

import keras
import numpy as np
from absl import app, flags

import tfsparse
from tfsparse.zoo import architectures, datasets, evaluation

EPOCHS = flags.DEFINE_integer("epochs", 5, "Passes over the training pictures in float.", 1)
INT8_EPOCHS = flags.DEFINE_integer("int8_epochs", 2, "Passes in int8, after those.", 1)
BATCH = flags.DEFINE_integer("batch", 128, "Pictures in a training step.", 1)
SPARSITY = flags.DEFINE_float("sparsity", 0.8, "Zeros in the 1x1 convolutions.", 0.01, 0.99)
WIDTH = flags.DEFINE_float("width", 1.0, "Factor on the number of channels.", 0.25)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
LIMIT = flags.DEFINE_integer("limit", None, "Use only so many pictures, for a quick try.", 1)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Keep the .tflite files in this folder.")


def fit(model, data, epochs, learning_rate, *callbacks):
    """Trains a model with a learning rate that falls to zero."""
    pictures, labels = data.x_train[: LIMIT.value], data.y_train[: LIMIT.value]
    steps = epochs * -(-len(pictures) // BATCH.value)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # On CPUs, XLA makes depthwise convolutions slower.
    )
    verbose = 1 if sys.stdout.isatty() else 2
    model.fit(pictures, labels, BATCH.value, epochs, verbose=verbose, callbacks=list(callbacks))


def accuracy(path, data):
    pictures, labels = data.x_test[: LIMIT.value], data.y_test[: LIMIT.value]
    return evaluation.accuracy(path, pictures, labels)


def make_files(data, folder):
    """Trains the network, and returns the paths of its files by what they are."""
    keras.utils.set_random_seed(SEED.value)
    model = architectures.small_mobilenet_v2(
        data.x_train.shape[1:], len(data.class_names), WIDTH.value
    )
    print(f"In float, to {SPARSITY.value:.0%} zeros:", flush=True)
    fit(model, data, EPOCHS.value, 4e-3, tfsparse.GradualPruning(final_sparsity=SPARSITY.value))
    files = {
        "float32": tfsparse.convert(model, f"{folder}/float32.tflite"),
        "int8, calibrated": tfsparse.convert(
            model,
            f"{folder}/calibrated.tflite",
            weights="int8",
            representative_dataset=data.x_train[:200].astype(np.float32),
        ),
    }
    print("In int8, with the zeros that there are:", flush=True)
    keep = tfsparse.GradualPruning(schedule=tfsparse.ConstantSparsity(SPARSITY.value))
    fit(model, data, INT8_EPOCHS.value, 4e-4, keep, tfsparse.QuantizationAwareTraining())
    files["int8, trained"] = tfsparse.convert(model, f"{folder}/trained.tflite", weights="int8")
    return files


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(argv[1:])}")
    try:
        data = datasets.load("fashion_mnist", size=28)
    except (ImportError, OSError) as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as temporary:
        folder = OUTPUT_DIR.value or temporary
        os.makedirs(folder, exist_ok=True)
        files = make_files(data, folder)
        print("\nnetwork           accuracy  file size")
        for name, path in files.items():
            size = os.path.getsize(path) / 1e3
            print(f"{name:16}  {accuracy(path, data):8.2%}  {size:6.0f} kB", flush=True)


if __name__ == "__main__":
    app.run(main)
