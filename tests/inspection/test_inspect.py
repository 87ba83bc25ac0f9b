"""What `tfsparse.inspect` tells of a file, against what is known of the file."""

import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

import tfsparse
from tests.converter.single_op import pruned, single_op, with_custom_operator
from tests.delegate import networks
from tests.downloads import mediapipe_model
from tfsparse import flatbuffer
from tfsparse.flatbuffer.encoding import encode
from tfsparse.inspection import delegate


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = networks.randomize(networks.mobile_net(), 0.8)
    return tfsparse.convert(model, tmp_path_factory.mktemp("inspect") / "model.tflite")


@pytest.fixture(scope="module")
def inspection(path):
    return tfsparse.inspect(path)


def write(tmp_path, model):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(model))
    return path


def inspect_sparse(tmp_path, weights, **options):
    model = single_op(weights)
    flatbuffer.replace_by_densify(model, model.subgraphs[0], 1, encode(weights, **options), 0)
    return tfsparse.inspect(write(tmp_path, model))


def test_a_dense_and_a_sparse_file_of_one_model(tmp_path):
    weights = pruned((16, 1, 1, 64), 0.8)
    dense = tfsparse.inspect(write(tmp_path, single_op(weights)))
    sparse = inspect_sparse(tmp_path, weights)
    zeros = np.count_nonzero(weights == 0)
    for found, encoding in ((dense, "dense"), (sparse, "CSR")):
        (operator,) = found.weighted
        assert operator.kind == "CONV_2D"
        assert operator.weights.shape == weights.shape
        assert operator.weights.dtype == "float32"
        assert operator.weights.encoding == encoding
        assert operator.weights.zeros.zeros == zeros
        assert operator.weights.zeros.structure == "unstructured"
        assert operator.macs == 8 * 8 * weights.size
        assert operator.nonzero_macs == 8 * 8 * (weights.size - zeros)
        assert found.totals.sparsity == zeros / weights.size
        assert found.totals.dense_bytes == weights.nbytes + 4 * 16
    assert dense.totals.value_bytes == weights.nbytes + 4 * 16
    assert sparse.totals.value_bytes == 4 * (weights.size - zeros) + 4 * 16
    assert sparse.totals.index_bytes == weights.size - zeros + 17


@pytest.mark.usefixtures("calibrate_here")
@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("block_size", [(4, 1), (1, 4)])
def test_the_blocks_of_a_pruned_model_are_found(tmp_path, weights, block_size):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(channels, 1) for channels in (32, 64)]
    model = keras.Sequential([keras.Input((4, 4, 32)), *layers])
    tfsparse.GradualPruning(0.8, scope="all", block_size=block_size).apply(model)
    data = np.random.default_rng(0).normal(size=(4, 4, 4, 32)) if weights == "int8" else None
    path = tfsparse.convert(
        model, tmp_path / "model.tflite", weights=weights, representative_dataset=data
    )
    found = {operator.weights.structure for operator in tfsparse.inspect(path).weighted}
    assert found == {f"{block_size[0]}x{block_size[1]} blocks"}


@pytest.mark.parametrize(
    ("options", "encoding"),
    [
        ({"blocks": {0: 4}}, "CSR, 4x1 blocks"),
        ({"traversal_order": (1, 0)}, "CSR in order 1,0"),
        ({"compressed": (0, 1)}, "CSR of dimensions 0,1"),
    ],
)
def test_encodings_have_names(tmp_path, options, encoding):
    (operator,) = inspect_sparse(tmp_path, pruned((16, 64), 0.8), **options).weighted
    assert operator.weights.encoding == encoding


def test_sizes_are_those_of_the_file(path, inspection):
    data = Path(path).read_bytes()
    totals = inspection.totals
    assert totals.file_bytes == len(data)
    assert totals.gzip_bytes == pytest.approx(len(gzip.compress(data, 6)), rel=0.001)
    assert 0 < totals.value_bytes + totals.index_bytes < totals.file_bytes
    largest = max(inspection.tensors, key=lambda tensor: tensor.bytes)
    assert 0 < largest.gzip_bytes <= 1.01 * largest.bytes + 30


def test_a_shared_buffer_counts_once(tmp_path):
    weights = pruned((16, 64), 0)
    model = single_op(weights)
    model.subgraphs[0].tensors.append(
        flatbuffer.schema.TensorT(name=b"twin", shape=[16, 64], buffer=1)
    )
    found = tfsparse.inspect(write(tmp_path, model))
    twin = found.tensors[-1]
    assert (twin.bytes, twin.role, twin.zeros.size) == (0, "constant", weights.size)
    assert found.totals.dense_bytes == weights.nbytes + 4 * 16


def test_the_delegate_itself_says_what_it_runs(path, monkeypatch):
    """Asked once, because its decisions depend on how busy the machine is."""
    answer = delegate.ask(path, options={"auto": False})
    monkeypatch.setattr(delegate, "ask", lambda *_, **__: answer)
    found = tfsparse.inspect(path)
    assert found.delegate == answer.summary
    weighted = [operator for operator in found.operators if operator.weights]
    assert len(weighted) > 10
    for operator in weighted:
        support, layer = operator.support["tfsparse"], answer.layers[0, operator.index]
        assert operator.kind == layer["operator"]
        assert operator.name == layer["name"]
        assert operator.weights.shape == tuple(layer["weights"])
        assert layer["taken"]
        assert support.sparse == layer["kernel"].startswith("sparse")
    assert found.sparse("tfsparse") > 5


def test_what_the_delegate_leaves_is_told_with_its_reason(path, monkeypatch):
    layer = {"taken": False, "reason": "no kernel", "kernel": ""}
    answer = delegate.Answer({(0, i): layer for i in range(100)}, "avx2", "nothing")
    monkeypatch.setattr(delegate, "ask", lambda *_, **__: answer)
    (reason, operators), *_ = tfsparse.inspect(path).reasons("tfsparse")
    assert reason == "left to TFLite: no kernel"
    assert len(operators) > 5


def test_xnnpack_s_rules_are_applied_to_the_file(tmp_path, inspection):
    """What is padded by hand fits them, what is padded SAME at stride 2 does not."""
    (reason, *_), *_ = inspection.reasons("xnnpack_arm")
    assert "of stride 2 with SAME padding, expected 1 on all four sides" in reason

    x = image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(64, 3, 2, activation="relu6")(keras.layers.ZeroPadding2D(1)(x))
    for _ in range(2):
        x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
        x = keras.layers.Conv2D(64, 1, activation="relu6")(x)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    model = networks.randomize(model, 0.8)
    for encoding, count in (("auto", 2), ("none", 0)):
        path = tfsparse.convert(model, tmp_path / "model.tflite", encoding=encoding)
        found = tfsparse.inspect(path)
        assert found.sparse("xnnpack_arm") == found.sparse("xnnpack_wasm") == count


def test_symmetric_padding_is_named_and_helps(tmp_path):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(32, 3, 2, padding="same", activation="relu6")(image)
    x = keras.layers.Conv2D(32, 1, activation="relu6")(x)
    x = keras.layers.DepthwiseConv2D(3, 2, padding="same", activation="relu6")(x)
    x = keras.layers.Conv2D(64, 1, activation="relu6")(x)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    model = networks.randomize(model, 0.8)
    found = tfsparse.inspect(tfsparse.convert(model, tmp_path / "same.tflite"))
    assert found.sparse("xnnpack_wasm") == 0
    convolutions = [r for r, layers in found.reasons("xnnpack_wasm") if len(layers[0].shape) == 4]
    assert convolutions
    assert all("symmetric_padding" in reason for reason in convolutions)
    padded = tfsparse.symmetric_padding(model)
    found = tfsparse.inspect(tfsparse.convert(padded, tmp_path / "padded.tflite"))
    assert found.sparse("xnnpack_wasm") == 2


def test_macs_are_those_of_the_delegate(path, inspection):
    layers = {
        layer.index: layer for layer in tfsparse.explain(path, options={"auto": False}).layers
    }
    for operator in inspection.weighted:
        layer = layers[operator.index]
        expected = operator.nonzero_macs if layer.kernel.startswith("sparse") else operator.macs
        if layer.macs:
            assert layer.macs == pytest.approx(expected), operator


def test_text_and_json(inspection):
    text = str(inspection)
    assert "CONV_2D" in text
    assert "unstructured" in text
    assert "XNNPACK on x86: runs 0 of" in text
    found = json.loads(inspection.to_json())
    assert found["totals"]["sparsity"] == inspection.totals.sparsity
    operator = next(o for o in found["operators"] if o["kind"] == "CONV_2D")
    tensor = found["tensors"][operator["weights"]]
    assert tensor["shape"] == list(tensor["shape"])
    assert set(operator["support"]) == {"tfsparse", "xnnpack_arm", "xnnpack_wasm", "xnnpack_x86"}


def test_narrow_terminals_get_whole_words(inspection):
    with Console(width=100, file=io.StringIO()) as console, console.capture() as capture:
        console.print(inspection)
    table = capture.get()
    assert "…" not in table
    assert "DEPTHWISE_CONV_2D" in table


@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes only on Linux")
def test_a_large_file_is_not_copied(tmp_path):
    """The limit is twice the file. Its pages count as resident, because they are mapped."""
    weights = pruned((2048, 5120), 0.95)
    path = write(tmp_path, single_op(weights))
    code = (
        "import resource\n"
        "import tfsparse.inspection.inspect as module\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "module.delegate.ask = lambda *_, **__: module.delegate.Answer({}, None, '')\n"
        "before = peak()\n"
        f"module.inspect({str(path)!r})\n"
        "print(peak() - before)\n"
    )
    added = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert int(added) < 1.6 * weights.nbytes


def test_custom_operators_and_other_types_are_told(tmp_path):
    schema, model = flatbuffer.schema, single_op(pruned((16, 64), 0.5))
    model.operatorCodes.append(
        schema.OperatorCodeT(customCode="MyOp", version=1, builtinCode=32, deprecatedBuiltinCode=32)
    )
    graph = model.subgraphs[0]
    graph.tensors.append(schema.TensorT(name=b"\xff", shape=[2], type=schema.TensorType.STRING))
    graph.operators.append(schema.OperatorT(opcodeIndex=1, inputs=[3], outputs=[4]))
    graph.outputs = [4]
    found = tfsparse.inspect(write(tmp_path, model))
    assert [operator.kind for operator in found.operators] == ["FULLY_CONNECTED", "MyOp"]
    assert found.tensors[-1].dtype == "other"
    assert "could not be asked" in found.delegate, "the runtime does not know the operator"
    assert found.weighted[0].support["tfsparse"].sparse is None
    assert found.sparse("tfsparse") is None
    assert "tfsparse: not known whether it runs 1 operator with weights sparse" in str(found)
    assert "\n" not in found.delegate


def test_operators_that_only_the_default_delegate_runs_are_no_error(tmp_path):
    model = with_custom_operator(pruned((16, 1, 1, 64), 0.8))
    found = tfsparse.inspect(write(tmp_path, model))
    assert "runs" in found.delegate
    assert found.sparse("tfsparse") is not None
    assert [operator.kind for operator in found.unsized] == ["Convolution2DTransposeBias"]
    assert found.totals.macs == 8 * 8 * 16 * 64, "of the convolution alone"
    assert "; missing are those of 1 Convolution2DTransposeBias, not known" in str(found)


def test_sizes_that_the_file_leaves_open_are_those_of_a_run(tmp_path):
    path = networks.open_sizes(tmp_path / "open.tflite")
    per_pixel = 3 * 3 * 3 * 16 // 4 + 16 * 8 + 3 * 8 + 16 * 4
    found = tfsparse.inspect(path)
    assert found.assumed_shapes == {"image": (1, 224, 224, 3)}
    assert found.totals.macs == 224 * 224 * per_pixel
    assert "image as 1x224x224x3. --shape" in str(found)
    found = tfsparse.inspect(path, shapes={"image": (2, 32, 32, 3)})
    assert found.totals.macs == 2 * 32 * 32 * per_pixel
    assert (found.unsized, found.assumed_shapes) == ([], {})
    with pytest.raises(ValueError, match="Received: 32x32"):
        tfsparse.inspect(path, shapes=(32, 32))


def test_macs_of_a_size_that_data_decide_are_missing(tmp_path):
    def network(image):
        chosen = tf.where(tf.reduce_max(image, [1, 2, 3]) > 0)[:, 0]
        return tf.nn.conv2d(tf.gather(image, chosen), tf.ones((1, 1, 8, 8)), 1, "SAME")

    path = tmp_path / "model.tflite"
    networks.convert_function(network, path, tf.TensorSpec([4, 16, 16, 8]))
    found = tfsparse.inspect(path)
    assert [operator.kind for operator in found.unsized] == ["CONV_2D"]
    assert (found.totals.macs, found.unsized[0].macs) == (0, None)
    assert "0 MACs, 0 of them not with a zero; missing are those of" in str(found)


def test_operators_of_several_subgraphs_have_different_numbers(tmp_path):
    found = tfsparse.inspect(networks.branches(tmp_path / "model.tflite"))
    assert [operator.number for operator in found.weighted] == ["0", "1:0", "2:0"]
    reasons = str(found).partition("XNNPACK on x86")[2]
    assert "3 dense despite zeros (0, 1:0, 2:0)" in reasons
    assert [operator.support["tfsparse"].sparse for operator in found.weighted] == [False] * 3


def test_weights_that_subgraphs_share_count_once(tmp_path):
    path = networks.branches(tmp_path / "model.tflite")
    model = flatbuffer.read(path)
    before = tfsparse.inspect(path)
    one, other = [o.weights for o in before.weighted[1:]]
    tensors = [model.subgraphs[w.subgraph].tensors[w.index] for w in (one, other)]
    tensors[1].buffer = tensors[0].buffer
    found = tfsparse.inspect(write(tmp_path, model))
    assert [o.weights.zeros.size for o in found.weighted] == [64, 64, 64]
    assert (before.totals.weights, found.totals.weights) == (192, 128)
    assert found.totals.zeros == before.totals.zeros - other.zeros.zeros
    assert found.totals.macs == before.totals.macs


def test_products_of_two_activations_are_shown_and_are_no_layers_with_weights(tmp_path):
    path = tmp_path / "model.tflite"
    spec = tf.TensorSpec([1, 8, 8])
    networks.convert_function(lambda x, y: tf.matmul(tf.nn.relu(x), y), path, spec, spec)
    found = tfsparse.inspect(path)
    assert found.weighted == []
    assert [operator.kind for operator in found.products] == ["BATCH_MATMUL"]
    assert found.totals.macs == 8 * 8 * 8
    assert "BATCH_MATMUL" in str(found)


def test_small_sizes_have_digits(tmp_path):
    found = tfsparse.inspect(write(tmp_path, single_op(pruned((4, 8), 0.5))))
    text = str(found)
    assert f"model.tflite: {found.totals.file_bytes} B" in text
    assert "128 B" in text, "the weights"
    assert "32 MACs" in text
    assert not re.search(r"\b0\.0+\b", text)


def test_a_runtime_that_crashes_takes_nobody_with_it(path, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    run = subprocess.run
    monkeypatch.setattr(
        delegate.subprocess, "run", lambda _, **kw: run([sys.executable, "-c", code], **kw)
    )
    answer = delegate.ask(path)
    assert answer.problem == "the runtime crashed on it (signal 11)"


def test_tensorflow_is_not_imported(path):
    code = (
        f"import sys, tfsparse; tfsparse.inspect({path!r})\n"
        "print([name for name in ('keras', 'tensorflow', 'ai_edge_litert') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert printed.strip() == b"[]"


@pytest.mark.download
@pytest.mark.parametrize(
    ("name", "count"), [("face_detection_full_range_sparse", 46), ("pose_detection", 38)]
)
def test_models_of_google(name, count):
    found = tfsparse.inspect(mediapipe_model(name))
    encoded = [tensor for tensor in found.tensors if tensor.encoding == "CSR"]
    assert len(encoded) == count
    assert {tensor.dtype for tensor in encoded} == {"float16"}
    assert found.totals.macs == pytest.approx({46: 117e6, 38: 430e6}[count], rel=0.02)


@pytest.mark.download
def test_xnnpack_runs_google_s_pose_detection_sparse_on_arm():
    """Measured in ai-edge-litert 2.3.0 for arm64 under QEMU, as a Cortex-A72.

    One inference takes 112.9 million instructions, with the weights stored dense 168.5 million.
    """
    found = tfsparse.inspect(mediapipe_model("pose_detection"))
    assert found.sparse("xnnpack_arm") == 38
    assert found.sparse("xnnpack_x86") == 0
