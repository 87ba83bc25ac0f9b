"""How many bytes a file, its archive, or a layer in an archive takes."""

import numpy as np

from tfsparse import flatbuffer
from tfsparse.packing.numbers import best_coding
from tfsparse.packing.pack import archive_of


def coded_bytes(model, layer):
    """About how many bytes of an archive the constants of a layer take, a float.

    Args:
        model: A `ModelT` without sparse constants.
        layer: `FileLayer`.
    """
    total = 0
    for index in layer.tensors:
        values = flatbuffer.constant(model, model.subgraphs[0].tensors[index])
        content = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        total += best_coding(content, values.itemsize, False).size
    return total


def num_bytes(content, quantity):
    """The bytes of a file, for the quantity `"archive"` those of the archive that it is packed to.

    Args:
        content: The bytes of the file.
        quantity: `"size"` or `"archive"`.
    """
    if quantity == "archive":
        content = archive_of(content, flatbuffer.parse(content))
    return len(content)
