import numpy as np
import tensorflow as tf

import tfsparse
from tests.delegate import networks
from tfsparse.zoo import evaluation

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 2, 2, 1)).astype(np.uint8)


def totals(tmp_path):
    """A network with two classes: whether the upper or the lower row is brighter."""
    return networks.convert_function(
        lambda x: tf.reduce_sum(x, (2, 3)), tmp_path / "totals.tflite", tf.TensorSpec([1, 2, 2, 1])
    )


def test_scores_are_those_of_each_picture(tmp_path):
    interpreter = tfsparse.Interpreter(totals(tmp_path))
    interpreter.allocate_tensors()
    expected = PICTURES.sum((2, 3), dtype=np.float32)
    np.testing.assert_allclose(evaluation.scores(interpreter, PICTURES), expected)


def test_accuracy_is_the_fraction_of_right_classes(tmp_path):
    labels = PICTURES.sum((2, 3), dtype=np.float32).argmax(axis=1)
    labels[0] = 1 - labels[0]
    assert evaluation.accuracy(totals(tmp_path), PICTURES, labels) == 5 / 6
