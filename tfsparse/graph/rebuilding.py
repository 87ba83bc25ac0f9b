"""Copies Keras objects by their configs, with references to the live objects inside.

A config of Keras contains functions and classes by name, and `from_config` looks them up. This
fails for one that is not registered, and finds another one if Keras has a function of that name.
Here a config refers to the live objects themselves.
"""

import copy
import inspect
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import Functional  # not public, yet what keras.Model returns

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.ndarray, np.generic)
_TENSORS = (tf.Tensor, tf.Variable, keras.Variable)


def renew(live, changes=None):
    """Returns a new Keras object with the arguments of another one, not built yet.

    Both share functions, and objects of custom classes that do not train: activations,
    initializers, regularizers, learning rate schedules. Layers and optimizers inside are new, too.
    If `get_config` does not return all arguments of the constructor, they are taken from attributes
    of the same names.

    Args:
        live: Layer, operation or optimizer of Keras 3.
        changes: Dict of arguments of the constructor that differ.

    Raises:
        NotImplementedError: The class has no `get_config`, and an argument of its constructor is
            the name of no attribute.
        TypeError: The constructor does not take what `get_config` returns.
    """
    if _is_graph(live):
        return keras.models.clone_model(view(live, compiled=False), clone_function=renew)
    references = _References()
    config = _arguments(live, references.view(live)) | (changes or {})
    with keras.saving.custom_object_scope(references.scope):
        new = type(live).from_config(config)
    new.name = live.name  # which not every constructor takes
    return new


def view(live, **attributes):
    """Returns an object of the same class with the same attributes, except for those given.

    It can be read only: no constructor runs, and what the attributes hold is shared.
    """
    shown = object.__new__(type(live))
    vars(shown).update(vars(live), **attributes)
    return shown


def is_own(value):
    """Returns whether an object's class is not one of Keras."""
    return type(value).__module__.partition(".")[0] != "keras"


def copy_state(old, new):
    """Copies the state of a layer to another one with the same arguments and shapes.

    The state is what Keras saves, variables and assets such as vocabularies, and for a custom
    class also numbers, arrays, strings and TensorFlow's variables in its attributes. Layers
    inside are included. Call it in the scope of the `tf.distribute.Strategy` of the new layer, some
    variables of which may be made here.

    Args:
        old: Built layer of Keras 3.
        new: Layer that `renew` made of it, built.
    """
    for source, target in zip(old._flatten_layers(), new._flatten_layers(), strict=True):
        if source.built and not target.built:
            # Not every layer builds those that it holds: Keras builds an activation when it runs.
            target.build_from_config(source.get_build_config())
        store = {}
        source.save_own_variables(store)
        # Arrays, as in a file, and copies: an implementation may keep what it is given.
        for key, value in store.items():
            store[key] = np.array(value.numpy() if hasattr(value, "numpy") else value)
        if store:
            target.load_own_variables(store)
        if hasattr(source, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                source.save_assets(folder)
                target.load_assets(folder)
        if is_own(source):
            _copy_attributes(source, target)


def _copy_attributes(old, new):
    of_every_layer = vars(keras.layers.Layer())
    for name, value in vars(old).items():
        target = vars(new).get(name)
        if isinstance(value, tf.Variable) and isinstance(target, tf.Variable):
            target.assign(value)
        elif name not in of_every_layer and not _same(value, target):
            setattr(new, name, copy.deepcopy(value))


def _same(a, b):
    """Returns whether two values are equal data, or no data at all."""
    a, b = _leaves(a), _leaves(b)
    if not all(isinstance(x, (*_PLAIN, tf.Tensor)) for x in a.values()):
        return True
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)


def _leaves(value, path=()):
    """Returns all that is in the lists, tuples and dicts of a value, a dict by the way there.

    Unlike those of `tf.nest.flatten`, keys need no order.
    """
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return {path: value}
    return {
        inner: leaf for key, held in items for inner, leaf in _leaves(held, (*path, key)).items()
    }


class _Reference:
    """Replaces a live object while a config is made, and forwards to it."""

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
    """The live objects that one config refers to.

    Attributes:
        scope: Dict for `keras.saving.custom_object_scope`, in which the config can be read.
    """

    def __init__(self):
        # Keras calls `from_config` of what it finds under the name of a class.
        self.scope = {_Reference.__name__: self}
        self._live = []
        self._views = {}

    def from_config(self, config):
        """Returns the live object that a reference stands for."""
        return self._live[config["index"]]

    def view(self, live):
        """Returns a view of a Keras object that holds references."""
        if id(live) not in self._views:
            # Keras builds what a config says was built, and the layer around builds it again.
            shown = self._views[id(live)] = view(live, get_build_config=lambda: None)
            if is_own(live):
                self.scope[type(live).__name__] = type(live)
            for name, value in vars(live).items():
                # Keras wraps some methods, and puts them into the attributes.
                is_method = callable(getattr(type(live), name, None))
                if not is_method and not isinstance(value, _TENSORS):
                    vars(shown)[name] = _map(self._stand_in, value)
        return self._views[id(live)]

    def _stand_in(self, value):
        if isinstance(value, _TENSORS):
            return self._refer(value)  # Keras would make lists of numbers of it, or fail
        if _trains(value) and (_is_graph(value) or _own_parameters(type(value))):
            return self._refer(renew(value))
        if hasattr(value, "get_config") and (_trains(value) or not is_own(value)):
            return self.view(value)
        return self._refer(value) if callable(value) else value

    def _refer(self, live):
        self._live.append(live)
        return _Reference(live, len(self._live) - 1)


def _arguments(live, shown):
    """Returns arguments for `from_config` of an object, from its view."""
    parameters = _own_parameters(type(live))
    told = _told(live, parameters)
    try:
        config = shown.get_config()
    except NotImplementedError:
        if not told:
            raise
        config = {"name": live.name}
        if isinstance(live, keras.layers.Layer):
            config |= {"trainable": live.trainable, "dtype": live.dtype_policy}
    config = _map(_passed_on(type(live)), config)
    if isinstance(config.get("dtype"), dict) and is_own(live.dtype_policy):
        config["dtype"] = live.dtype_policy  # of a dict, from_config keeps the name only
    if parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        config = {name: value for name, value in config.items() if name in parameters}
    return told | config


def _passed_on(cls):
    """Returns the function of a value in a config that makes what `from_config` expects there."""
    of_keras = keras.Operation.from_config, keras.optimizers.Optimizer.from_config
    # A class with a from_config of its own reads what Keras saved; others pass it on.
    passes_on = cls.from_config.__func__ in [method.__func__ for method in of_keras]

    def passed_on(value):
        if not isinstance(value, _Reference):
            return value
        return value._live if passes_on else keras.saving.serialize_keras_object(value)

    return passed_on


def _own_parameters(cls):
    """Returns the parameters of a constructor of which `get_config` does not know, a dict."""
    order = [vars(base) for base in cls.__mro__]
    constructor, config = (
        next(i for i, names in enumerate(order) if name in names)
        for name in ("__init__", "get_config")
    )
    if constructor >= config:
        return {}
    return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])


def _told(live, parameters):
    """Returns the arguments that are attributes of the same names, a dict."""
    attributes = vars(live)
    return {
        name: _map(lambda x: renew(x) if _trains(x) else x, attributes[attribute])
        for name in parameters
        for attribute in (f"_{name}", name)  # of two, the last counts
        if attribute in attributes
    }


def _is_graph(value):
    # Its config knows layers by their identity, which a view has not.
    return isinstance(value, Functional)


def _trains(value):
    return isinstance(value, keras.layers.Layer | keras.optimizers.Optimizer)


def _map(function, value):
    """Returns a value with a function applied to all that is in its lists, tuples and dicts."""
    if isinstance(value, dict):
        return {key: _map(function, x) for key, x in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        kind = tuple if type(value) is tuple else list
        return kind(_map(function, x) for x in value)
    return function(value)
