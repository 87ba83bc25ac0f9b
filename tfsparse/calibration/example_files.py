"""Calibration data from files: images, or NumPy arrays."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tfsparse import flatbuffer
from tfsparse.calibration import examples

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


def load(path, model, count, mean=(0,), std=(1,)):
    """Reads examples for `tfsparse.prune_file`.

    Args:
        path: A folder of pictures, at any depth, or a `.npy` or `.npz` file of arrays whose first
            dimension counts the examples; those of a `.npz` file are the model's inputs by name.
        model: The `.tflite` file that they are for.
        count: The most examples to read, drawn at random with a fixed seed.
        mean, std: For pictures: pixels from 0 to 255 become (pixel - mean) / std. One number, or
            one for each channel.

    Returns:
        A list of arrays without the dimension of the batch, or of dictionaries of them.

    Raises:
        OSError: A file cannot be read.
        ValueError: It contains no readable example, or the model's input is no picture.
    """
    path = Path(path)
    if path.is_dir():
        return _pictures(path, model, count, mean, std)
    found = arrays(path)
    if isinstance(found, dict):
        chosen = _drawn(range(len(next(iter(found.values())))), count)
        return [{name: array[i] for name, array in found.items()} for i in chosen]
    return [found[i] for i in _drawn(range(len(found)), count)]


def arrays(path):
    """Reads arrays of examples.

    Args:
        path: A `.npy` file, or a `.npz` file of several inputs.

    Returns:
        An array, or a dictionary of arrays by name.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is another file, or its arrays are not of one number of examples.
    """
    read = load_arrays(path)
    found = read if isinstance(read, dict) else {"": read}
    lengths = {array.shape[0] if array.ndim else 0 for array in found.values()}
    if len(lengths) != 1 or not min(lengths):
        raise ValueError(
            f"Expected arrays with one number of examples in {path}. Received: {sorted(lengths)}"
        )
    return found.get("", found)


def load_arrays(path):
    """The array of a `.npy` file, or a dictionary of those of a `.npz` file, of any shapes.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is another file.
    """
    try:
        with open(path, "rb") as file:  # NumPy would leave a damaged .npz file open.
            if file.read(2) != b"PK":
                return np.load(path, allow_pickle=False, mmap_mode="r")
            file.seek(0)
            return dict(np.load(file, allow_pickle=False))
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"Expected a .npy or .npz file of numbers. Received: {path}, which is another or a "
            "damaged file."
        ) from error


def _pictures(folder, model, count, mean, std):
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise ValueError(
            f"Expected pictures ({' '.join(PICTURE_SUFFIXES)}) in {folder}. Received: none."
        )
    (name, shape, _), *more = examples.inputs_of(flatbuffer.read(model))
    if more or len(shape) != 4 or shape[3] not in (1, 3):
        raise ValueError(
            f"Expected a model that takes pictures alone, (batch, height, width, 1 or 3), for a "
            f"folder of pictures. Received: {name} of shape {shape}"
            f"{' and other inputs' if more else ''}. Give a .npy or .npz file."
        )
    _, height, width, channels = shape
    for values in (mean, std):
        if len(values) not in (1, channels) or 0 in std:
            raise ValueError(
                f"Expected a mean, and a std other than 0, of 1 or {channels} numbers. Received: "
                f"{mean} and {std}"
            )
    mean, std = np.array(mean, np.float32), np.array(std, np.float32)
    mode = "RGB" if channels == 3 else "L"
    pictures = [_picture(path, mode, width, height) for path in _drawn(paths, count)]
    return [(np.atleast_3d(picture) - mean) / std for picture in pictures]


def _picture(path, mode, width, height):
    """A picture in the size of the input, or in its own where that is open."""
    try:
        with Image.open(path) as picture:
            size = (
                picture.width if width < 0 else width,
                picture.height if height < 0 else height,
            )
            fitted = ImageOps.fit(picture.convert(mode), size, Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Expected a picture that can be read. Received: {path} ({error}). Remove or replace "
            "it."
        ) from error
    return np.asarray(fitted, np.float32)


def _drawn(items, count):
    """At most `count` of some items, in their order."""
    if len(items) <= count:
        return items
    chosen = np.random.default_rng(0).choice(len(items), count, replace=False)
    return [items[i] for i in sorted(chosen)]
