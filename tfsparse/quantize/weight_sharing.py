"""Weights that share a few values in each layer."""

import functools
from collections.abc import Mapping

import numpy as np

from tfsparse.annotations import Model, Position, Scope
from tfsparse.arguments import check_int
from tfsparse.formatting import listed
from tfsparse.keras_models import all_optimizers, strategy_of, student_of
from tfsparse.prune import schedules
from tfsparse.prune.masked_callback import MaskedCallback
from tfsparse.prune.moving_averages import MaskedAverages
from tfsparse.prune.optimizers import GradientHooks, average_of, zero_slots
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import check_scope, match_patterns
from tfsparse.prune.train_step import TrainStep
from tfsparse.prune.variables import read, write
from tfsparse.quantize import folding
from tfsparse.quantize.begin import Begin
from tfsparse.quantize.clusters import k_means
from tfsparse.quantize.end_warnings import warn_at_end
from tfsparse.quantize.shared_kernel import SharedKernel, Unit
from tfsparse.user_warnings import warn

_PART = "shared weights"
_MOST_BITS = 8  # of a code in an archive


class WeightSharing(MaskedCallback):
    """Lets the weights of each layer share at most 2^`bits` values, zero among them.

    The values of a layer are the centroids of k-means of its weights from a linear start. They are
    trained on: inside the compiled train step each weight gets the sum of the gradients of its
    cluster, and after each update the weights of a cluster are made equal. Weights that are zero
    when sharing begins stay zero, and have no part in k-means.

    A BatchNormalization behind a layer becomes a part of it in a TFLite file, with a factor for
    each channel that would make 2^`bits` values many. So when sharing begins, the factor moves into
    the kernel, and the BatchNormalization keeps a factor of exactly 1. It uses its moving
    statistics from then on, as in inference, and trains its offset only.

    A file with shared values is as large as before and runs no faster. `tfsparse.pack` stores it in
    fewer bytes.

    Use it on a trained network, after pruning; it needs no other callback to keep the zeros. It can
    be used in the `fit` that prunes, with `begin` after the end of that schedule. The model stays a
    plain functional or Sequential Keras 3 model. A training that is resumed keeps its clusters as
    far as the weights still have at most 2^`bits` values. Give a later `fit` the same callback, or
    the weights of a cluster become different again.

    From Han et al., "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained
    Quantization and Huffman Coding", 2016 (https://arxiv.org/abs/1510.00149).

    Args:
        bits: Int from 1 to 8, or a mapping of layer-name patterns (as in `fnmatch`) to such ints.
            The first matching pattern applies; a layer without one is not shared.
        scope: Which layers: `"all"`, the default; `"pointwise"`, `"3x3"`, `"all_but_first"`, or a
            function that takes a layer and returns a bool, as for `GradualPruning`.
        begin: Where sharing begins: a float in [0, 1] is a fraction of the training, an int is a
            step, counted as `optimizer.iterations` counts.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras 3 model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is
            subclassed or not built, or `scope` or a pattern of `bits` matches no layer.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(0.9, scope="all")])
    model.fit(x, y, epochs=5, callbacks=[tfsparse.WeightSharing(bits=5)])
    tfsparse.convert(model, "model.tflite")
    tfsparse.pack("model.tflite", "model.tflite.pack")
    ```
    """

    def __init__(
        self,
        bits: int | Mapping[str, int] = 5,
        *,
        scope: Scope = "all",
        begin: Position = 0.0,
    ) -> None:
        for name, number in bits.items() if isinstance(bits, Mapping) else [("bits", bits)]:
            label = name if name == "bits" else f"bits[{name!r}]"
            check_int(label, number, 1, _MOST_BITS)
        check_scope(
            scope,
            no_mapping="a mapping of layer-name patterns to numbers of bits goes into bits",
        )
        schedules.check_position("begin", begin)
        self.bits = bits
        self.scope = scope
        super().__init__(Begin(begin))

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {"bits": self.bits, "scope": self.scope, "begin": self.schedule.begin}

    def apply(self, model: Model) -> float:
        """Lets the weights of a model share values, outside of `fit`.

        Args:
            model: Built functional or Sequential Keras 3 model. Afterwards nothing keeps its
                weights equal.

        Returns:
            The relative error, a float: the root of the sum of all squared changes of weights in
            the scope, over that of all squared weights.

        Raises:
            TypeError, ValueError: The class does not support the model, or the scope or a pattern
                matches nothing.
        """
        layers = self._layers(model)
        followers = folding.followers(model)
        self._fold(layers, followers)
        before = [read(kernel) for kernel, _ in layers.values()]
        for kernel, bits in layers.values():
            _share(SharedKernel(kernel, strategy_of(model), 2**bits))
        after = [read(kernel) for kernel, _ in layers.values()]
        changes = sum(np.sum((a - b) ** 2) for a, b in zip(before, after, strict=True))
        return float(np.sqrt(changes / max(sum(np.sum(b**2) for b in before), 1e-30)))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Finds the layers; other callbacks may still restore weights."""
        self._detach()
        self._chosen = self._layers(self.model)
        self._followers = folding.followers(student_of(self.model))
        self._train_step = TrainStep.of(self.model)
        self._train_step.detach_kind(_PART)
        super().on_train_begin(logs)

    def _layers(self, model):
        """Returns a dict from layers to pairs of a kernel and its number of bits."""
        targets = {target.layer: target for target in select(model, self.scope)}
        if not isinstance(self.bits, Mapping):
            return {layer: (target.kernel, self.bits) for layer, target in targets.items()}
        names = {layer: [layer.name, target.name] for layer, target in targets.items()}
        paths = listed([target.name for target in targets.values()])
        described = f"Layers of model {model.name!r} in scope: {paths}."
        chosen = match_patterns(self.bits, names, "matches no layer", described, "bits")
        return {layer: (targets[layer].kernel, bits) for layer, bits in chosen.items()}

    def _fold(self, layers, followers):
        """Folds the BatchNormalization layers behind some layers; returns those."""
        foldable, shared = followers
        lost = [layer.name for layer in shared if layer in layers]
        if lost:
            warn(
                "A BatchNormalization, or the layer before it, is called more than once, so that "
                f"the file will have other values than the model: {listed(lost)}. Their weights "
                "will share no values there."
            )
        pairs = [(layer, norm) for layer, norm in foldable if layer in layers]
        for pair in pairs:
            folding.fold(*pair)
        return [norm for _, norm in pairs]

    def _update(self, shares):
        if not shares or self._kernels:
            return
        strategy, step = strategy_of(self.model), self._train_step
        norms = self._fold(self._chosen, self._followers)
        makers = {
            (_PART, id(kernel), bits): functools.partial(SharedKernel, kernel, strategy, 2**bits)
            for kernel, bits in self._chosen.values()
        }
        self._kernels = step.attach(makers)
        scales = [norm.gamma for norm in norms if norm.scale]
        makers = {(_PART, id(v)): functools.partial(Unit, v, strategy) for v in scales}
        makers[(_PART, *map(id, norms))] = functools.partial(folding.InferenceStatistics, norms)
        *units, statistics = step.attach(makers)
        self._parts = [*self._kernels, *units, statistics]
        self._masks = [*self._kernels, *units]
        changed = list(map(_share, self._kernels))
        self._attach_masks(norms, changed)

    def _attach_masks(self, norms, changed):
        """Lets every update keep what is shared, from the next step on."""
        optimizer = self.model.optimizer
        self._hooks = GradientHooks(optimizer)
        for kernel in self._kernels:
            self._hooks.attach(kernel.variable, kernel.sum_gradients)
        for mask in self._masks:
            mask.attach()
        self._averages = MaskedAverages(optimizer, self._masks, self._masks)
        self._averages.attach()
        if any(changed):
            # Slots and averages are of other weights.
            everywhere = [(k.variable, np.ones(k.variable.shape, bool)) for k in self._kernels]
            zero_slots(optimizer, everywhere)
            variables = [k.variable for k in self._kernels]
            _reset_averages(optimizer, variables + [v for n in norms for v in n.variables])

    def _close(self):
        warn_at_end(
            self.model,
            self._kernels,
            "give fit the same WeightSharing",
            lost="share no values",
            before="sharing began",
            begins="sharing has",
        )
        self._detach()

    def _forget(self):
        super()._forget()
        self._chosen = self._followers = None
        self._kernels = []


def _share(kernel):
    """Gives the weights of a `SharedKernel` their clusters; returns whether a weight changed."""
    weights = kernel.weights()
    keep = weights != 0
    codes = np.zeros(weights.shape, np.int32)
    if keep.any():
        # Zero is one of the values.
        _, codes[keep] = k_means(weights[keep], kernel.count - (not keep.all()))
    kernel.share(keep, codes)
    return not np.array_equal(weights, kernel.weights())


def _reset_averages(optimizer, variables):
    """Sets the moving averages that an optimizer keeps of some variables to their values."""
    for each in all_optimizers(optimizer):
        for variable in variables:
            average = average_of(each, variable)
            if average is not None:
                write(average, read(variable))
