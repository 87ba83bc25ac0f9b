"""A model to the bytes of a TFLite file.

The flatbuffer is packed without the constants, which follow it as they lie in memory: a model of
any size is written without a second copy of it.
"""

import struct

import flatbuffers

from tfsparse.converter.flatbuffer.constants import buffer_bytes
from tfsparse.converter.flatbuffer.definitions import IDENTIFIER, MAX_BYTES, schema

# What the runtime's kernels may assume of constants; the schema says force_align: 16.
BUFFER_ALIGNMENT = 16


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
    model.buffers = [_Placeholder(buffer) for buffer in buffers]
    builder = flatbuffers.Builder(1 << 16)
    try:
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        tables = builder.Output()
        written = [tables]
        end = len(tables)
        inlying = [buffer for buffer in model.buffers if buffer.slot]
        outlying = [buffer for buffer in model.buffers if buffer.outlying_slots]
        for buffer in inlying:
            end = buffer.append_inlying(written, end, tables)
        if end > MAX_BYTES:
            raise ValueError(_too_large(end))
        for buffer in outlying:
            end = buffer.append_outlying(written, end, tables)
    except flatbuffers.builder.BuilderSizeError as e:
        raise ValueError(_too_large(size)) from e
    finally:
        model.buffers = buffers
    if getattr(model, "archive", None):
        written.append(_moved_archive(*model.archive, end))
    return written


def _too_large(size):
    return f"A TFLite file holds at most 2 GB. Received: a model of {size} bytes"


class _Placeholder:
    """Packs a buffer without its content, which is appended and linked afterwards."""

    def __init__(self, buffer):
        self.content = buffer_bytes(buffer)
        self.is_outlying = buffer.offset > 1
        # Distances of the fields to fill from the end of the flatbuffer's tables.
        self.slot = None
        self.outlying_slots = ()

    def Pack(self, builder):
        """Called by the generated code, as for a `BufferT`."""
        if not len(self.content):
            schema.BufferStart(builder)
            return schema.BufferEnd(builder)
        if self.is_outlying:
            return self._pack_outlying(builder)
        builder.StartVector(1, 0, 1)
        empty = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, empty)
        self.slot = builder.Offset()
        return schema.BufferEnd(builder)

    def _pack_outlying(self, builder):
        schema.BufferStart(builder)
        schema.BufferAddOffset(builder, 1)
        offset = builder.Offset()
        schema.BufferAddSize(builder, 1)
        self.outlying_slots = offset, builder.Offset()
        return schema.BufferEnd(builder)

    def append_inlying(self, written, end, tables):
        """Appends a vector with the content, points the buffer to it, and returns its end."""
        length = struct.pack("<I", len(self.content))
        padding = -(end + len(length)) % BUFFER_ALIGNMENT
        slot = len(tables) - self.slot
        struct.pack_into("<I", tables, slot, end + padding - slot)
        written += [bytes(padding), length, memoryview(self.content)]
        return end + padding + len(length) + len(self.content)

    def append_outlying(self, written, end, tables):
        """Appends the content, tells the buffer where it is, and returns its end."""
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
    entries, size, directory = struct.unpack_from("<HII", moved, end + 10)
    entry = end - size
    if directory != start + entry:
        return archive  # It counts from the archive's start, or from elsewhere.
    shift = new_start - start
    struct.pack_into("<I", moved, end + 16, directory + shift)
    for _ in range(entries):
        (offset,) = struct.unpack_from("<I", moved, entry + 42)
        struct.pack_into("<I", moved, entry + 42, offset + shift)
        entry += 46 + sum(struct.unpack_from("<HHH", moved, entry + 28))
    return moved
