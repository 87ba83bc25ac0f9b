"""Callbacks for `fit` of Keras 3 and of tf_keras."""

import keras


class Callback(keras.callbacks.Callback):
    """A Keras 3 callback that `fit` of tf_keras accepts, too.

    tf_keras calls the same methods and does not check the type. It also calls three methods that
    say which hooks are implemented.
    """

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict) -> "Callback":
        """Returns a callback with the arguments that `get_config` returned."""
        return cls(**config)

    def _implements_train_batch_hooks(self):
        return True

    def _implements_test_batch_hooks(self):
        return False

    def _implements_predict_batch_hooks(self):
        return False
