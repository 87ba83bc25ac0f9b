"""Validation during a training, of the network in int8."""


class QuantizedTestStep:
    """Stands for `model.test_function` for one execution at a time.

    It is set before each batch of a validation, and puts the model's own back before it runs. An
    interrupted training so leaves the model with its own.

    Args:
        model: Keras 3 model.
        forward: `QuantizedForward`.
    """

    def __init__(self, model, forward):
        self._model = model
        self.forward = forward
        plain, model.test_function = model.test_function, None
        try:
            model.make_test_function()
            self._function = model.test_function
        finally:
            model.test_function = plain

    def set(self):
        """Lets the model's next test step be one in int8."""
        if self._model.test_function is not self:
            self._plain, self._model.test_function = self._model.test_function, self

    def __call__(self, iterator):
        """Runs one execution of the test step, as Keras calls it."""
        self._model.test_function = self._plain
        with self.forward:
            return self._function(iterator)
