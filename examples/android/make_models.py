"""Makes what the example app shows: a dense and a sparse model, class names and a picture.

Both are small MobileNetV2s, trained as long on the same pictures, one of them pruned meanwhile. The
picture is the first of the test part.

    python examples/android/make_models.py
    python examples/android/make_models.py --dataset my_pictures.zip --size 96 --epochs 20
"""

from pathlib import Path

import keras
from absl import app, flags
from PIL import Image

import tfsparse
from tfsparse.zoo import architectures, datasets

DATASET = flags.DEFINE_string(
    "dataset", "digits", "digits, fashion_mnist, or a folder or zip file of class folders."
)
SIZE = flags.DEFINE_integer("size", 64, "Height and width of the pictures.", 16)
WIDTH = flags.DEFINE_float("width", 2.0, "Factor on the number of channels.", 0.25)
EPOCHS = flags.DEFINE_integer("epochs", 10, "Passes over the training pictures.", 1)
SPARSITY = flags.DEFINE_float("sparsity", 0.8, "Zeros in the 1x1 convolutions.", 0, 0.99)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", str(Path(__file__).parent / "app/src/main/assets"), "Where the app reads them."
)


def train(data, callbacks):
    keras.utils.set_random_seed(0)
    model = architectures.small_mobilenet_v2(
        data.x_train.shape[1:], len(data.class_names), WIDTH.value
    )
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=False)
    model.fit(data.x_train, data.y_train, 64, EPOCHS.value, verbose=2, callbacks=callbacks)
    return model


def main(_):
    data = datasets.load(DATASET.value, SIZE.value)
    folder = Path(OUTPUT_DIR.value)
    folder.mkdir(parents=True, exist_ok=True)
    tfsparse.convert(train(data, []), folder / "dense.tflite", encoding="none")
    pruning = tfsparse.GradualPruning(final_sparsity=SPARSITY.value)
    tfsparse.convert(train(data, [pruning]), folder / "sparse.tflite")
    (folder / "labels.txt").write_text("\n".join(data.class_names) + "\n")
    picture = data.x_test[0]
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(
        folder / "picture.png"
    )
    print(f"{folder}: models, labels, and a picture of {data.class_names[data.y_test[0]]!r}")


if __name__ == "__main__":
    app.run(main)
