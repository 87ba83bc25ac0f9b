"""Pictures to train on: built-in sets by name, and any folder or zip of class folders."""

import dataclasses
import io
import sys
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from rich.progress import track

from tfsparse.calibration.example_files import PICTURE_SUFFIXES
from tfsparse.capture import captured_output

BUILT_IN = ("digits", "fashion_mnist")
TEST_FOLDERS = ("test", "val", "validation")
TEST_FRACTION = 0.2
MAX_BYTES = 4 << 30
FASHION_MNIST_CLASSES = (
    "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle-boot"
)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Pictures and their classes, in two parts that share no picture.

    Attributes:
        x_train, x_test: uint8, (pictures, size, size, channels); 1 channel for the built-in sets,
            which are gray, and 3 for folders.
        y_train, y_test: int64, (pictures,), positions in `class_names`.
        class_names: the classes.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]


def load(source="digits", size=32):
    """Loads a data set of pictures, resized to squares.

    Args:
        source: "digits" (scikit-learn's 1,797 handwritten digits), "fashion_mnist" (70,000 pieces
            of clothing, by `keras.datasets`, which keeps it below `KERAS_HOME`), or the path of a
            folder or zip file that holds one folder of pictures a class. Where there are folders
            `train` and `test` (or `val`) above the class folders they are kept apart; otherwise
            every class gives a fifth of its pictures, always the same ones, to the test part.
        size: height and width of the pictures that are returned.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it holds no class folders, a folder without pictures, a picture that cannot be
            read, or more pictures than fit in memory at this size.
        OSError: Fashion-MNIST could not be downloaded.
    """
    if source == "digits":
        return _digits(size)
    if source == "fashion_mnist":
        return _fashion_mnist(size)
    path = Path(source)
    if path.is_dir():
        return _class_folders(path, _list(path), lambda name: (path / name).read_bytes(), size)
    if not path.exists():
        raise FileNotFoundError(
            f"Expected one of {', '.join(BUILT_IN)}, or the path of a folder or zip file of class "
            f"folders. Received: {str(source)!r}, which does not exist."
        )
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"Expected a folder or a zip file of class folders. Received: {path}, which is neither "
            "(an archive that was cut short counts as neither)."
        )
    with zipfile.ZipFile(path) as archive:
        return _class_folders(path, archive.namelist(), archive.read, size)


def _digits(size):
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("The digits need scikit-learn: pip install 'tfsparse[demo]'") from None

    pictures, labels = load_digits(return_X_y=True)
    # Stored as 0 to 16.
    pictures = (pictures * (255 / 16)).round().astype(np.uint8).reshape(-1, 8, 8)
    train, test = _split(labels)
    return Dataset(
        x_train=_resize(pictures[train], size),
        y_train=labels[train],
        x_test=_resize(pictures[test], size),
        y_test=labels[test],
        class_names=tuple("0123456789"),
    )


def _fashion_mnist(size):
    with captured_output():
        import keras
    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception where a download fails.
        raise OSError(
            f"Fashion-MNIST could not be downloaded: {error}. To use a copy, set KERAS_HOME to the "
            "folder whose datasets/fashion-mnist/ holds the four .gz files (Debian has them in the "
            "package dataset-fashion-mnist)."
        ) from error
    return Dataset(
        x_train=_resize(x_train, size),
        y_train=y_train.astype(np.int64),
        x_test=_resize(x_test, size),
        y_test=y_test.astype(np.int64),
        class_names=tuple(FASHION_MNIST_CLASSES.split()),
    )


def _list(folder):
    """Lists what is in a folder as a zip file would: relative paths, those of folders end in /."""
    return [
        entry.relative_to(folder).as_posix() + ("/" if entry.is_dir() else "")
        for entry in sorted(folder.rglob("*"))
    ]


def _class_folders(path, entries, read, size):
    files = sorted(_layout(path, _picture_names(path, entries)), key=lambda file: file[2])
    classes = sorted({label for _, label, _ in files})
    if len(classes) < 2:
        raise ValueError(
            f"Expected at least two classes, a folder of pictures each, in {path}. Received only "
            f"the class {classes[0]!r}."
        )
    if len(files) * 3 * size**2 > MAX_BYTES:
        raise ValueError(
            f"Expected pictures of at most {MAX_BYTES >> 30} GiB together. Received: {len(files)} "
            f"in {path} at {size}x{size}. Take fewer, or a smaller size."
        )
    pictures = np.empty((len(files), size, size, 3), np.uint8)
    # Off a terminal the bar would be one more line in a log.
    hidden = not sys.stdout.isatty()
    for i, (name, _, _) in enumerate(track(files, "Reading pictures", disable=hidden)):
        pictures[i] = _decode(path, name, read, size)
    labels = np.array([classes.index(label) for _, label, _ in files])
    train = sum(not is_test for _, _, is_test in files)
    return Dataset(
        pictures[:train], labels[:train], pictures[train:], labels[train:], tuple(classes)
    )


def _picture_names(path, entries):
    """Returns the names of the pictures among the entries, sorted."""
    visible = [name for name in entries if not _is_hidden(name)]
    names = sorted(name for name in visible if name.lower().endswith(PICTURE_SUFFIXES))
    if not names:
        raise ValueError(
            f"Expected folders of pictures ({' '.join(PICTURE_SUFFIXES)}) in {path}. Received "
            f"none among its {len(visible)} entries."
        )
    filled = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    empty = [name for name in visible if name.endswith("/") and name.rstrip("/") not in filled]
    if empty:
        raise ValueError(
            f"Expected pictures ({' '.join(PICTURE_SUFFIXES)}) in every folder of {path}. "
            f"Received none in {', '.join(empty[:5])}. Remove the empty folders or fill them."
        )
    return names


def _is_hidden(name):
    # Archives made on a Mac carry a second, unreadable copy of every picture there.
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _layout(path, names):
    """Returns (name, class, whether it is for testing) of each picture."""
    tails = [PurePosixPath(name).parts for name in names]
    while min(map(len, tails)) > 2 and len({tail[0] for tail in tails}) == 1:
        tails = [tail[1:] for tail in tails]
    tops = {tail[0] for tail in tails}
    tests = [folder for folder in TEST_FOLDERS if folder in tops]
    is_split = "train" in tops and tests
    for name, tail in zip(names, tails, strict=True):
        if len(tail) < (3 if is_split else 2):
            raise ValueError(
                f"Expected one folder of pictures a class in {path}. Received a picture outside "
                f"of the class folders: {name}."
            )
    if not is_split:
        return _hold_out(path, names, [tail[0] for tail in tails])
    return [
        (name, tail[1], tail[0] == tests[0])
        for name, tail in zip(names, tails, strict=True)
        if tail[0] in ("train", tests[0])
    ]


def _hold_out(path, names, labels):
    alone = [label for label, count in Counter(labels).items() if count < 2]
    if alone:
        raise ValueError(
            f"Expected at least two pictures a class in {path}, one to train and one to test. "
            f"Received one of {', '.join(alone[:5])}."
        )
    test = set(_split(labels)[1])
    return [
        (name, label, i in test) for i, (name, label) in enumerate(zip(names, labels, strict=True))
    ]


def _decode(path, name, read, size):
    try:
        with Image.open(io.BytesIO(read(name))) as picture:
            return np.asarray(_square(picture.convert("RGB"), size))
    except (
        OSError,
        RuntimeError,  # An encrypted archive.
        SyntaxError,  # A broken PNG.
        ValueError,
        zipfile.BadZipFile,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f"Expected a picture that can be read. Received: {name} in {path} ({error}). Remove or "
            "replace it."
        ) from error


def _resize(pictures, size):
    """Resizes gray pictures: uint8, (pictures, height, width), to (pictures, size, size, 1)."""
    resized = np.empty((len(pictures), size, size, 1), np.uint8)
    for i, picture in enumerate(pictures):
        resized[i, ..., 0] = _square(Image.fromarray(picture), size)
    return resized


def _square(picture, size):
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def _split(labels):
    """Returns the positions of the train and of the test part; every class is in both, alike."""
    rng = np.random.default_rng(0)
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(np.asarray(labels) == label))
        test[members[: max(1, round(TEST_FRACTION * len(members)))]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)
