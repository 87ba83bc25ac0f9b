import itertools

import numpy as np
import pytest

from tests.converter.single_op import pruned, single_op
from tfsparse import flatbuffer
from tfsparse.flatbuffer.encoding import encode


def spans_of(model):
    data = flatbuffer.serialize(model)
    return data, flatbuffer.array_spans(np.frombuffer(data, np.uint8), flatbuffer.parse(data))


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_a_span_has_the_bytes_of_a_constant(dtype):
    weights = (10 * pruned((16, 24), 0.5)).astype(dtype)
    data, spans = spans_of(single_op(weights))
    assert weights.tobytes() in [data[s.start : s.start + s.size] for s in spans]
    assert {s.item_size for s in spans if s.size == weights.nbytes} == {weights.itemsize}


def test_indices_of_sparse_constants_have_spans():
    model = single_op(pruned((16, 24), 0.8))
    encoding = encode(pruned((16, 24), 0.8))
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encoding, 0)
    data, spans = spans_of(model)
    indices = encoding.levels[1].indices.astype(np.uint8).tobytes()
    assert indices in [data[s.start : s.start + s.size] for s in spans if s.is_index]


def test_a_constant_behind_the_flatbuffer_has_a_span():
    weights = pruned((16, 24), 0.5)
    model = single_op(weights)
    model.buffers[model.subgraphs[0].tensors[1].buffer].offset = 2
    data, spans = spans_of(model)
    assert weights.tobytes() in [data[s.start : s.start + s.size] for s in spans]


def test_spans_do_not_overlap_where_tensors_share_a_buffer():
    model = single_op(pruned((16, 24), 0.5))
    graph = model.subgraphs[0]
    graph.tensors.append(flatbuffer.schema.TensorT(**{**vars(graph.tensors[1]), "name": b"again"}))
    _, spans = spans_of(model)
    ends = [(s.start, s.start + s.size) for s in spans]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
    assert [s.size for s in spans].count(16 * 24 * 4) == 1
