"""What a converted architecture computes."""

import numpy as np

import tfsparse
from tests.delegate.outputs import invoke


def check_conversion(model, path):
    """Checks that the file of a model with one input computes what the model does."""
    example = np.random.default_rng(0).random(model.input_shape, np.float32)
    interpreter = tfsparse.Interpreter(tfsparse.convert(model, path))
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    (scores,) = invoke(interpreter, {detail["name"]: example}).values()
    np.testing.assert_allclose(scores, model(example), atol=1e-4)
