"""Writes a model as the bytes of a TFLite file.

The flatbuffer is packed without the constants, which follow it as they lie in memory: a model of
any size is written without a second copy of it.
"""

import struct

import flatbuffers
import numpy as np

from tfsparse.flatbuffer.constants import buffer_bytes
from tfsparse.flatbuffer.definitions import IDENTIFIER, MAX_BYTES, schema

# What the runtime's kernels may assume of constants; the schema says force_align: 16.
BUFFER_ALIGNMENT = 16
# Bytes from which a vector of numbers, such as the indices of a sparse tensor, is left out as well.
LARGE_VECTOR = 4096


def serialize(model):
    """The bytes of a TFLite file that holds `model`. See `pieces`."""
    return b"".join(pieces(model))


def pieces(model):
    """The bytes of a TFLite file that holds `model`, in pieces that follow each other.

    Args:
        model: A `ModelT`. Constants that it had behind the flatbuffer stay there.

    Returns:
        A list of bytes-like objects.

    Raises:
        ValueError: If the flatbuffer would be more than 2 GB, or the model was read from a file
            with fields that the schema at hand lacks.
    """
    if getattr(model, "unknown", ()):
        raise ValueError(
            f"The file is of a newer version of TFLite: its {', '.join(model.unknown)} would lose "
            "what the installed schema does not know. Install a newer ai-edge-litert."
        )
    size = sum(len(buffer_bytes(buffer)) for buffer in model.buffers if buffer.offset <= 1)
    if size > MAX_BYTES:
        raise ValueError(_too_large(size))
    buffers = model.buffers
    model.buffers = [_Buffer(buffer) for buffer in buffers]
    builder = _Builder(1 << 16)
    try:
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        tables = builder.Output()
        written = [tables]
        end = len(tables)
        for slot, vector in builder.left_out:
            end = _append_vector(written, end, len(tables) - slot, vector)
        if end > MAX_BYTES:
            raise ValueError(_too_large(end))
        for buffer in model.buffers:
            if buffer.outlying_slots:
                end = buffer.append_outlying(written, end)
    except flatbuffers.builder.BuilderSizeError as e:
        raise ValueError(_too_large(size)) from e
    finally:
        model.buffers = buffers
    if getattr(model, "archive", None):
        written.append(_moved_archive(*model.archive, end))
    return written


def _too_large(size):
    return f"A TFLite file holds at most 2 GB. Received: a model of {size} bytes"


class _Builder(flatbuffers.Builder):
    """Leaves the contents of buffers and other large vectors out, for `_append_vector`.

    Attributes:
        left_out: Pairs of a slot, the distance of the field that is to point to the vector from the
            end of the tables, and the vector, an array.
    """

    def __init__(self, size):
        super().__init__(size)
        self.left_out = []
        self._places = {}

    def CreateNumpyVector(self, x):
        """As the generated code calls it."""
        return self.leave_out(x) if x.nbytes >= LARGE_VECTOR else super().CreateNumpyVector(x)

    def leave_out(self, vector):
        """Writes an empty vector instead of `vector`, and returns its place."""
        self.StartVector(1, 0, 1)
        place = self.EndVector()
        self._places[place] = vector
        return place

    def PrependUOffsetTRelativeSlot(self, slotnum, x, default):
        """As the generated code calls it for every field that points to something."""
        super().PrependUOffsetTRelativeSlot(slotnum, x, default)
        if x in self._places:
            self.left_out.append((self.Offset(), self._places.pop(x)))


def _append_vector(written, end, slot, vector):
    """Appends a vector that was left out, makes the field at `slot` point to it; its end."""
    tables, length = written[0], struct.pack("<I", len(vector))
    padding = -(end + len(length)) % BUFFER_ALIGNMENT
    struct.pack_into("<I", tables, slot, end + padding - slot)
    written += [bytes(padding), length, memoryview(vector.view(np.uint8))]
    return end + padding + len(length) + vector.nbytes


class _Buffer:
    """Packs a buffer without its content."""

    def __init__(self, buffer):
        self.content = buffer_bytes(buffer)
        self.is_outlying = buffer.offset > 1
        self.outlying_slots = ()

    def Pack(self, builder):
        """Called by the generated code, as for a `BufferT`."""
        is_inlying = len(self.content) and not self.is_outlying
        data = builder.leave_out(self.content) if is_inlying else None
        schema.BufferStart(builder)
        if is_inlying:
            schema.BufferAddData(builder, data)
        elif len(self.content):
            schema.BufferAddOffset(builder, 1)
            offset = builder.Offset()
            schema.BufferAddSize(builder, 1)
            self.outlying_slots = offset, builder.Offset()
        return schema.BufferEnd(builder)

    def append_outlying(self, written, end):
        """Appends the content, tells the buffer where it is, and returns its end."""
        tables = written[0]
        padding = -end % BUFFER_ALIGNMENT
        for slot, number in zip(
            self.outlying_slots, (end + padding, len(self.content)), strict=True
        ):
            struct.pack_into("<Q", tables, len(tables) - slot, number)
        written += [bytes(padding), memoryview(self.content)]
        return end + padding + len(self.content)


def _moved_archive(start, archive, new_start):
    """A ZIP archive for another place in its file: its directory counts from the file's start."""
    moved = bytearray(archive)
    end = moved.rfind(b"PK\5\6")
    size, directory = struct.unpack_from("<II", moved, end + 12)
    entry = end - size
    if directory != start + entry:
        return archive  # It counts from the archive's start, or from elsewhere.
    shift = new_start - start
    struct.pack_into("<I", moved, end + 16, directory + shift)
    while entry < end:
        (offset,) = struct.unpack_from("<I", moved, entry + 42)
        struct.pack_into("<I", moved, entry + 42, offset + shift)
        entry += 46 + sum(struct.unpack_from("<HHH", moved, entry + 28))
    return moved
