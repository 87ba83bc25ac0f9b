"""A small model of two layers, the first of which is pruned."""


def build(package, optimizer):
    """A compiled model of Keras or tf_keras that takes (batch, 8), the same weights each time."""
    package.utils.set_random_seed(0)
    layers = package.layers
    model = package.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(16, activation="relu", name="wide"),
            layers.Dense(3, name="head"),
        ]
    )
    model.compile(optimizer, "mse")
    return model
