import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert
from hypothesis import strategies as st

from tests.converter.single_op import pruned, quantized_op, run, single_op
from tfsparse import flatbuffer
from tfsparse.converter.layouts import encode_as
from tfsparse.converter.sparsify import sparsify
from tfsparse.flatbuffer.encoding import decode, encode

RUNTIMES = {
    "tf.lite": (tf.lite.Interpreter, tf.lite.experimental.OpResolverType),
    "ai_edge_litert": (litert.Interpreter, litert.OpResolverType),
}
RESOLVERS = ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF")
KINDS = {
    "rows": {},
    "columns": {"traversal_order": "reversed"},
    "empty rows left out": {"compressed": "all"},
    "blocks of outputs": {"blocks": {0: 4}},
    "blocks of inputs": {"blocks": {-1: 4}},
    "columns of blocks of inputs": {"traversal_order": "reversed", "blocks": {-1: 4}},
    "blocks of outputs and inputs": {"blocks": {0: 2, -1: 4}},
}


def layout(kind, rank):
    """The options of `encode` for one of `KINDS`."""
    options = dict(KINDS[kind])
    if "traversal_order" in options:
        options["traversal_order"] = range(rank)[::-1]
    if "compressed" in options:
        options["compressed"] = range(rank)
    if "blocks" in options:
        options["blocks"] = {dim % rank: size for dim, size in options["blocks"].items()}
    return options


def operators(model):
    graph = model.subgraphs[0]
    return [flatbuffer.operator_name(model, op) for op in graph.operators]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(32, 48), (16, 1, 1, 32), (8, 3, 3, 16), (12, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_every_encoding_runs_like_the_dense_file(runtime, kind, shape, dtype):
    interpreter, resolvers = RUNTIMES[runtime]
    weights = pruned(shape, 0.8, dtype)
    weights[1] = 0
    model = single_op(weights)
    dense = flatbuffer.serialize(model)
    encoding = encode(weights, **layout(kind, len(shape)))
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encoding, 0)
    sparse = flatbuffer.serialize(model)
    for name in RESOLVERS:
        options = {"experimental_op_resolver_type": getattr(resolvers, name)}
        np.testing.assert_array_equal(
            run(interpreter(model_content=dense, **options)),
            run(interpreter(model_content=sparse, **options)),
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shape", [(64, 100), (64, 1, 1, 100), (16, 3, 3, 32)])
def test_pruned_weights_are_stored_sparse(shape, dtype):
    weights = pruned(shape, 0.8, dtype)
    model = single_op(weights)
    assert sparsify(model) == 1
    assert operators(model) == ["DENSIFY", *operators(single_op(weights))]
    sparse = model.subgraphs[0].tensors[-1]
    assert len(flatbuffer.sparse_encoding(model, sparse).values) == np.count_nonzero(weights)
    np.testing.assert_array_equal(flatbuffer.constant(model, sparse), weights)


def test_all_zero_weights_run():
    model = single_op(np.zeros((64, 64), np.float32))
    dense = flatbuffer.serialize(model)
    assert sparsify(model) == 1
    sparse = flatbuffer.serialize(model)
    np.testing.assert_array_equal(
        run(litert.Interpreter(model_content=dense)), run(litert.Interpreter(model_content=sparse))
    )


@hypothesis.given(
    st.sampled_from([(4, 20), (16, 32), (24, 300), (16, 1, 1, 24), (8, 3, 3, 8), (3, 2, 2, 300)]),
    st.sampled_from([np.float32, np.float16]),
    st.floats(0, 1),
    st.integers(1, 60),
)
def test_a_file_never_grows(shape, dtype, sparsity, length):
    weights = pruned(shape, sparsity, dtype)
    model = single_op(weights, name=b"w" * length)
    dense = len(flatbuffer.serialize(model))
    encoded = sparsify(model)
    sparse = len(flatbuffer.serialize(model))
    assert sparse < dense if encoded else sparse == dense
    # Nor is a gain of note left out.
    assert encoded or encode(weights).nbytes + 500 > weights.nbytes


def test_dense_weights_stay_dense():
    model = single_op(pruned((64, 64), 0.1))
    assert sparsify(model) == 0
    assert operators(model) == ["FULLY_CONNECTED"]


def test_weights_in_two_layers_are_densified_once():
    model = single_op(pruned((64, 64), 0.8))
    graph = model.subgraphs[0]
    first, output = graph.operators[0], graph.tensors[3]
    second = flatbuffer.schema.OperatorT(**{**vars(first), "inputs": [3, 1, 2], "outputs": [4]})
    graph.tensors.append(flatbuffer.schema.TensorT(**{**vars(output), "name": b"y2"}))
    graph.operators.append(second)
    graph.outputs = [4]
    assert sparsify(model) == 1
    assert operators(model) == ["DENSIFY", "FULLY_CONNECTED", "FULLY_CONNECTED"]


def test_a_constant_that_is_also_an_output_stays_dense():
    model = single_op(pruned((64, 64), 0.8))
    model.subgraphs[0].outputs = [3, 1]
    assert sparsify(model) == 0


def test_a_buffer_that_two_tensors_share_stays_dense():
    model = single_op(pruned((64, 64), 0.8))
    tensors = model.subgraphs[0].tensors
    tensors.append(flatbuffer.schema.TensorT(**vars(tensors[1])))
    assert sparsify(model) == 0


def test_float16_weights_beside_a_float32_bias_stay_dense():
    model = single_op(pruned((64, 64), 0.8, np.float16))
    graph = model.subgraphs[0]
    model.buffers.append(flatbuffer.schema.BufferT(data=np.zeros(256, np.uint8)))
    graph.tensors[5].buffer = 3
    del graph.operators[1]  # the DEQUANTIZE of the bias
    assert sparsify(model) == 0


def test_a_sparse_model_is_left_as_it_is():
    model = single_op(pruned((64, 64), 0.8))
    sparsify(model)
    data = flatbuffer.serialize(model)
    assert sparsify(model) == 0
    assert flatbuffer.serialize(model) == data


def test_columns_that_tflites_encoder_drops_are_kept():
    """Its blocks are counted by an integer division, so that what is left over goes missing."""
    theirs = pytest.importorskip("ai_edge_litert.format_converter_wrapper_pybind11")
    weights = np.arange(1, 25, dtype=np.float32).reshape(4, 6)
    formats = [theirs.TF_LITE_DIM_DENSE, theirs.TF_LITE_DIM_SPARSE_CSR]
    encoder = theirs.FormatConverterFp32([4, 6], [0, 1, 2], formats, [4], [1])
    encoder.DenseToSparse(weights.ravel())
    assert set(weights.ravel()) - set(encoder.GetData()) == {5, 6, 11, 12, 17, 18, 23, 24}

    np.testing.assert_array_equal(decode(encode_as(weights, (1, 4))), weights)
    with pytest.raises(ValueError, match="blocks that divide"):
        encode(weights, blocks={1: 4})


@pytest.mark.parametrize(("rows", "blocks"), [(64, (0,)), (66, ())])
def test_blocks_are_used_where_they_divide_the_channels(rows, blocks):
    model = single_op(pruned((rows, 100), 0.9))
    assert sparsify(model, (4, 1)) == 1
    encoding = flatbuffer.sparse_encoding(model, model.subgraphs[0].tensors[-1])
    assert encoding.block_map == blocks


@pytest.mark.parametrize(
    ("shape", "block", "block_map", "order"),
    [
        ((64, 100), (1, 1), (), (0, 1)),
        ((100, 300), (1, 1), (), (1, 0)),
        ((64, 100), (4, 1), (0,), (0, 1, 2)),
        ((64, 1, 1, 96), (1, 8), (3,), (1, 2, 3, 0, 4)),
        ((64, 1, 1, 96), (4, 4), (0, 3), (0, 1, 2, 3, 4, 5)),
    ],
)
def test_auto_finds_the_smallest_layout(shape, block, block_map, order):
    rng = np.random.default_rng(0)
    grid = [shape[0] // block[0], *shape[1:-1], shape[-1] // block[1]]
    kept = (rng.random(grid) < 0.2).repeat(block[0], axis=0).repeat(block[1], axis=-1)
    encoding = encode_as(np.where(kept, np.float32(1.5), 0), "auto")
    assert encoding.block_map == block_map
    assert encoding.traversal_order == order


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("block", ["auto", (1, 4), (4, 1)])
def test_int8_weights_in_blocks_of_inputs_run_like_the_dense_file(runtime, block):
    """And take fewest bytes where the file has those blocks."""
    interpreter, resolvers = RUNTIMES[runtime]
    weights = pruned((64, 1, 1, 96), 0, np.int8)
    weights *= pruned((64, 1, 1, 24), 0.8).astype(bool).repeat(4, axis=-1)
    model = quantized_op(weights)
    dense = flatbuffer.serialize(model)
    assert sparsify(model, block) == 1
    sparse = flatbuffer.serialize(model)
    for name in RESOLVERS:
        options = {"experimental_op_resolver_type": getattr(resolvers, name)}
        np.testing.assert_array_equal(
            run(interpreter(model_content=dense, **options)),
            run(interpreter(model_content=sparse, **options)),
        )
    sizes = {
        layout: encode_as(weights, layout).nbytes for layout in ("auto", "csr", (1, 4), (4, 1))
    }
    assert sizes["auto"] <= sizes[1, 4] < sizes["csr"] < sizes[4, 1]


def test_int8_weights_that_xnnpack_refuses_sparse_stay_dense():
    model = quantized_op(pruned((64, 1, 1, 100), 0.9, np.int8))
    assert sparsify(model) == 1
    model = quantized_op(pruned((64, 1, 1, 100), 0.9, np.int8))
    model.subgraphs[0].tensors[3].type = flatbuffer.schema.TensorType.FLOAT32
    assert sparsify(model) == 0
    assert sparsify(single_op(pruned((64, 100), 0.9, np.int8))) == 0


def test_a_buffer_that_two_subgraphs_share_is_encoded_once():
    model = single_op(pruned((64, 100), 0.8))
    dense = flatbuffer.serialize(model)
    model.subgraphs *= 2
    model = flatbuffer.parse(flatbuffer.serialize(model))
    assert sparsify(model) == 2
    assert len(flatbuffer.serialize(model)) < 0.6 * len(dense)


def test_metadata_that_counts_the_operators_keeps_the_weights_dense():
    model = single_op(pruned((64, 100), 0.8))
    name = b"model_control_dependencies"
    model.metadata = [flatbuffer.schema.MetadataT(name=name, buffer=0)]
    assert sparsify(model) == 0
