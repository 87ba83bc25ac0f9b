"""A fit with a callback is the same whether or not the model was trained with one before.

The compiled train step, and with it what callbacks add, is kept until the model is compiled anew.
"""

import keras
import numpy as np
import pytest

import tfsparse
from tests.quantize.small import compiled, data, network
from tfsparse.quantize.value_ranges import ValueRanges

# The first fit's weights do not stay pruned or of few bits in the second.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:tfsparse")

CALLBACKS = {
    "gradual": lambda: tfsparse.GradualPruning(0.5, scope="all"),
    "rigl": lambda: tfsparse.RigL(0.5, frequency=2, scope="all"),
    "pattern": lambda: tfsparse.PatternPruning(),
    "channels": lambda: tfsparse.ChannelPruning("l1", 0.5),
    "bn_gamma": lambda: tfsparse.ChannelPruning("bn_gamma", 0.5),
    "taylor": lambda: tfsparse.ChannelPruning("taylor", 0.5, data=data()),
    "dcp": lambda: tfsparse.DiscriminationAwareChannelPruning(
        0.5, data=data(), num_auxiliary_losses=1, samples=8, batch_size=8, stage_steps=1
    ),
    "admm": lambda: tfsparse.LowBitQuantization(3, frequency=1),
    "hashing": lambda: tfsparse.LowBitQuantization(1, method="hashing"),
    "two_step": lambda: tfsparse.LowBitQuantization(2, method="two_step"),
    "ternary": lambda: tfsparse.TernaryQuantization(),
    "sharing": lambda: tfsparse.WeightSharing(2),
    "qat": lambda: tfsparse.QuantizationAwareTraining(),
    "fixed_point": lambda: tfsparse.QuantizationAwareTraining(fixed_point=True),
    "meprop": lambda: tfsparse.MeProp(2),
}


def new():
    model = compiled(network(), keras.optimizers.SGD(0.1, momentum=0.9))
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, callback, shift):
    """Trains in the same way at each call, but for a shift of the inputs."""
    x, y = data()
    keras.utils.set_random_seed(1)
    model.fit(x + shift, y, 8, 3, verbose=0, shuffle=False, callbacks=[callback])
    return model.get_weights()


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_second_fit_is_that_of_a_new_model(name):
    make = CALLBACKS[name]
    expected = fit(new(), make(), 0)
    model = new()
    beginning = model.get_weights()
    slots = [v.numpy() for v in model.optimizer.variables]
    other = fit(model, make(), np.float32([3, -1, 0]))
    assert any((a != b).any() for a, b in zip(other, expected, strict=True))
    model.set_weights(beginning)
    for variable, value in zip(model.optimizer.variables, slots, strict=True):
        variable.assign(value)
    if (ranges := ValueRanges.of(model)) is not None:
        ranges.reset()  # A further training with QuantizationAwareTraining goes on from them.
    for a, b in zip(fit(model, make(), 0), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
