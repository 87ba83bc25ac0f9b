"""The ranges of activations, which follow a training and stay with its model."""

import json
import os
import zipfile

import numpy as np
import tensorflow as tf

from tfsparse.quantize import fixed_point

# In the folder of a .keras file for whatever is no weight. Keras reads such a file only for a
# layer that asks for it, so the model loads without tfsparse.
_ASSET = "quantization_ranges.json"
# A range must have a scale above 0, also where all values are 0.
_NARROWEST = 1e-6


class ValueRanges:
    """Smallest and largest values of a model's activations, as moving averages over the batches.

    Args:
        names: List of strings, one a range.
        strategy: The model's `tf.distribute.Strategy`.

    Attributes:
        momentum: Float variable in [0, 1), the weight of a range so far in an update.
    """

    _size = 2

    def __init__(self, names, strategy):
        with tf.init_scope(), strategy.scope():
            self.momentum = tf.Variable(0.0, trainable=False)  # read by a step compiled before
            self._known = {
                name: tf.Variable(
                    [np.nan] * self._size,  # until the first batch
                    trainable=False,
                    dtype=tf.float32,
                    aggregation=tf.VariableAggregation.MEAN,
                    name="range",
                )
                for name in names
            }

    @classmethod
    def of(cls, model):
        """Returns the ranges that a training has left with a model, or None."""
        return vars(model).get("_tfsparse_value_ranges")

    def attach(self, model):
        """Leaves the ranges with a model: `.keras` files that it is saved to have them."""
        if self.of(model) is None:
            inner = getattr(model, "save_assets", None)

            def save_assets(folder):
                if inner is not None:
                    inner(folder)
                self.of(model).save(folder)

            vars(model)["save_assets"] = save_assets
        vars(model)["_tfsparse_value_ranges"] = self

    def reset(self):
        """Forgets what was seen, as before the first batch."""
        for known in self._known.values():
            known.assign([np.nan] * self._size)

    @property
    def names(self):
        """The names of the ranges, a list of strings."""
        return list(self._known)

    @staticmethod
    def see(x):
        """Returns what the range of some activations has to hold, a tensor."""
        return seen_in(x)

    def limits(self, name, seen):
        """Returns a range as a pair of scalar tensors.

        Args:
            name: String.
            seen: Tensor that `see` has returned, which counts before any batch was seen.
        """
        known = tf.convert_to_tensor(self._known[name])
        return tf.unstack(self._limits_of(tf.where(tf.math.is_nan(known), seen, known)))

    def update(self, seen):
        """Moves ranges towards what a batch has shown.

        Args:
            seen: Dict from names to lists of tensors that `see` has returned.
        """
        momentum = tf.convert_to_tensor(self.momentum)
        for name, parts in seen.items():
            now = self._join(tf.stack(parts))
            known = tf.convert_to_tensor(self._known[name])
            moved = momentum * known + (1 - momentum) * now
            self._known[name].assign(tf.where(tf.math.is_nan(known), now, moved))

    def values(self):
        """Returns a dict from names to pairs of floats, of the ranges that were seen."""
        known = {name: variable.numpy() for name, variable in self._known.items()}
        return {
            name: tuple(np.array(self._limits_of(values)).tolist())
            for name, values in known.items()
            if np.isfinite(values).all()
        }

    @staticmethod
    def _join(parts):
        """Returns what a range has to hold that several tensors share."""
        return tf.stack([tf.reduce_min(parts[:, 0]), tf.reduce_max(parts[:, 1])])

    @staticmethod
    def _limits_of(known):
        return known

    def save(self, folder):
        """Writes the ranges to a file in a folder."""
        with open(os.path.join(folder, _ASSET), "w") as file:
            json.dump(self.values(), file)


class FixedPointRanges(ValueRanges):
    """The same for fixed point: the fraction lengths with the least errors, which are averaged."""

    _size = len(fixed_point.LENGTHS)

    @staticmethod
    def see(x):
        """Returns the errors of some activations by fraction length, a tensor."""
        return fixed_point.errors_of_values(x)

    @staticmethod
    def _join(parts):
        return tf.reduce_sum(parts, axis=0)

    @staticmethod
    def _limits_of(known):
        return fixed_point.limits_of(known)


def seen_in(x):
    """Returns the smallest and the largest of some values and 0, a tensor of two floats.

    TFLite has an exact 0 in every range: it is what a convolution pads with.
    """
    x = tf.stop_gradient(tf.cast(x, tf.float32))
    smallest = tf.minimum(tf.reduce_min(x), 0.0)
    largest = tf.maximum(tf.reduce_max(x), 0.0)
    return tf.stack([smallest, tf.maximum(largest, smallest + _NARROWEST)])


def trained_ranges(model):
    """Returns the ranges that a training has left with a model, as `ValueRanges.values`, or {}."""
    ranges = ValueRanges.of(model)
    return {} if ranges is None else ranges.values()


def saved_ranges(path):
    """Returns the ranges in a file that a model was saved to, as `ValueRanges.values`, or {}."""
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as file:
        name = f"assets/{_ASSET}"
        if name not in file.namelist():
            return {}
        return {name: tuple(pair) for name, pair in json.loads(file.read(name)).items()}
