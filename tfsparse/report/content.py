"""The content of the page for one file: names, numbers and pictures, without markup."""

import dataclasses
import os

from tfsparse import flatbuffer
from tfsparse.inspection import tensors
from tfsparse.inspection.operators import CHANNELS_LAST, RUNTIMES
from tfsparse.inspection.xnnpack import BROKEN
from tfsparse.report import pictures

# Fewer zeros than this are by chance, and make no picture.
PICTURED_SPARSITY = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """An operator that multiplies by a matrix.

    Attributes:
        operator: Its `tfsparse.inspection.operators.Operator`.
        seconds, dense_seconds: Its time with its zeros and without zeros, or `None`.
    """

    operator: object
    seconds: float | None
    dense_seconds: float | None

    @property
    def key(self):
        """What two layers have in common that correspond to each other."""
        weights = self.operator.weights
        return self.operator.kind, weights.shape if weights else ()


@dataclasses.dataclass(frozen=True)
class Picture:
    """Where the weights of a layer are not zero; the two data URLs are masks."""

    layer: Layer
    whole: str
    excerpt: str
    rows: int
    columns: int


@dataclasses.dataclass(frozen=True)
class Content:
    """The content of the page for one file."""

    name: str
    inspection: object
    times: object
    layers: list
    parts: list
    runtimes: list
    pictures: list

    @property
    def broken(self):
        """Whether XNNPACK fails on the file."""
        return any(reason.startswith(BROKEN) for r in self.runtimes for reason, _ in r["reasons"])


def content_of(inspection, times, picture_count):
    """Returns the `Content` of a file.

    Args:
        inspection: Its `Inspection`.
        times: Its `Times`, or `None`.
        picture_count: Number of layers to picture, those with the most zeros.
    """
    layers = []
    for operator in inspection.products:
        key = operator.subgraph, operator.name
        layers.append(
            Layer(operator, *(times.layers.get(key, (None, None)) if times else (None,) * 2))
        )
    return Content(
        name=os.path.basename(inspection.path),
        inspection=inspection,
        times=times,
        layers=layers,
        parts=_parts(inspection),
        runtimes=[
            {
                "name": name,
                "sparse": inspection.sparse(runtime),
                "reasons": inspection.reasons(runtime),
            }
            for runtime, name in RUNTIMES.items()
        ],
        pictures=_pictures(inspection.path, layers, picture_count),
    )


def _parts(inspection):
    """What the file's bytes are: pairs of a name and a number."""
    constants = [tensor for tensor in inspection.tensors if tensor.role == "constant"]
    encoded = [tensor for tensor in constants if tensor.is_encoded]
    parts = {
        "sparse weights: values": sum(tensor.value_bytes for tensor in encoded),
        "sparse weights: where they are": sum(tensor.index_bytes for tensor in encoded),
        "dense constants": sum(t.value_bytes for t in constants if not t.is_encoded),
    }
    parts["all else"] = max(0, inspection.totals.file_bytes - sum(parts.values()))
    return list(parts.items())


def _pictures(path, layers, count):
    zeros = {
        layer: layer.operator.weights.zeros.zeros
        for layer in layers
        if layer.operator.weights
        and layer.operator.weights.zeros
        and layer.operator.weights.zeros.sparsity >= PICTURED_SPARSITY
    }
    chosen = sorted(zeros, key=lambda layer: -zeros[layer])[:count]
    if not chosen:
        return []
    model = flatbuffer.read(path)
    return [_picture(model, layer) for layer in layers if layer in chosen]


def _picture(model, layer):
    weights = layer.operator.weights
    tensor = model.subgraphs[weights.subgraph].tensors[weights.index]
    kept = pictures.matrix(tensors.mask(model, tensor), layer.operator.kind in CHANNELS_LAST)
    rows, columns = pictures.EXCERPT
    excerpt = kept[:rows, :columns]
    return Picture(
        layer,
        whole=pictures.png_url(pictures.density(kept)),
        excerpt=pictures.png_url(excerpt),
        rows=excerpt.shape[0],
        columns=excerpt.shape[1],
    )
