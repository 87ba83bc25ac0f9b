import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfsparse
from tests.converter.single_op import run
from tests.delegate import networks
from tfsparse import flatbuffer
from tfsparse.converter.sparsify import sparsify
from tfsparse.inspection import xnnpack

# What follows a part that XNNPACK runs sparse, without changing the layout back.
WRONG = {
    "AVERAGE_POOL_2D": keras.layers.AveragePooling2D(2),
    "DEPTHWISE_CONV_2D": keras.layers.DepthwiseConv2D(3, 2, padding="same"),
}


def convert(folder, middle):
    """The files of a pruned network, dense and sparse."""
    model = networks.randomize(networks.padded_stem(middle), 0.9)
    for variable in model.weights:
        variable.assign_add(np.zeros(variable.shape))  # -0.0 would come back as 0.0
    dense = tfsparse.convert(model, folder / "dense.tflite", encoding="none")
    return dense, tfsparse.convert(dense, folder / "sparse.tflite")


def kinds(path):
    model = flatbuffer.read(path)
    return [flatbuffer.operator_name(model, op) for op in model.subgraphs[0].operators]


def reasons(path):
    return [op.support["xnnpack_arm"].reason for op in tfsparse.inspect(path).weighted]


@pytest.mark.parametrize("kind", WRONG)
def test_what_xnnpack_would_compute_wrongly_does_not_run_in_its_sparse_mode(tmp_path, kind, caplog):
    dense, sparse = convert(tmp_path, WRONG[kind])
    assert kinds(sparse).count("PAD") == 2
    assert "1 PAD operator split in two" in caplog.text
    assert not any(xnnpack.BROKEN in reason for reason in reasons(sparse))
    assert any("padding 0 above, 1 below" in reason for reason in reasons(sparse))
    for make in (Interpreter, tfsparse.Interpreter):
        np.testing.assert_array_equal(run(make(dense)), run(make(sparse)))
    again = tfsparse.densify(sparse, tmp_path / "again.tflite")
    with open(dense, "rb") as wanted, open(again, "rb") as received:
        assert received.read() == wanted.read()


def test_a_sparse_file_that_runs_wrongly_is_mended_though_it_grows(tmp_path):
    dense, _ = convert(tmp_path, WRONG["AVERAGE_POOL_2D"])
    model = flatbuffer.read(dense)
    sparsify(model)
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(flatbuffer.serialize(model))
    assert any(xnnpack.BROKEN in reason for reason in reasons(wrong))
    for _ in range(2):
        tfsparse.convert(wrong, wrong)
        assert kinds(wrong).count("PAD") == 2


def test_other_networks_keep_their_sparse_mode(tmp_path, caplog):
    _, sparse = convert(tmp_path, keras.layers.ReLU(6))
    assert kinds(sparse).count("PAD") == 1
    assert any(op.support["xnnpack_arm"].sparse for op in tfsparse.inspect(sparse).weighted)
    assert not caplog.text


def test_widths_that_others_read_stay(tmp_path):
    def twice(x):
        padded = [keras.layers.ZeroPadding2D(1)(x) for _ in range(2)]
        return keras.layers.AveragePooling2D(2)(keras.layers.Add()(padded))

    dense, sparse = convert(tmp_path, twice)
    assert kinds(sparse).count("PAD") == 1 + kinds(dense).count("PAD")
    np.testing.assert_array_equal(run(Interpreter(dense)), run(Interpreter(sparse)))
    again = tfsparse.densify(sparse, tmp_path / "again.tflite")
    assert kinds(again) == kinds(dense)
