"""The compiled train steps of a model: one for each set of parts that callbacks add."""

import contextlib

import keras

from tfsparse.keras_models import strategy_of


class TrainStep:
    """Replaces `model.train_function`, and calls the compiled step for the attached parts.

    A compiled train step contains the masks and hooks that were attached when it was traced. So
    there is one for each set of parts. A later `fit` with parts of the same keys, or without parts,
    does not compile again. `model.compile` drops all.

    Args:
        model: Keras 3 or tf_keras model.
    """

    def __init__(self, model):
        self._model = model
        plain = getattr(model, "train_function", None)
        self._steps = {} if plain is None else {frozenset(): plain}
        self._parts, self._attached = {}, {}
        self._current, self._entered = None, []
        self._checks = []
        self._known = {}

    @classmethod
    def of(cls, model):
        """Returns the `TrainStep` of a model, made at the first call after `compile`."""
        step = getattr(model, "train_function", None)
        if not isinstance(step, cls):
            step = model.train_function = cls(model)
        return step

    def __call__(self, iterator):
        """Runs one execution of the train step, as Keras calls it."""
        if self._current is None:
            self._current = self._choose()
            parts = self._attached.values()
            self._entered = [p for p in parts if isinstance(p, contextlib.AbstractContextManager)]
        while self._checks:
            self._checks.pop()(self._attached.values())
        with contextlib.ExitStack() as stack:
            for part in self._entered:
                stack.enter_context(part)
            return self._current(iterator)

    def at_first_call(self, check):
        """Calls `check` with the parts that are attached when a train step runs next."""
        self._checks.append(check)

    def once(self, key, make):
        """Returns `make()`, or the result of an earlier call with the key since `compile`."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def attach(self, makers):
        """Attaches parts to the train step.

        Args:
            makers: Dict from keys to functions that make a part: a mask, or something else that is
                called inside the train step. A key says what the part does, and to which variable.
                A part that is a context manager is entered around each execution of the step.

        Returns:
            List of parts, one for each key: that of an earlier call since `compile`, or a new one.
        """
        new = {key: make() for key, make in makers.items() if key not in self._parts}
        self._parts |= new
        parts = {key: self._parts[key] for key in makers}
        self._attached |= parts
        self._current = None
        return list(parts.values())

    def detach(self, parts):
        """Detaches parts."""
        gone = set(map(id, parts))
        self._attached = {key: p for key, p in self._attached.items() if id(p) not in gone}
        self._current = None

    def detach_kind(self, kind):
        """Notes that parts are no longer called whose keys begin with `kind`, a string.

        A training that was interrupted leaves its parts behind.
        """
        self.detach([part for (first, *_), part in self._attached.items() if first == kind])

    def _choose(self):
        keys = frozenset(self._attached)
        if keys not in self._steps:
            self._steps[keys] = self._make()
        return self._steps[keys]

    def _make(self):
        _build_optimizer(self._model)
        self._model.make_train_function(force=True)
        function, self._model.train_function = self._model.train_function, self
        return function


def _build_optimizer(model):
    """Makes the optimizer's slots, so that the first train step is traced only once.

    Keras 3 makes them while it traces the step, and TensorFlow then traces it again.
    """
    if getattr(type(model), "train_step", None) is not keras.Model.train_step:
        return  # It may train other variables.
    optimizer, variables = model.optimizer, model.trainable_variables
    if variables and not getattr(optimizer, "built", True):
        with strategy_of(model).scope():
            optimizer.build(variables)
