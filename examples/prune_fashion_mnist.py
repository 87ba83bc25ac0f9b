"""Prunes a MobileNetV2 on Fashion-MNIST while it trains, and compares it with its dense twin.

Both are trained as long, with the same batches from the same random start. Then both are converted,
the sparse one runs in an interpreter with the delegate, and the accuracies are those of the files
on the 10,000 test pictures.

    python examples/prune_fashion_mnist.py
    python examples/prune_fashion_mnist.py --sparsity 0.9 --epochs 20 --output_dir models

Fashion-MNIST is downloaded by Keras, to ~/.keras or to the folder in KERAS_HOME.
"""

import os
import sys
import tempfile

import keras
from absl import app, flags

import tfsparse
from tfsparse.zoo import architectures, datasets, evaluation

EPOCHS = flags.DEFINE_integer("epochs", 5, "Passes over the 60,000 training pictures.", 1)
BATCH = flags.DEFINE_integer("batch", 128, "Pictures in a training step.", 1)
SPARSITY = flags.DEFINE_float("sparsity", 0.8, "Zeros in the 1x1 convolutions.", 0, 0.99)
WIDTH = flags.DEFINE_float("width", 2.0, "Factor on the number of channels.", 0.25)
SEED = flags.DEFINE_integer("seed", 0, "Of the random start and of the batches.")
LIMIT = flags.DEFINE_integer("limit", None, "Use only so many pictures, for a quick try.", 1)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Keep the .tflite files in this folder.")


def train(data, callbacks):
    keras.utils.set_random_seed(SEED.value)
    model = architectures.small_mobilenet_v2(
        data.x_train.shape[1:], len(data.class_names), WIDTH.value
    )
    pictures, labels = data.x_train[: LIMIT.value], data.y_train[: LIMIT.value]
    steps = EPOCHS.value * -(-len(pictures) // BATCH.value)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # On CPUs, XLA makes depthwise convolutions slower.
    )
    model.fit(
        pictures,
        labels,
        BATCH.value,
        EPOCHS.value,
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=callbacks,
    )
    return model


def accuracy(path, data):
    pictures, labels = data.x_test[: LIMIT.value], data.y_test[: LIMIT.value]
    return evaluation.accuracy(path, pictures, labels)


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
        print("The dense network:", flush=True)
        dense = train(data, callbacks=[])
        print(f"The network with {SPARSITY.value:.0%} zeros:", flush=True)
        sparse = train(data, callbacks=[tfsparse.GradualPruning(final_sparsity=SPARSITY.value)])

        dense_file = tfsparse.convert(dense, f"{folder}/dense.tflite", encoding="none")
        sparse_file = tfsparse.convert(sparse, f"{folder}/sparse.tflite")
        results = [
            (accuracy(path, data), os.path.getsize(path)) for path in (dense_file, sparse_file)
        ]
    (dense_accuracy, dense_size), (sparse_accuracy, sparse_size) = results
    print("\nnetwork     accuracy  file size")
    print(f"dense       {dense_accuracy:8.2%}  {dense_size / 1e3:6.0f} kB")
    print(f"{SPARSITY.value:.0%} zeros   {sparse_accuracy:8.2%}  {sparse_size / 1e3:6.0f} kB")
    print(f"\nAccuracy changes by {100 * (sparse_accuracy - dense_accuracy):+.2f} points.")


if __name__ == "__main__":
    app.run(main)
