"""Archives give the same file, and nothing is written of damaged ones."""

import contextlib
import os
import struct
import zlib

import pytest

import tfsparse
from tests.converter.single_op import pruned, single_op
from tests.mutations import how_many, mutations
from tfsparse import flatbuffer
from tfsparse.flatbuffer.encoding import encode
from tfsparse.packing import pack as module


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files with a pruned convolution by the type of their weights, dense and sparse."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for dtype, scale in (("float32", 1), ("float16", 1), ("int8", 40)):
        weights = (scale * pruned((64, 3, 3, 64), 0.8)).astype(dtype)
        dense, sparse = single_op(weights), single_op(weights)
        flatbuffer.replace_by_densify(sparse, sparse.subgraphs[0], 1, encode(weights), 0)
        for name, model in ((dtype, dense), (f"{dtype} sparse", sparse)):
            path = folder / f"{name}.tflite"
            path.write_bytes(flatbuffer.serialize(model))
            made[name] = str(path)
    return made


KINDS = [f"{w}{e}" for w in ("float32", "float16", "int8") for e in ("", " sparse")]


def content(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("kind", KINDS)
def test_unpacking_gives_the_same_bytes(files, kind, tmp_path):
    archive, again = tmp_path / "m.pack", tmp_path / "m.tflite"
    assert tfsparse.pack(files[kind], archive) == str(archive)
    assert tfsparse.unpack(archive, again) == str(again)
    assert content(again) == content(files[kind])
    assert archive.stat().st_size < 0.9 * len(zlib.compress(content(files[kind]), 9))


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_dense_and_sparse_files_have_archives_of_about_one_size(files, weights, tmp_path):
    sizes = [
        os.path.getsize(tfsparse.pack(files[kind], tmp_path / "m.pack"))
        for kind in (weights, f"{weights} sparse")
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)


def test_constants_behind_the_flatbuffer_and_appended_files_are_kept(tmp_path):
    model = single_op(pruned((64, 64), 0.8))
    model.buffers[model.subgraphs[0].tensors[1].buffer].offset = 2
    path, again = tmp_path / "m.tflite", tmp_path / "again.tflite"
    path.write_bytes(flatbuffer.serialize(model) + b"something of 29 bytes behind.")
    tfsparse.pack(path, tmp_path / "m.pack")
    assert (tmp_path / "m.pack").stat().st_size < 0.35 * path.stat().st_size
    tfsparse.unpack(tmp_path / "m.pack", again)
    assert content(again) == content(path)


def test_a_file_may_be_replaced(files, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(content(files["int8"]))
    tfsparse.pack(path, path)
    assert content(path).startswith(b"TFSPACK1")
    tfsparse.unpack(path, path)
    assert content(path) == content(files["int8"])


def test_what_is_no_tflite_file_is_not_packed(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"PK and much else")
    with pytest.raises(ValueError, match="Expected a TFLite file"):
        tfsparse.pack(path, tmp_path / "m.pack")
    assert os.listdir(tmp_path) == [path.name]


def test_an_archive_that_gives_another_file_is_not_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_file_of", lambda *_: b"another file")
    with pytest.raises(RuntimeError, match="not written"):
        tfsparse.pack(files["int8"], tmp_path / "m.pack")
    assert not os.listdir(tmp_path)


def check_refused(archive, damaged, tmp_path, name):
    path, out = tmp_path / "m.pack", tmp_path / "out"
    out.mkdir(exist_ok=True)
    path.write_bytes(damaged)
    if damaged == archive:
        return
    with pytest.raises(ValueError, match=r"Cannot unpack .*m\.pack: (the|expected an) archive"):
        tfsparse.unpack(path, out / "m.tflite")
    assert not os.listdir(out), name


@pytest.mark.parametrize("kind", ["float32 sparse", "int8"])
def test_of_a_damaged_archive_nothing_is_written(files, kind, tmp_path):
    archive = content(tfsparse.pack(files[kind], tmp_path / "m.pack"))
    for name, damaged in mutations(archive, how_many(60)):
        check_refused(archive, damaged, tmp_path, name)


@pytest.mark.parametrize("kind", ["float32 sparse", "int8"])
def test_damage_that_the_first_checksum_does_not_show(files, kind, tmp_path):
    archive = content(tfsparse.pack(files[kind], tmp_path / "m.pack"))
    out = tmp_path / "again.tflite"
    for _name, damaged in mutations(archive[20:-4], how_many(60)):
        whole = archive[:20] + damaged
        (tmp_path / "m.pack").write_bytes(whole + struct.pack("<I", zlib.crc32(whole)))
        with contextlib.suppress(ValueError):
            tfsparse.unpack(tmp_path / "m.pack", out)
            # Some bits mean nothing, such as those behind the end of DEFLATE.
            assert content(out) == content(files[kind])


def test_a_size_that_no_memory_has(tmp_path):
    archive = b"TFSPACK1" + struct.pack("<QI", 1 << 62, 0) + bytes([0, 0, 0])
    (tmp_path / "m.pack").write_bytes(archive + struct.pack("<I", zlib.crc32(archive)))
    with pytest.raises(MemoryError):
        tfsparse.unpack(tmp_path / "m.pack", tmp_path / "m.tflite")
    assert os.listdir(tmp_path) == ["m.pack"]
