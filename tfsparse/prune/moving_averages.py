"""Moving averages of weights, with the zeros of the weights."""

from tfsparse.keras_models import all_optimizers
from tfsparse.prune.optimizers import average_of


class MaskedAverages:
    """Applies masks to the moving averages that an optimizer keeps with `use_ema=True`.

    An optimizer updates an average before it applies the constraint of the weights, so the average
    of a pruned weight would not be zero. `SwapEMAWeights` and the end of `fit` replace weights by
    averages. While attached, the masks are applied inside the compiled train step.

    Args:
        optimizer: Keras 3 or tf_keras optimizer, one that wraps others, or None.
        masks: List of `Mask`.
        in_step: The masks that each update of the averages applies.
    """

    def __init__(self, optimizer, masks, in_step):
        self._masks, self._in_step = masks, in_step
        self._optimizers = [o for o in all_optimizers(optimizer) if getattr(o, "use_ema", False)]

    def attach(self):
        """Makes every update of the averages apply the masks."""
        for optimizer in self._optimizers:
            update = optimizer._update_model_variables_moving_average
            if not isinstance(update, _MaskedUpdate):
                update = _MaskedUpdate(update, optimizer)
                optimizer._update_model_variables_moving_average = update
            # Replaces the masks of an interrupted training.
            update.masks |= {id(mask): mask for mask in self._in_step}

    def detach(self):
        """Removes the masks; after the last one, restores the optimizer's own method."""
        for optimizer in self._optimizers:
            update = optimizer._update_model_variables_moving_average
            if isinstance(update, _MaskedUpdate):
                for mask in self._in_step:
                    update.masks.pop(id(mask), None)
                if not update.masks:
                    del optimizer._update_model_variables_moving_average

    def apply(self):
        """Zeroes the pruned positions of the averages now."""
        for optimizer in self._optimizers:
            for mask in self._masks:
                average = average_of(optimizer, mask.variable)
                if average is not None:
                    mask.zero(average)


class _MaskedUpdate:
    """Replaces the method with which an optimizer updates all averages."""

    def __init__(self, inner, optimizer):
        self.inner = inner
        self.masks = {}
        self._optimizer = optimizer

    def __call__(self, variables):
        self.inner(variables)
        for mask in self.masks.values():
            average = average_of(self._optimizer, mask.variable)
            if average is not None:
                average.assign(mask(average))
