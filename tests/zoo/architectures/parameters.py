"""What the tests of architectures count."""

import math


def trained(model):
    """The number of parameters that training changes: no moving statistics."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)
