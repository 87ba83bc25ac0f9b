"""Activations of a network, computed part by part, are those of a run of the whole."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import tfsparse
from tfsparse import flatbuffer
from tfsparse.prune.files import layer_inputs, prunable_layers

X = np.random.default_rng(0).random((3, 1, 8, 8, 6), np.float32)


@pytest.fixture(scope="module", params=["float32", "float16"])
def model(request, tmp_path_factory):
    """Two blocks with an addition, and a dense layer."""
    layers = keras.layers
    x = image = keras.Input((8, 8, 6))
    for _ in range(2):
        y = layers.Conv2D(12, 1, activation="relu")(x)
        y = layers.DepthwiseConv2D(3, padding="same")(y)
        x = layers.Add()([x, layers.Conv2D(6, 1)(y)])
    network = keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    path = tmp_path_factory.mktemp("dense") / "model.tflite"
    return flatbuffer.read(tfsparse.convert(network, path, weights=request.param, encoding="none"))


def places(model):
    """The position and the input of each layer with weights."""
    return [
        (flatbuffer.position(model.subgraphs[0], layer.operator), layer.input)
        for layer, _ in prunable_layers.find(model)
    ]


@pytest.mark.parametrize("limit", [layer_inputs.KEPT_BYTES, 0])
def test_inputs_of_layers_are_those_in_a_run_of_the_whole(model, monkeypatch, limit):
    """Whether they are small enough to be kept or not."""
    monkeypatch.setattr(layer_inputs, "KEPT_BYTES", limit)
    whole = Interpreter(
        model_content=flatbuffer.serialize(model),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    whole.allocate_tensors()
    activations = layer_inputs.Activations(model, [[x] for x in X])
    for position, tensor in places(model):
        for x, found in zip(X, activations.before(position, tensor), strict=True):
            whole.set_tensor(whole.get_input_details()[0]["index"], x)
            whole.invoke()
            np.testing.assert_allclose(found, whole.get_tensor(tensor), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("limit", "once"), [(layer_inputs.KEPT_BYTES, True), (0, False)])
def test_operators_run_once_where_what_they_leave_is_kept(model, monkeypatch, limit, once):
    monkeypatch.setattr(layer_inputs, "KEPT_BYTES", limit)
    ran, cut = [], layer_inputs._cut

    def noted(model, operators, *ends):
        ran.extend(map(id, operators))
        return cut(model, operators, *ends)

    monkeypatch.setattr(layer_inputs, "_cut", noted)
    activations = layer_inputs.Activations(model, [[x] for x in X])
    for position, tensor in places(model):
        assert len(list(activations.before(position, tensor))) == len(X)
    operators = [
        id(op)
        for op in model.subgraphs[0].operators
        if flatbuffer.operator_name(model, op) != "DEQUANTIZE"  # of constants
    ]
    # All but the last layer itself.
    assert ([op for op in ran if op in operators] == operators[:-1]) == once
