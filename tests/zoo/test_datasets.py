import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfsparse.zoo import datasets


def picture(colour, size=(12, 10), kind="PNG"):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return data.getvalue()


RED, BLUE = picture("red"), picture("blue")


def fill(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_digits_are_upscaled_and_split_by_class():
    data = datasets.load("digits", size=16)
    assert data.x_train.shape == (1438, 16, 16, 1)
    assert data.x_test.shape == (359, 16, 16, 1)
    assert data.x_train.dtype == np.uint8
    assert data.x_train.max() == 255
    assert len(data.class_names) == 10
    assert np.bincount(data.y_test).min() >= 34


def test_fashion_mnist_is_read_from_keras_home(monkeypatch):
    import keras

    gray = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    labels = np.array([0, 9, 3], np.uint8)
    monkeypatch.setattr(
        keras.datasets.fashion_mnist, "load_data", lambda: ((gray, labels), (gray[:1], labels[:1]))
    )
    data = datasets.load("fashion_mnist", size=28)
    np.testing.assert_array_equal(data.x_train[..., 0], gray)
    assert data.y_train.tolist() == [0, 9, 3]
    assert data.class_names[9] == "Ankle-boot"


def test_a_failed_download_says_how_to_use_a_copy(monkeypatch):
    import keras

    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", fail)
    with pytest.raises(OSError, match=r"URL fetch failure.*KERAS_HOME"):
        datasets.load("fashion_mnist")


@pytest.mark.parametrize("wrapped", ["", "pictures/"])
@pytest.mark.parametrize("test", ["test", "val"])
@pytest.mark.parametrize("zipped", [False, True])
def test_train_and_test_folders_are_kept_apart(tmp_path, zipped, test, wrapped):
    files = {
        f"{wrapped}train/red/a.png": RED,
        f"{wrapped}train/blue/a.jpeg": picture("blue", kind="JPEG"),
        f"{wrapped}train/blue/b.PNG": BLUE,
        f"{wrapped}{test}/red/a.bmp": picture("red", kind="BMP"),
        f"{wrapped}README.txt": b"not a picture",
        "__MACOSX/train/red/._a.png": b"not a picture either",
    }
    path = pack(tmp_path / "x.zip", files) if zipped else fill(tmp_path / "x", files)
    data = datasets.load(str(path), size=8)
    assert data.class_names == ("blue", "red")
    assert data.x_train.shape == (3, 8, 8, 3)
    assert data.y_train.tolist() == [0, 0, 1]
    assert data.y_test.tolist() == [1]
    np.testing.assert_array_equal(data.x_test[0], np.full((8, 8, 3), (255, 0, 0)))


def test_without_a_split_a_fifth_of_every_class_is_held_out(tmp_path):
    files = {f"red/{i}.png": picture((250, i, 0)) for i in range(10)}
    files |= {f"blue/{i}.png": picture((0, i, 250)) for i in range(20)}
    folder = fill(tmp_path / "folder", files)
    data = datasets.load(folder)
    assert np.bincount(data.y_train).tolist() == [16, 8]
    assert np.bincount(data.y_test).tolist() == [4, 2]
    seen = {tuple(pixel) for pixel in np.concatenate([data.x_train, data.x_test])[:, 0, 0]}
    assert len(seen) == 30, "no picture is in both parts"
    again = datasets.load(pack(tmp_path / "x.zip", files))
    np.testing.assert_array_equal(again.x_test, data.x_test)


def test_gray_and_transparent_pictures_become_rgb(tmp_path):
    data = io.BytesIO()
    Image.new("LA", (5, 5), (100, 7)).save(data, "PNG")
    files = {f"{label}/{i}.png": data.getvalue() for label in "ab" for i in range(2)}
    loaded = datasets.load(fill(tmp_path / "x", files), size=4)
    assert (loaded.x_train == 100).all()


def broken_inputs():
    half = {"a/1.png": RED, "a/2.png": RED, "b/1.png": BLUE, "b/2.png": BLUE}
    return {
        "no pictures": ({"notes.txt": b"hello"}, "none among its 1 entries"),
        "nothing at all": ({}, "none among its 0 entries"),
        "an empty class": ({**half, "c/": b""}, "Received none in c/"),
        "one class": ({"a/1.png": RED, "a/2.png": RED}, "only the class 'a'"),
        "no class folders": ({"1.png": RED, "2.png": BLUE}, "outside of the class folders: 1.png"),
        "a lonely picture": ({**half, "c/1.png": RED}, "Received one of c"),
        "not a picture": ({**half, "a/3.png": b"text"}, "Received: a/3.png"),
        "a picture cut short": ({**half, "a/3.png": RED[:45]}, "Received: a/3.png"),
    }


@pytest.mark.parametrize("case", broken_inputs())
@pytest.mark.parametrize("zipped", [False, True])
def test_what_is_wrong_with_a_folder_is_said(tmp_path, case, zipped):
    files, message = broken_inputs()[case]
    if zipped:
        path = pack(tmp_path / "x.zip", files)
    else:
        path = tmp_path / "x"
        path.mkdir()
        fill(path, {name: content for name, content in files.items() if not name.endswith("/")})
        for name in files:
            (path / name).parent.mkdir(exist_ok=True)
            if name.endswith("/"):
                (path / name).mkdir()
    with pytest.raises(ValueError, match=message):
        datasets.load(path)


def test_a_zip_cut_short_is_said(tmp_path):
    path = pack(tmp_path / "x.zip", {f"{label}/{i}.png": RED for label in "ab" for i in "12"})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="cut short"):
        datasets.load(path)


def test_pictures_that_would_not_fit_in_memory_are_refused(tmp_path):
    files = {f"{label}/{i}.png": RED for label in "ab" for i in range(2)}
    with pytest.raises(ValueError, match="at most 4 GiB"):
        datasets.load(fill(tmp_path / "x", files), size=20_000)


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(FileNotFoundError, match=r"digits, fashion_mnist, or the path.*'mnits'"):
        datasets.load("mnits")
