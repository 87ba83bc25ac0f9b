"""Pattern and kernel pruning of 3x3 convolutions."""

from collections.abc import Mapping
from numbers import Real

from tfsparse.annotations import BlockSize, Position, Scope
from tfsparse.arguments import check_fraction, check_int
from tfsparse.keras_models import strategy_of
from tfsparse.prune.scope import first_convolution
from tfsparse.prune.scope_grammar import LAYERS_AND_DEPTHWISE, check_scope
from tfsparse.prune.update_schedules import Progress
from tfsparse.prune.weights.admm import Admm, Pull
from tfsparse.prune.weights.kernel_patterns import most_frequent, nearest
from tfsparse.prune.weights.masked_weights import MaskedWeights


class PatternPruning(MaskedWeights):
    """Prunes 3x3 convolutions to a few patterns, and removes whole kernels.

    Every kernel, from one input channel to one output channel, keeps 4 of its 9
    weights, including the centre, in one of 8 patterns: those that are most often the best one in
    the trained network. In the first phase of the training an auxiliary loss pulls
    the kernels to their patterns, by the alternating direction method of multipliers (ADMM). Then
    they are pruned, and train with masks. The model stays a plain Keras model.

    Begin with a trained model: the patterns are selected from its weights. To train from scratch,
    use a later `begin`. Supports the same models as `GradualPruning`. A
    training that is resumed in the first phase begins with multipliers of zero; one
    that is resumed later keeps its masks, because all zeros count as pruned.

    `fit` logs the sparsity reached as `"sparsity"`, 0 in the first phase.

    From Ma et al., "PCONV: The Missing but Desirable Sparsity in DNN Weight Pruning for Real-time
    Execution on Mobile Devices", 2020 (https://arxiv.org/abs/1909.05073), and Niu et al., "PatDNN:
    Achieving Real-Time DNN Execution on Mobile Devices with Pattern-based Weight Pruning", 2020
    (https://arxiv.org/abs/2001.00138).

    Args:
        patterns: Int, number of patterns in the network.
        entries: Int from 1 to 9, the weights that a kernel keeps.
        pruning_ratio: Float in [0, 1), the fraction of each layer's kernels that are removed as a
            whole, 0 by default; the model's first convolution keeps all. The papers remove 0.72
            and call it connectivity pruning. Not together with a mapping as `scope`, which has its
            own pruning ratios.
        rho: Positive float, strength of the pull to the patterns: the auxiliary loss is
            `rho / 2` times the squared distance.
        begin: Where the first phase begins: a float in [0, 1] is a fraction of the training, an int
            is a step.
        end: When weights are pruned and the second phase begins, given as `begin` is. With 0 they
            are pruned in the first step.
        block_size: 1, 2 or 4 neighbouring output channels whose kernels of an input channel share
            a pattern, or a pair of output and input channels: `(1, 4)` for networks that will run
            in int8. Larger blocks run faster and lose more accuracy.
        frequency: Int, steps between two updates of the multipliers. By default 100, or fewer so
            that there are 5 updates in the phase.
        scope: Which 3x3 convolutions: `"3x3"`, the default, for all of them, or another scope of
            `GradualPruning`; a mapping gives pruning ratios.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built, or the scope matches no layer, or another layer than a 3x3 convolution; `fit`
            also if the model has no optimizer.

    Example:

    ```python
    model.fit(x, y, epochs=40, callbacks=[tfsparse.PatternPruning(pruning_ratio=0.5)])
    ```
    """

    def __init__(
        self,
        *,
        patterns: int = 8,
        entries: int = 4,
        pruning_ratio: float | None = None,
        rho: float = 1e-2,
        begin: Position = 0.0,
        end: Position = 0.5,
        block_size: BlockSize = 1,
        frequency: int | None = None,
        scope: Scope = "3x3",
    ) -> None:
        check_scope(scope, LAYERS_AND_DEPTHWISE, amount="pruning ratio")
        check_int("patterns", patterns, most=70)  # the number of patterns of 5 entries
        check_int("entries", entries, most=9)
        if not isinstance(rho, Real) or not 0 < rho < float("inf"):
            raise ValueError(f"Expected rho to be a positive float. Received: {rho!r}")
        if pruning_ratio is not None:
            check_fraction("pruning_ratio", pruning_ratio)
            if isinstance(scope, Mapping):
                raise ValueError(
                    "Give pruning_ratio or a mapping as scope, which says it for each layer. "
                    f"Received: pruning_ratio={pruning_ratio}, scope={dict(scope)!r}"
                )
        super().__init__(scope, Progress(begin, end, frequency), block_size)
        self.patterns = patterns
        self.entries = entries
        self.pruning_ratio = pruning_ratio
        self.rho = rho

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "patterns": self.patterns,
            "entries": self.entries,
            "pruning_ratio": self.pruning_ratio,
            "rho": self.rho,
            **self.schedule.get_config(),
            "block_size": self.block_size,
            "scope": self.scope,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Attaches masks that prune nothing yet, and the auxiliary loss."""
        model = self.model
        if model.optimizer is None:
            raise ValueError(
                "PatternPruning adds to the gradients of model.optimizer, and there is none. "
                "Compile the model with the optimizer that trains it."
            )
        super().on_train_begin(logs)
        strategy = strategy_of(model)
        pulls = self._attach_parts(
            "pull",
            [mask.variable for mask in self._masks],
            lambda variable: Pull(variable, strategy),
        )
        self._hooks = self._admm = Admm(model.optimizer, pulls, self.rho)

    @property
    def _to_keep_zeros(self):
        return "give fit the same PatternPruning with begin=0 and end=0"

    def _update(self, progress):
        if self._is_cut or progress is None:
            return
        if progress < 1:
            self._admm.update(self._weights(), self._project)
        else:
            self._admm.stop()
            self._prune_one_shot()

    def _prune_one_shot(self):
        weights = self._weights()
        self._keep(self._nearest(weights))
        self._is_cut = True

    def _project(self, weights):
        masks = self._nearest(weights)
        return [w * mask for w, mask in zip(weights, masks, strict=True)]

    def _nearest(self, weights):
        """Returns the masks of the patterns that are nearest to the weights."""
        if self._library is None:
            self._library = most_frequent(
                weights, self.patterns, self.entries, self._block_shapes[0]
            )
        return [
            nearest(w, self._library, pruning_ratio, block_shape)
            for w, pruning_ratio, block_shape in zip(
                weights, self._pruning_ratios, self._block_shapes, strict=True
            )
        ]

    def _prepare(self, model):
        for target in self._targets:
            if not _is_3x3(target.layer):
                raise ValueError(
                    "Expected scope to choose 3x3 convolutions. Received: layer "
                    f"{target.layer.name!r} with a kernel of shape {tuple(target.kernel.shape)}"
                )
        first = first_convolution(model)
        self._pruning_ratios = [
            0.0 if target.layer is first else target.amount or self.pruning_ratio or 0.0
            for target in self._targets
        ]

    def _forget(self):
        super()._forget()
        self._admm = self._library = None
        self._is_cut = False


def _is_3x3(layer):
    kernel = getattr(layer, "kernel", None)  # a separable convolution has no such attribute
    return kernel is not None and len(kernel.shape) == 4 and tuple(kernel.shape[:2]) == (3, 3)
