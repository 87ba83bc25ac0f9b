"""Examples from folders of pictures and from files of arrays."""

import numpy as np
import pytest
from PIL import Image

from tests.converter.single_op import pruned, single_op
from tfsparse import flatbuffer
from tfsparse.calibration import example_files


def written(path, channels):
    """A model that takes an image of 8x8."""
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 1, 1, channels), 0))))
    return path


@pytest.fixture
def pictures(tmp_path):
    """A red and a blue picture, wider than high, in a folder each, and a file of another kind."""
    for name, colour in (("cats/1.png", (255, 0, 0)), ("dogs/1.jpg", (0, 0, 255))):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (40, 20), colour).save(path)
    (tmp_path / "pictures" / "labels.txt").write_text("cat dog")
    return tmp_path / "pictures"


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_get_the_size_and_the_scale_of_the_input(tmp_path, pictures, channels):
    model = written(tmp_path / "model.tflite", channels)
    found = example_files.load(pictures, model, 10, mean=[127.5], std=[127.5])
    assert [image.shape for image in found] == [(8, 8, channels)] * 2
    assert {image.dtype for image in found} == {np.dtype(np.float32)}
    if channels == 3:
        np.testing.assert_allclose(found[0][4, 4], [1, -1, -1], atol=0.05)
        found = example_files.load(pictures, model, 10, [255, 0, 0], [1, 1, 255])
        np.testing.assert_allclose(found[1][4, 4], [-255, 0, 1], atol=5)


def test_pictures_keep_their_size_where_that_of_the_input_is_open(tmp_path, pictures):
    model = single_op(pruned((16, 1, 1, 3), 0))
    model.subgraphs[0].tensors[0].shapeSignature = [-1, -1, 8, 3]
    (tmp_path / "open.tflite").write_bytes(flatbuffer.serialize(model))
    found = example_files.load(pictures, tmp_path / "open.tflite", 10)
    assert [image.shape for image in found] == [(20, 8, 3)] * 2


def test_at_most_as_many_are_drawn_as_asked_for(tmp_path, pictures):
    model = written(tmp_path / "model.tflite", 3)
    assert len(example_files.load(pictures, model, 1)) == 1
    np.save(tmp_path / "x.npy", np.arange(100))
    drawn = example_files.load(tmp_path / "x.npy", model, 10)
    assert len({int(x) for x in drawn}) == 10
    assert drawn == example_files.load(tmp_path / "x.npy", model, 10)
    assert max(drawn) > 10, "not just the first, which may all be of one class"


def test_the_arrays_of_an_archive_are_inputs_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3), b=np.ones((3, 2)))
    first, *more = example_files.load(tmp_path / "x.npz", None, 10)
    assert (set(first), first["b"].shape, len(more)) == ({"a", "b"}, (2,), 2)


def test_what_cannot_be_read_is_refused(tmp_path, pictures):
    model = written(tmp_path / "model.tflite", 3)
    np.savez(tmp_path / "uneven.npz", a=np.zeros(3), b=np.zeros(4))
    np.save(tmp_path / "single.npy", np.float32(1))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "uneven.npz").read_bytes()[:200])
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("uneven.npz", r"one number of examples .* Received: \[3, 4\]"),
        ("single.npy", "one number of examples"),
        ("objects.npy", "Expected a .npy or .npz file of numbers"),
        ("model.tflite", "Expected a .npy or .npz file of numbers"),
        ("cut.npz", "Expected a .npy or .npz file of numbers"),
        ("empty", "Expected pictures .* Received: none"),
    ]:
        with pytest.raises(ValueError, match=message):
            example_files.load(tmp_path / name, model, 10)
    with pytest.raises(FileNotFoundError):
        example_files.load(tmp_path / "missing", model, 10)
    with pytest.raises(ValueError, match="std other than 0"):
        example_files.load(pictures, model, 10, [0, 0], [1])
    with pytest.raises(ValueError, match="Expected a model that takes pictures alone"):
        example_files.load(pictures, written(tmp_path / "other.tflite", 4), 10)
    (pictures / "broken.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(ValueError, match=r"Expected a picture that can be read.*broken.png"):
        example_files.load(pictures, model, 10)
