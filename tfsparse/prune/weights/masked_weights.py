"""The base class of methods that prune weights of layers."""

import numpy as np

from tfsparse.prune.blocks import block_magnitudes, checked_block_size, spread_blocks
from tfsparse.prune.masked_pruning import MaskedPruning
from tfsparse.prune.scope import select
from tfsparse.user_warnings import warn


class MaskedWeights(MaskedPruning):
    """A callback with one mask for the kernel of each layer.

    A method implements `_update` and `_prune_one_shot`. The masks have the order of
    `self._targets`.

    Args:
        scope: Which layers, as in `select`.
        schedule: See `MaskedPruning`.
        block_size: See `tfsparse.prune.blocks.checked_block_size`.
    """

    def __init__(self, scope, schedule, block_size):
        self.block_size = checked_block_size(block_size)
        super().__init__(scope, schedule)

    @property
    def sparsity(self) -> float:
        """The fraction of weights in the scope that the masks prune, a float."""
        return self._reached

    def _prepare(self, model):
        """Prepares the method for its targets, or raises an error, before masks are attached."""

    def _attach(self, model, train_step=None):
        targets = select(model, self.scope, depthwise=True)
        self._detach()
        self._targets = targets
        self._block_shapes = [target.block_shape(self.block_size) for target in targets]
        self._prepare(model)
        self._attach_masks(model, train_step, [target.kernel for target in targets])

    def _measure(self):
        weights = [mask.weights() for mask in self._masks]
        return 1 - int(sum(map(np.count_nonzero, weights))) / sum(w.size for w in weights)

    def _weights(self):
        """Returns the values of all masked variables, and warns if a mask was not applied."""
        weights = [mask.weights() for mask in self._masks]
        if not all(mask.holds(w) for mask, w in zip(self._masks, weights, strict=True)):
            warn(
                "Weights that were pruned are no longer zero. Either something other than an "
                "optimizer wrote to them, or the train step was compiled (by tf.function) before "
                "pruning began and knows of no masks: call apply(model, step) before its first "
                "call.",
            )
        return weights

    def _scores(self, values):
        """Returns the mean magnitude of each block of arrays with the shapes of the kernels."""
        return list(map(block_magnitudes, values, self._block_shapes))

    def _keep_blocks(self, keeps):
        """Replaces the masks by masks of blocks, bool arrays with one value for each block."""
        self._keep(
            [
                spread_blocks(keep, mask.keep.shape, block_shape)
                for keep, mask, block_shape in zip(
                    keeps, self._masks, self._block_shapes, strict=True
                )
            ]
        )

    def _keep(self, keeps):
        """Replaces the masks, bool arrays with True where a weight is kept, and zeroes the rest."""
        for mask, keep in zip(self._masks, keeps, strict=True):
            mask.assign(keep)
        self._averages.apply()
        total = sum(mask.size for mask in self._masks)
        self._reached = sum(mask.sparsity * mask.size for mask in self._masks) / total

    def _forget(self):
        super()._forget()
        self._targets, self._block_shapes = [], []
