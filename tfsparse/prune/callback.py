"""The callback protocol of Keras 3 and of tf_keras at once."""


class Callback:
    """A callback that `fit` accepts in Keras 3 and in tf_keras, importing neither.

    Both call these methods by name and check no type. A method that is not overridden does nothing.
    """

    model = None
    params = None

    def set_model(self, model):
        """Called by `fit`, `evaluate` and `predict` before anything else."""
        self.model = model

    def set_params(self, params):
        """Called with a dict of `epochs`, `steps` (None if unknown) and `verbose`."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Called once, before other callbacks may have restored weights."""

    def on_train_end(self, logs=None):
        """Called once, unless the training was interrupted by an exception."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called before the first batch of an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after validation."""

    def on_batch_begin(self, batch, logs=None):
        """An older name of `on_train_batch_begin`, which Keras 3.6 looks up."""

    def on_batch_end(self, batch, logs=None):
        """An older name of `on_train_batch_end`, which Keras 3.6 looks up."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before each execution, which is `steps_per_execution` batches long."""

    def on_train_batch_end(self, batch, logs=None):
        """Called after each execution with the index of its last batch."""

    def on_test_begin(self, logs=None):
        """Called before validation."""

    def on_test_end(self, logs=None):
        """Called after validation."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before each validation batch."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after each validation batch."""

    def on_predict_begin(self, logs=None):
        """Called before prediction."""

    def on_predict_end(self, logs=None):
        """Called after prediction."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each prediction batch."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after each prediction batch."""

    # tf_keras asks these three to leave out hooks that do nothing.
    def _implements_train_batch_hooks(self):
        return True

    def _implements_test_batch_hooks(self):
        return False

    def _implements_predict_batch_hooks(self):
        return False
