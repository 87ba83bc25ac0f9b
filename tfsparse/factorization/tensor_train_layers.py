"""The Keras layers of a tensor train."""

import keras

from tfsparse.graph.rebuilding import renew

# The factors of a kernel need not fulfil what the kernel has to.
INNER = {"activation": None, "activity_regularizer": None, "use_bias": False}


def train(layer, stages):
    """Returns the layers in place of a dense one, a list, not built yet.

    Args:
        layer: Keras Dense on vectors.
        stages: List of `Stage` with views.
    """
    name, made = f"{layer.name}_factor_", []
    for number, stage in enumerate(stages, 1):
        made += _arranged(stage.view, f"{name}{number}_", layer.dtype_policy)
        if number == len(stages) and layer.use_bias:
            made.append(_with_biases(layer, stage))
        else:
            changes = {"kernel_constraint": None, **INNER, "units": stage.shape[3]}
            made.append(renew(layer, changes))
        made[-1].name = f"{name}{number}"
    whole = {"dtype": layer.dtype_policy}
    made.append(keras.layers.Reshape((layer.units,), name=f"{name}reshape", **whole))
    # On all outputs together, as a softmax needs them.
    if layer.activation is not keras.activations.linear or layer.activity_regularizer:
        whole["activity_regularizer"] = layer.activity_regularizer
        made.append(keras.layers.Activation(layer.activation, name=f"{name}activation", **whole))
    return made


def _arranged(view, name, dtype):
    """Returns the layers that arrange the input of one with a kernel."""
    lengths, order, shape = view
    kept = [axis for axis in order if lengths[axis] > 1]
    whole = tuple(length for length in lengths if length > 1)
    # Axes of one element make transposes slower.
    ranked = {axis: i for i, axis in enumerate(sorted(kept), 1)}
    permutation = tuple(ranked[axis] for axis in kept)
    layers = keras.layers
    if permutation == tuple(sorted(permutation)):
        return [layers.Reshape(shape, name=f"{name}reshape", dtype=dtype)]
    return [
        layers.Reshape(whole, name=f"{name}split", dtype=dtype),
        layers.Permute(permutation, name=f"{name}permute", dtype=dtype),
        layers.Reshape(shape, name=f"{name}reshape", dtype=dtype),
    ]


def _with_biases(layer, stage):
    """Returns a dense layer with a bias for each output of the layer in whose place it is."""
    return keras.layers.EinsumDense(
        "abc,cd->abd",
        (stage.repeats, stage.shape[3]),
        bias_axes="bd",
        kernel_regularizer=layer.kernel_regularizer,
        bias_regularizer=layer.bias_regularizer,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
