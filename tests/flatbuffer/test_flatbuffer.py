import subprocess
import sys
import zipfile

import flatbuffers
import hypothesis
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import strategies as st

from tests.converter.single_op import pruned, run, single_op
from tests.downloads import mediapipe_model
from tfsparse import flatbuffer
from tfsparse.flatbuffer.encoding import encode


def sparse_model(weights=None, **options):
    weights = pruned((16, 24), 0.8) if weights is None else weights
    model = single_op(weights)
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encode(weights, **options), 0)
    return model


def sparse_tensors(model):
    return [t for graph in model.subgraphs for t in graph.tensors if t.sparsity is not None]


def test_reading_what_was_written_gives_the_same_model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(sparse_model()))
    model = flatbuffer.read(path)
    assert flatbuffer.serialize(model) == path.read_bytes()
    names = [flatbuffer.operator_name(model, op) for op in model.subgraphs[0].operators]
    assert names == ["DENSIFY", "FULLY_CONNECTED"]


@pytest.mark.parametrize("options", [{}, {"blocks": {0: 4}}, {"traversal_order": (1, 0)}])
def test_the_dense_value_of_a_sparse_tensor(options):
    weights = pruned((16, 24), 0.8)
    model = flatbuffer.parse(flatbuffer.serialize(sparse_model(weights, **options)))
    (tensor,) = sparse_tensors(model)
    np.testing.assert_array_equal(flatbuffer.constant(model, tensor), weights)


def test_an_activation_has_no_constant_value():
    model = sparse_model()
    assert flatbuffer.constant(model, model.subgraphs[0].tensors[0]) is None


@hypothesis.given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_buffers_are_aligned_for_the_kernels(sizes):
    model = single_op(pruned((4, 4), 0))
    model.buffers += [flatbuffer.schema.BufferT(data=np.full(n, 7, np.uint8)) for n in sizes]
    data = np.frombuffer(flatbuffer.serialize(model), np.uint8)
    for buffer, size in zip(flatbuffer.parse(data).buffers[3:], sizes, strict=True):
        assert buffer.data.tolist() == [7] * size
        assert (buffer.data.ctypes.data - data.ctypes.data) % 16 == 0


def test_what_is_not_understood_is_kept():
    schema, model = flatbuffer.schema, sparse_model()
    model.description = "made by hand"
    model.metadata = [schema.MetadataT(name="labels", buffer=0)]
    model.operatorCodes.append(
        schema.OperatorCodeT(customCode="MyOp", version=2, builtinCode=32, deprecatedBuiltinCode=32)
    )
    model.subgraphs[0].operators.append(
        schema.OperatorT(opcodeIndex=2, inputs=[0, -1], outputs=[0], customOptions=[1, 2, 3])
    )
    model.signatureDefs = [
        schema.SignatureDefT(
            signatureKey="serve", inputs=[schema.TensorMapT(name="image", tensorIndex=0)]
        )
    ]
    read = flatbuffer.parse(flatbuffer.serialize(model))
    custom = read.subgraphs[0].operators[-1]
    assert read.description == b"made by hand"
    assert read.metadata[0].name == b"labels"
    assert flatbuffer.operator_name(read, custom) == "CUSTOM"
    assert read.operatorCodes[2].customCode == b"MyOp"
    assert custom.inputs.tolist() == [0, -1]
    assert custom.customOptions.tolist() == [1, 2, 3]
    assert read.signatureDefs[0].inputs[0].name == b"image"


def test_constants_that_follow_the_flatbuffer_stay_behind_it():
    model = single_op(pruned((4, 4), 0))
    dense = flatbuffer.serialize(model)
    weights = model.buffers[1].data.tobytes()
    start = len(dense)
    data = _with_outlying_buffer(model, start).ljust(start, b"\0") + weights
    with pytest.raises(ValueError, match="damaged or cut short"):
        flatbuffer.parse(data[:-1])
    for _ in range(2):
        read = flatbuffer.parse(data)
        assert read.buffers[1].data.tobytes() == weights
        assert read.buffers[1].offset % 16 == 0
        np.testing.assert_array_equal(
            run(Interpreter(model_content=data)), run(Interpreter(model_content=dense))
        )
        data = flatbuffer.serialize(read)


def test_files_appended_as_a_zip_archive_stay_readable(tmp_path):
    path = tmp_path / "model.tflite"
    model = sparse_model()
    path.write_bytes(flatbuffer.serialize(model))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog")
        archive.writestr("empty.txt", "")
    model = flatbuffer.read(path)
    for size in (5000, 100):
        model.buffers.append(flatbuffer.schema.BufferT(data=np.ones(size, np.uint8)))
        path.write_bytes(flatbuffer.serialize(model))
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == ["labels.txt", "empty.txt"]
            assert archive.read("labels.txt") == b"cat\ndog"
            first = min(entry.header_offset for entry in archive.infolist())
        assert path.read_bytes()[first : first + 4] == b"PK\3\4"
        model = flatbuffer.read(path)
    run(Interpreter(str(path)))


class _NewerBuilder(flatbuffers.Builder):
    """Gives every table of eleven fields, such as a tensor, one more."""

    def StartObject(self, numfields):
        super().StartObject(numfields + (numfields == 11))
        self.is_newer = numfields == 11

    def EndObject(self):
        if self.is_newer:
            self.PrependUint32Slot(11, 77, 0)
        return super().EndObject()


def test_a_field_of_a_newer_schema_can_be_read_but_not_written():
    builder = _NewerBuilder()
    builder.Finish(single_op(pruned((4, 4), 0)).Pack(builder), file_identifier=b"TFL3")
    model = flatbuffer.parse(bytes(builder.Output()))
    assert flatbuffer.constant(model, model.subgraphs[0].tensors[1]).shape == (4, 4)
    with pytest.raises(ValueError, match=r"newer version of TFLite: its Tensor .*Install a newer"):
        flatbuffer.serialize(model)


def test_options_of_a_newer_schema_can_be_read_but_not_written():
    model = single_op(pruned((4, 4), 0))
    data = flatbuffer.serialize(model)
    model.subgraphs[0].operators[0].builtinOptionsType = 250
    model = flatbuffer.parse(flatbuffer.serialize(model))
    with pytest.raises(ValueError, match="newer version of TFLite: its BuiltinOptions"):
        flatbuffer.serialize(model)
    assert flatbuffer.serialize(flatbuffer.parse(data)) == data


def test_a_small_file_that_stands_for_endless_tables_is_refused():
    schema, builder = flatbuffer.schema, flatbuffers.Builder()
    count = 2000

    def vector(start, table):
        start(builder, count)
        for _ in range(count):
            builder.PrependUOffsetTRelative(table)
        return builder.EndVector()

    schema.OperatorStart(builder)
    operators = vector(schema.SubGraphStartOperatorsVector, schema.OperatorEnd(builder))
    schema.SubGraphStart(builder)
    schema.SubGraphAddOperators(builder, operators)
    subgraphs = vector(schema.ModelStartSubgraphsVector, schema.SubGraphEnd(builder))
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    with pytest.raises(ValueError, match="claims to hold more tables than it can"):
        flatbuffer.parse(bytes(builder.Output()))


def _with_outlying_buffer(model, start):
    """`model` as the schema's own writer writes it, its weights said to lie at `start`."""
    size = len(model.buffers[1].data)
    model.buffers[1] = flatbuffer.schema.BufferT(offset=start, size=size)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x03\x04 not a model at all", b"\0" * 64])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Expected a TFLite file.*model\.tflite"):
        flatbuffer.read(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(tmp_path, share):
    data = flatbuffer.serialize(sparse_model())
    path = tmp_path / "model.tflite"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"damaged or cut short: .*model\.tflite"):
        flatbuffer.read(path)


DAMAGE = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=20)


@hypothesis.given(DAMAGE)
def test_damage_is_refused_or_harmless(damage):
    data = bytearray(flatbuffer.serialize(sparse_model()))
    for position, byte in damage:
        data[position % len(data)] = byte
    try:
        model = flatbuffer.parse(bytes(data))
        for graph in model.subgraphs:
            for tensor in graph.tensors or ():
                flatbuffer.constant(model, tensor)
    except ValueError:
        pass


@pytest.mark.parametrize(
    "edit",
    [
        lambda model: setattr(model.subgraphs[0].tensors[0], "buffer", 99),
        lambda model: setattr(model.subgraphs[0].operators[0], "opcodeIndex", 99),
        lambda model: setattr(model.subgraphs[0].operators[0], "inputs", [99]),
        lambda model: setattr(model, "subgraphs", []),
    ],
)
def test_a_reference_to_nothing_is_refused(edit):
    model = single_op(pruned((4, 4), 0))
    edit(model)
    with pytest.raises(ValueError, match="damaged or cut short"):
        flatbuffer.parse(flatbuffer.serialize(model))


def test_a_shape_that_does_not_fit_its_constant_is_refused():
    for model in (single_op(pruned((4, 4), 0)), sparse_model()):
        tensor = model.subgraphs[0].tensors[-1 if sparse_tensors(model) else 1]
        tensor.shape = [2**20, 2**20]
        with pytest.raises(ValueError, match="values for the shape"):
            flatbuffer.constant(model, tensor)


def test_more_than_two_gigabytes_are_refused():
    model = single_op(pruned((4, 4), 0))
    model.buffers += [flatbuffer.schema.BufferT(data=np.empty(2**30, np.uint8))] * 2
    with pytest.raises(ValueError, match="at most 2 GB"):
        flatbuffer.serialize(model)


def test_reading_does_not_load_tensorflow():
    code = "import sys, tfsparse.flatbuffer; print('tensorflow' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.strip() == b"False"


@pytest.mark.download
@pytest.mark.parametrize(
    ("name", "count"), [("face_detection_full_range_sparse", 46), ("pose_detection", 38)]
)
def test_sparse_tensors_of_google_are_decoded_as_tflite_does(name, count):
    path = mediapipe_model(name)
    model = flatbuffer.read(path)
    # XNNPACK would decode the weights itself, and leave the outputs of DENSIFY unwritten.
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    run(interpreter)
    graph = model.subgraphs[0]
    densify = [op for op in graph.operators if flatbuffer.operator_name(model, op) == "DENSIFY"]
    assert len(densify) == count
    for op in densify:
        tensor = graph.tensors[op.inputs[0]]
        dense = flatbuffer.constant(model, tensor)
        np.testing.assert_array_equal(dense, interpreter.get_tensor(op.outputs[0]))
        ours, theirs = encode(dense), flatbuffer.sparse_encoding(model, tensor)
        np.testing.assert_array_equal(ours.levels[-1].segments, theirs.levels[-1].segments)
        np.testing.assert_array_equal(ours.levels[-1].indices, theirs.levels[-1].indices)
