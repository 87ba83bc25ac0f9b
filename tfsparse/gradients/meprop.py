"""meProp: back-propagation of the largest gradients only."""

import functools

import keras

from tfsparse.annotations import Position, Scope
from tfsparse.arguments import check_int, is_number
from tfsparse.formatting import listed
from tfsparse.gradients.sparse_backward import SparseBackward
from tfsparse.keras_models import keras_of, student_of
from tfsparse.prune import schedules
from tfsparse.prune.scheduled_callback import ScheduledCallback
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import LAYERS, check_scope
from tfsparse.prune.train_step import TrainStep
from tfsparse.quantize.begin import Begin

_PART = "sparse gradients"


class MeProp(ScheduledCallback):
    """Back-propagates only the k largest gradients of the output of each layer.

    The forward pass is as before. Of the gradient of a layer's product with its kernel, k output
    channels are kept, and the others are zero: the kernel's other columns get no gradient in this
    step, and the layers before get it from these channels alone. With `unified=True` a batch keeps
    the channels with the largest sums of absolute gradients, and the two products of the
    back-propagation have k channels only, which saves time. With `unified=False` each example, and
    each position of a convolution, keeps its own k, as the first version in the paper does; this
    saves no time, as the zeros are multiplied. Biases get all gradients.

    Nothing is wrapped: the model stays a plain Keras model, also after an interrupted training. An
    optimizer with momentum, or weight decay, still changes weights that get no gradient.

    From Sun et al., "meProp: Sparsified Back Propagation for Accelerated Deep Learning with Reduced
    Overfitting", 2017 (https://arxiv.org/abs/1706.06197); of convolutions, each output channel is
    what an element is of a dense layer.

    Args:
        k: How many output channels keep their gradient: a float in (0, 1) is a fraction of those
            of a layer, an int a number. A layer with no more channels keeps all.
        unified: Whether all examples of a batch keep the same channels.
        scope: Which Dense and Conv2D layers without groups: `"all_but_last"`, the default;
            `"pointwise"`, `"3x3"`, `"all_but_first"`, `"all"`, or a function that takes a layer and
            returns a bool.
        begin: Where it begins: a float in [0, 1] is a fraction of the training, an int is a step,
            counted as `optimizer.iterations` counts.

    Raises:
        TypeError: An argument is of a wrong type. `fit` raises it if the model is no Keras 3 model.
        ValueError: An argument is out of its range. `fit` raises it if the model is not built, or
            `scope` matches no such layer.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.MeProp(0.1)])
    ```
    """

    def __init__(
        self,
        k: float | int = 0.1,
        *,
        unified: bool = True,
        scope: Scope = "all_but_last",
        begin: Position = 0.0,
    ) -> None:
        if not is_number(k):
            raise TypeError(f"Expected k to be an int, or a float in (0, 1). Received: {k!r}")
        if not isinstance(k, float):
            check_int("k", k)
        elif not 0 < k < 1:
            raise ValueError(
                "Expected k to be in (0, 1), a fraction of the output channels, or an int, their "
                f"number. Received: {k}"
            )
        if not isinstance(unified, bool):
            raise TypeError(f"Expected unified to be a bool. Received: {unified!r}")
        names = (*LAYERS, "all_but_last")
        check_scope(scope, names, no_mapping="k is a fraction for all layers")
        schedules.check_position("begin", begin)
        self.k = k
        self.unified = unified
        self.scope = scope
        super().__init__(Begin(begin))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "k": self.k,
            "unified": self.unified,
            "scope": self.scope,
            "begin": self.schedule.begin,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Finds the layers."""
        if keras_of(self.model) is not keras:
            raise TypeError(f"Expected a Keras 3 model. Received: {type(self.model)}")
        self._forget()
        self._layers = self._find()
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        super().on_train_begin(logs)

    def _find(self):
        targets = select(self.model, self.scope)
        layers = [t.layer for t in targets if _is_supported(t.layer)]
        if not layers:
            raise ValueError(
                f"scope={self.scope!r} matches no Dense or Conv2D layer without groups in "
                f"model {student_of(self.model).name!r}, which MeProp needs. It matches: "
                f"{listed([t.name for t in targets])}."
            )
        return layers

    def _update(self, begins):
        if not begins or self._parts:
            return
        counts = {layer: self._count(layer.kernel.shape[-1]) for layer in self._layers}
        self._parts = self._train_step.attach(
            {
                (_PART, count, self.unified, id(layer)): functools.partial(
                    SparseBackward, layer, count, self.unified
                )
                for layer, count in counts.items()
                if count < layer.kernel.shape[-1]
            }
        )

    def _count(self, channels):
        count = max(1, round(self.k * channels)) if isinstance(self.k, float) else int(self.k)
        return min(count, channels)

    def _close(self):
        self._train_step.detach(self._parts)
        self._forget()

    def _forget(self):
        super()._forget()
        self._train_step = None
        self._layers, self._parts = [], []


def _is_supported(layer):
    is_conv = isinstance(layer, keras.layers.Conv2D) and layer.groups == 1
    is_last = getattr(layer, "data_format", None) != "channels_first"
    return isinstance(layer, keras.layers.Dense) or (is_conv and is_last)
