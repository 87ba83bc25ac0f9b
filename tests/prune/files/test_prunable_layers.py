"""What a layer multiplies with its weights."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tests.converter.single_op import single_op
from tfsparse import flatbuffer
from tfsparse.prune.files import prunable_layers


def run_on(model, image):
    interpreter = Interpreter(model_content=flatbuffer.serialize(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_patches_are_what_a_convolution_multiplies_with_its_weights():
    """Strides, dilations and padding of every kind, against TFLite."""
    rng = np.random.default_rng(0)
    for strides, dilations, padding, kernel in [
        ((1, 1), (1, 1), 0, (1, 1)),
        ((2, 1), (1, 1), 0, (3, 2)),
        ((2, 2), (1, 1), 1, (3, 3)),
        ((1, 1), (2, 3), 0, (3, 2)),
        ((3, 2), (1, 1), 0, (2, 5)),
    ]:
        model = single_op(rng.standard_normal((5, *kernel, 4)).astype(np.float32))
        options = model.subgraphs[0].operators[0].builtinOptions
        options.strideH, options.strideW = strides
        options.dilationHFactor, options.dilationWFactor = dilations
        options.padding = padding
        ((layer, _),) = prunable_layers.find(model)
        image = rng.standard_normal((1, 8, 8, 4)).astype(np.float32)
        weights = layer.read(model)
        rows = layer.rows(image, 1000, rng)
        expected = run_on(model, image)
        np.testing.assert_allclose(
            rows @ weights[:, :-1].T + weights[:, -1], expected.reshape(-1, 5), rtol=1e-4, atol=1e-4
        )


def test_only_some_positions_of_large_images_are_drawn():
    model = single_op(np.ones((5, 1, 1, 4), np.float32))
    ((layer, _),) = prunable_layers.find(model)
    image = np.arange(8 * 8 * 4, dtype=np.float32).reshape(1, 8, 8, 4)
    rows = layer.rows(image, 10, np.random.default_rng(0))
    assert len(np.unique(rows[:, 0])) == 10
