"""Access to an optimizer's gradients and slots, for pruning methods."""

import contextvars

import tensorflow as tf

from tfsparse.keras_models import all_optimizers
from tfsparse.prune.variables import keep_only, read

# The first is that of optimizers of Keras 3 and of tf_keras, the second that of
# tf_keras.optimizers.legacy.
_UPDATE_METHODS = ("update_step", "_resource_apply_dense")
_running = contextvars.ContextVar("variables whose update runs", default=frozenset())


class GradientHooks:
    """Functions that read, and may change, the gradients of some variables.

    They run inside the compiled train step, in `update_step`, with which every optimizer of Keras 3
    and of tf_keras updates one variable. The gradient there is the final one: without loss scale
    (and finite if that scale is dynamic), summed over replicas, averaged over accumulated steps,
    and clipped.

    Attach hooks before the train step is compiled; a compiled step does not call later ones.

    Args:
        optimizer: Keras 3 or tf_keras optimizer. Optimizers that it wraps are included: see
            `all_optimizers`.
    """

    def __init__(self, optimizer):
        self._methods = [
            (each, method)
            for each in all_optimizers(optimizer)
            for method in _UPDATE_METHODS
            if hasattr(each, method)
        ]
        self._functions = {}

    def attach(self, variable, function):
        """Calls `function(gradient, variable)` in each update; it returns the gradient to apply.

        It replaces the function of an interrupted training.
        """
        key = _key(variable)
        self._functions[key] = function
        for optimizer, method in self._methods:
            updates = getattr(optimizer, method)
            if not isinstance(updates, _HookedUpdates):
                updates = _HookedUpdates(updates)
                setattr(optimizer, method, updates)
            updates.functions[key] = function

    def detach(self):
        """Removes the functions; after the last one, restores the optimizers' own methods."""
        for optimizer, method in self._methods:
            updates = getattr(optimizer, method)
            if not isinstance(updates, _HookedUpdates):
                continue
            for key, function in self._functions.items():
                if updates.functions.get(key) is function:
                    del updates.functions[key]
            if not updates.functions:
                delattr(optimizer, method)


class _HookedUpdates:
    """Replaces the method with which an optimizer updates one variable."""

    def __init__(self, inner):
        self.inner = inner
        self.functions = {}

    def __call__(self, gradient, variable, *args, **kwargs):
        key, running = _key(variable), _running.get()
        # Otherwise an optimizer that calls the update of another one would run the hook twice.
        function = None if key in running else self.functions.get(key)
        if function is None:
            return self.inner(gradient, variable, *args, **kwargs)
        token = _running.set(running | {key})
        try:
            return self.inner(function(gradient, variable), variable, *args, **kwargs)
        finally:
            _running.reset(token)


class LastGradient:
    """A hook that stores the gradient of the last update.

    It stores every gradient. This takes the memory of the gradient and almost no time, because
    TensorFlow shares the tensor with the variable.

    Args:
        variable: Kernel of a built layer.
        strategy: The model's `tf.distribute.Strategy`.
    """

    def __init__(self, variable, strategy):
        with tf.init_scope(), strategy.scope():
            self._value = tf.Variable(
                tf.zeros(variable.shape, variable.dtype), trainable=False, name="last_gradient"
            )

    def __call__(self, gradient, variable):
        """Stores a gradient and returns it unchanged."""
        self._value.assign(tf.cast(gradient, self._value.dtype), read_value=False)
        return gradient

    def numpy(self):
        """Returns the gradient as an array; all zeros before the first update."""
        return read(self._value)


def zero_slots(optimizer, positions):
    """Zeroes the slots of some weights: momenta, second moments, averages.

    Slots of another shape, such as Adafactor's factored moments, do not change, nor do the
    accumulators of Ftrl, which divides by them. Variables that the optimizer does not update are
    ignored.

    Args:
        optimizer: Keras 3 or tf_keras optimizer, or None. Optimizers that it wraps are included:
            see `all_optimizers`.
        positions: List of pairs of a kernel of a built layer and a bool array of its shape.
    """
    positions = [(variable, where) for variable, where in positions if where.any()]
    for each in all_optimizers(optimizer):
        for variable, where in positions:
            for slot in _slots(each, variable):
                keep_only(slot, ~where)


def average_of(optimizer, variable):
    """Returns an optimizer's moving average of a variable, or None.

    Args:
        optimizer: One of `all_optimizers`.
        variable: Kernel of a built layer.
    """
    averages = getattr(optimizer, "_model_variables_moving_average", None)
    index = _indices(optimizer).get(_key(variable))
    return None if averages is None or index is None else averages[index]


def _slots(optimizer, variable):
    if hasattr(optimizer, "get_slot_names"):  # tf_keras.optimizers.legacy
        return [optimizer.get_slot(variable, name) for name in optimizer.get_slot_names()]
    indices = _indices(optimizer)
    index = indices.get(_key(variable))
    if index is None:
        return []
    # Each optimizer has its own names for slots, but all lists have the order of the variables.
    others = {"_variables", "_trainable_variables"}
    if hasattr(optimizer, "_linears"):  # Ftrl
        others.add("_accumulators")
    lists = [
        value
        for name, value in vars(optimizer).items()
        if name not in others and isinstance(value, list) and len(value) == len(indices)
    ]
    slots = [values[index] for values in lists]
    return [slot for slot in slots if getattr(slot, "shape", None) == variable.shape]


def _indices(optimizer):
    # The first is that of Keras 3, the second that of tf_keras.
    names = ("_trainable_variables_indices", "_index_dict")
    return next((getattr(optimizer, name) for name in names if hasattr(optimizer, name)), {})


def _key(variable):
    """Returns a key that is equal for a variable, its `tf.Variable` and that on any replica."""
    variable = variable if isinstance(variable, tf.Variable) else variable.value
    if hasattr(variable, "_distributed_container"):
        variable = variable._distributed_container()
    return variable._unique_id
