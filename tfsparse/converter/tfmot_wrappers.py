"""Removes the wrappers of tensorflow-model-optimization from models while they are traced."""

import contextlib
import inspect

# Each computes the weights of its layer in every inference, so that they are not constant.
WRAPPERS = ("PruneLowMagnitude", "ClusterWeights")


@contextlib.contextmanager
def without_wrappers(model):
    """A context in which the wrappers in a Keras model only call the layers inside.

    The weights of these layers are pruned and clustered first, as in each inference.
    """
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            if _is_wrapper(layer) and layer.built:
                stack.enter_context(_unwrapped(layer))
        yield


def _is_wrapper(layer):
    return any(cls.__name__ in WRAPPERS for cls in type(layer).__mro__)


@contextlib.contextmanager
def _unwrapped(wrapper):
    # The first steps of the wrapper in each inference.
    if hasattr(wrapper, "pruning_obj"):
        wrapper.pruning_obj.weight_mask_op()
    else:
        wrapper.update_clustered_weights_associations()
    takes_training = "training" in inspect.signature(wrapper.layer.call).parameters

    def call(inputs, training=None, **options):
        if takes_training:
            options["training"] = training
        return wrapper.layer.call(inputs, **options)

    wrapper.call = call
    try:
        yield
    finally:
        del wrapper.call  # the attribute of the instance; the method of the class remains
