"""The base class of methods that prune weights of layers."""

import numpy as np

from tfsparse.prune.magnitude import spread_blocks
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
    """

    @property
    def sparsity(self) -> float:
        """The fraction of weights in the scope that the masks prune, a float."""
        return self._reached

    def _prepare(self, model):
        """Prepares the method for its targets, or raises an error, before masks are attached."""

    def _attach(self, model, train_step=None):
        targets = select(model, self.scope)
        self._detach()
        self._targets = targets
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

    def _keep(self, keeps, weights, block_size=1):
        """Replaces the masks, and zeroes the pruned weights.

        Args:
            keeps: List of bool arrays, one for each layer, True where a block is kept.
            weights: The result of `_weights`.
            block_size: Int, output channels in a block.
        """
        for mask, keep, values in zip(self._masks, keeps, weights, strict=True):
            mask.assign(spread_blocks(keep, values.shape[-1], block_size))
        self._averages.apply()
        total = sum(mask.size for mask in self._masks)
        self._reached = sum(mask.sparsity * mask.size for mask in self._masks) / total

    def _forget(self):
        super()._forget()
        self._targets = []
