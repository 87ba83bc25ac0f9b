"""Damaged files are refused with a message, or converted to whole files."""

import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.single_op import pruned, single_op
from tests.mutations import check_refused_or_written, how_many
from tfsparse import flatbuffer
from tfsparse.flatbuffer.encoding import encode

MESSAGES = ("Expected ", "The TFLite file is damaged", "Cannot convert ", "Cannot make ")


def dense():
    file = io.BytesIO()
    file.write(flatbuffer.serialize(single_op(pruned((16, 24), 0.8))))
    with zipfile.ZipFile(file, "a") as archive:
        # Of 1980 and not of now: the bytes, and so the damage to them, are always the same.
        archive.writestr(zipfile.ZipInfo("labels.txt"), "cat dog")
    return file.getvalue()


def sparse():
    model = single_op(pruned((8, 1, 1, 24), 0.8, np.float16))
    encoding = encode(flatbuffer.constant(model, model.subgraphs[0].tensors[1]), blocks={0: 2})
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encoding, 0)
    model.metadata = [flatbuffer.schema.MetadataT(name="labels", buffer=2)]
    return flatbuffer.serialize(model)


@pytest.mark.parametrize("build", [dense, sparse])
def test_a_damaged_file_is_refused_or_converted_whole(tmp_path, build):
    check_refused_or_written(
        build(), how_many(200) // 2, tmp_path, MESSAGES, tfsparse.convert, tfsparse.densify
    )


def test_the_undamaged_files_are_converted(tmp_path):
    for build in (dense, sparse):
        (tmp_path / "source.tflite").write_bytes(build())
        out = tfsparse.convert(tmp_path / "source.tflite", tmp_path / "out.tflite")
        Interpreter(out).allocate_tensors()
