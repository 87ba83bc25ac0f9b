"""What single layers of a model return, from the pass that computes its outputs."""

import contextlib
import difflib
import functools

import tensorflow as tf

from tfsparse.formatting import listed
from tfsparse.graph.calls import functional_of
from tfsparse.keras_models import walk


class Features:
    """Runs a model and keeps what some of its layers return.

    For the time of the run the `call` of these layers is replaced, so nothing is wrapped or cloned,
    and layers in nested and in subclassed models are found. Of a layer that the model calls several
    times, the last output is kept.

    Args:
        model: Keras 3 model.
        names: Strings, each a layer's name or its path in the model (`"block/conv"`).
        role: String, what errors call the model.

    Attributes:
        latest: A place for the second result of a call, until a loss reads it.

    Raises:
        ValueError: The model has no such layer, or several.
    """

    def __init__(self, model, names, role):
        self.model = model
        self.role = role
        self.latest = None
        self._layers = {name: _find(model, name, role) for name in dict.fromkeys(names)}

    def __call__(self, inputs, training):
        """Runs the model.

        Args:
            inputs: As the model takes them.
            training: Bool, whether it runs as in training; None for what Keras decides.

        Returns:
            The model's outputs, and a dict from names to what these layers have returned.
        """
        found = {}
        with contextlib.ExitStack() as stack:
            for name, layer in self._layers.items():
                stack.enter_context(_observed(layer, functools.partial(found.__setitem__, name)))
            outputs = self.model(inputs, training=training)
        for name in self._layers:
            if name not in found:
                raise ValueError(
                    f"The {self.role} {self.model.name!r} does not call its layer {name!r}. Choose "
                    "a layer that is part of its computation."
                )
        return outputs, found

    @property
    def output_shapes(self):
        """The shapes of the model's outputs, a list of tuples; None of a subclassed model."""
        function = self._function
        return None if function is None else [tuple(x.shape) for x in function.outputs]

    @functools.cached_property
    def shapes(self):
        """The shapes of what the layers return, a dict from names to tuples.

        Raises:
            ValueError: The model is subclassed or not built; or a layer returns several tensors.
        """
        function = self._function
        if function is None:
            raise ValueError(
                f"Expected the {self.role} to be a functional or a Sequential model that is built, "
                f"to read the shapes of layers. Received: {self.model.name!r} "
                f"({type(self.model).__name__}). LogitsDistillation takes subclassed models."
            )
        found = {}
        inputs = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), function._inputs_struct
        )
        run = tf.function(lambda x: found.update(self(x, training=False)[1]), autograph=False)
        run.get_concrete_function(inputs)
        return {name: _shape_of(value, name, self.role) for name, value in found.items()}

    @property
    def _function(self):
        return functional_of(self.model) if self.model.built else None


def _shape_of(value, name, role):
    if not hasattr(value, "shape"):
        raise ValueError(
            f"Expected layer {name!r} of the {role} to return one tensor. Received: {value}"
        )
    return tuple(value.shape)


@contextlib.contextmanager
def _observed(layer, keep):
    """Calls `keep` with whatever a layer returns."""
    before, call = vars(layer).get("call"), layer.call

    @functools.wraps(call)  # Keras 3.0 reads the arguments of `call`.
    def observed(*args, **kwargs):
        outputs = call(*args, **kwargs)
        keep(outputs)
        return outputs

    # Not by setattr: Keras would track a model that was put there.
    vars(layer)["call"] = observed
    try:
        yield
    finally:
        if before is None:
            del vars(layer)["call"]
        else:
            vars(layer)["call"] = before


def _find(model, name, role):
    if not isinstance(name, str):
        raise TypeError(f"Expected the name of a layer of the {role}. Received: {name!r}")
    paths = {path: layer for layer, path in walk(model)}
    if name in paths:
        return paths[name]
    found = [path for path, layer in paths.items() if layer.name == name]
    if len(found) == 1:
        return paths[found[0]]
    if found:
        raise ValueError(
            f"The {role} {model.name!r} has several layers {name!r}. Give the path of one: "
            f"{listed(found)}."
        )
    near = difflib.get_close_matches(name, paths)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(
        f"The {role} {model.name!r} has no layer {name!r}.{hint} Its layers: {listed(list(paths))}."
    )
