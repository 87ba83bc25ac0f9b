"""What the tests of architectures count."""

import math


def trained(model):
    """The number of parameters that training changes: no moving statistics."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def macs(model):
    """The multiplications with a kernel, of a model of convolutions and dense layers."""
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    )
