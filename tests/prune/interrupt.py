"""A training that does not end well."""

from tfsparse.prune.callback import Callback


class Interrupt(Callback):
    """Ends a training with an exception when an epoch begins."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt
