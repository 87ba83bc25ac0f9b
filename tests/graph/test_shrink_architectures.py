"""Architectures whose channels are tied in every way that is in use."""

import keras
import numpy as np
import pytest

from tests.graph.shrinking import assert_shrinks, randomize, remove_channels
from tfsparse.graph import trace
from tfsparse.zoo import architectures

ARCHITECTURES = {
    "MobileNet": {"alpha": 0.25},
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {"alpha": 0.25},
    "MobileNetV3Large": {"alpha": 0.25},
    "EfficientNetB0": {},
    "ResNet50": {},
    "DenseNet121": {},
    "VGG16": {},
}


@pytest.mark.parametrize(("name", "options"), ARCHITECTURES.items(), ids=ARCHITECTURES)
def test_applications_shrink(name, options):
    build = getattr(keras.applications, name)
    model = build(
        weights=None, input_shape=(32, 32, 3), classes=10, classifier_activation=None, **options
    )
    assert_all_but_the_classifier_shrink(model)


@pytest.mark.parametrize("depth", [20, 56])
def test_cifar_resnets_shrink(depth):
    inputs = keras.Input((16, 16, 3))
    assert_all_but_the_classifier_shrink(architectures.cifar_resnet(inputs, depth, width=8))


def assert_all_but_the_classifier_shrink(model):
    randomize(model)
    frozen = [group.frozen for group in trace(model).groups if group.frozen]
    assert len(frozen) == 1
    cost = remove_channels(model)
    shrunk = assert_shrinks(model, cost)
    pairs = zip(model.layers, shrunk.layers, strict=True)
    smaller = [
        new.count_params() < old.count_params() for old, new in pairs if old.trainable_weights
    ]
    assert np.all(smaller)
