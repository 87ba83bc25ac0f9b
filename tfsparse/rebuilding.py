"""New Keras objects like others, with the live objects that those hold.

A Keras config names functions and classes. To build an object from it finds them by name, which
fails for those that are not registered, and finds another one where a function of Keras has the
same name. Here, a config refers to the live objects themselves.
"""

import inspect
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.ndarray, np.generic)


def renew(live, changes=None):
    """Returns a new Keras object like another one, as it was before it was built.

    Functions, and objects of the user's own classes that have no state of training, such as
    activations, initializers, regularizers and learning rate schedules, are shared by both. Layers
    and optimizers inside are new too.

    Args:
        live: Layer, operation or optimizer of Keras 3.
        changes: Dict of arguments of the constructor that differ.

    Raises:
        TypeError: The class's `get_config` and its constructor do not go together.
        NotImplementedError: It has no config, and its attributes do not tell the arguments of the
            constructor.
    """
    references = _References()
    config = _config(live, references.view(live)) | (changes or {})
    with keras.saving.custom_object_scope(references.scope):
        new = type(live).from_config(config)
    new.name = live.name  # a constructor need not take it
    return new


def view(live, **attributes):
    """Returns an object of the same class and with the same attributes, except for some.

    It serves to be read: no constructor runs, and what the attributes hold is shared.
    """
    shown = object.__new__(type(live))
    vars(shown).update(vars(live), **attributes)
    return shown


def is_own(value):
    """Returns whether the class of an object is not one of Keras."""
    return type(value).__module__.partition(".")[0] != "keras"


class _Reference:
    """Takes the place of a live object while a config is made, and behaves like it."""

    def __init__(self, live, index):
        self._live = live
        self._index = index

    def get_config(self):
        """Returns what `_References.from_config` finds the live object by."""
        return {"index": self._index}

    def __call__(self, *args, **kwargs):
        return self._live(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._live, name)


class _References:
    """The references of one config.

    Attributes:
        scope: Dict for `keras.saving.custom_object_scope`, in which the config is read.
    """

    def __init__(self):
        # Keras asks what it finds under the name of a class for `from_config`.
        self.scope = {_Reference.__name__: self}
        self._live = []
        self._views = {}

    def from_config(self, config):
        """Returns the live object that a reference stands for."""
        return self._live[config["index"]]

    def view(self, live):
        """Returns a view of a Keras object whose attributes are references."""
        if id(live) not in self._views:
            shown = self._views[id(live)] = view(live)
            if is_own(live):
                self.scope[type(live).__name__] = type(live)
            for name, value in vars(live).items():
                # Keras replaces methods of some objects by functions in their attributes.
                if not callable(getattr(type(live), name, None)):
                    vars(shown)[name] = self._stand_in(value)
        return self._views[id(live)]

    def _stand_in(self, value):
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, Mapping) and not hasattr(value, "get_config"):
            return {key: self._stand_in_argument(x) for key, x in value.items()}
        if type(value) is tuple or isinstance(value, list):
            return type(value)(map(self._stand_in, value)) if type(value) is tuple else list(
                map(self._stand_in, value)
            )
        if hasattr(value, "get_config") and (not is_own(value) or _has_state(value)):
            # A functional model knows its layers by their identity.
            is_graph = isinstance(value, keras.Model) and not isinstance(value, keras.Sequential)
            return value if is_graph else self.view(value)
        return self._refer(value) if callable(value) else value

    def _stand_in_argument(self, value):
        # Keras makes lists of numbers of them, or fails.
        is_tensor = isinstance(value, tf.Tensor | tf.Variable | keras.Variable)
        return self._refer(value) if is_tensor else self._stand_in(value)

    def _refer(self, live):
        self._live.append(live)
        return _Reference(live, len(self._live) - 1)


def _has_state(value):
    return isinstance(value, keras.layers.Layer | keras.optimizers.Optimizer)
