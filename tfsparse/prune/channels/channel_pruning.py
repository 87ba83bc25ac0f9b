"""Channel pruning by an importance of each channel."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfsparse.annotations import LabelledData, Position, Scope
from tfsparse.arguments import check_int, check_number
from tfsparse.prune.batches import check_data
from tfsparse.prune.channels import importance as importances
from tfsparse.prune.channels import widths
from tfsparse.prune.channels.budget import within_budget
from tfsparse.prune.channels.masked_channels import MaskedChannels
from tfsparse.prune.channels.scale_penalty import ScalePenalty

_BATCH_SIZE = 32
# Network slimming's, for VGG; the paper takes 1e-5 for ResNet and DenseNet.
_GAMMA_L1 = 1e-4


class ChannelPruning(MaskedChannels):
    """Cuts the least important channels of a model during training.

    All weights of a cut channel (see `tfsparse.graph`) become zero, inside each compiled train
    step: its filter, its bias, its entries in BatchNormalization, its depthwise kernel, and the
    weights of all layers that read it. The model stays a plain Keras model of the same shapes.
    `tfsparse.shrink(model)` then returns the smaller model with the same outputs.

    Channels with only zeros count as cut, so a training that is resumed from saved weights keeps
    them. They get no gradient and stay zero in a later `fit` without this callback, except with
    activations that are not zero at zero, such as sigmoid. A `GradualPruning` may prune the
    remaining weights, in the same `fit` or in a later one. After a `fit` that ends with an
    exception the masks stay attached, until the next `fit` with a `ChannelPruning`.

    `fit` logs `"pruning_ratio"`, the fraction of the channels in the scope that are cut, and
    `"macs"`, the fraction of the model's MACs that remains.

    Supports functional and Sequential Keras 3 models, any optimizer, `steps_per_execution`,
    `jit_compile`, mixed precision and `tf.distribute.MirroredStrategy`.

    Args:
        importance: The criterion. `"l1"` and `"l2"`, the norm of the weights that make a channel
            (Li et al., 2017, https://arxiv.org/abs/1608.08710); `"bn_gamma"`, its scale in
            BatchNormalization, with an L1 penalty before the cut: network slimming (Liu
            et al., 2017, https://arxiv.org/abs/1708.06519); `"taylor"`, the first-order change of
            the loss on `data` (Molchanov et al., 2019, https://arxiv.org/abs/1906.10771);
            `"random"`, a baseline; or a function from a `tfsparse.graph.ChannelGroup` to a float
            array with one score for each channel, or to None to cut nothing in the group.
        pruning_ratio: Float in [0, 1), the fraction of the channels in the scope to cut, 0.5 by
            default.
        macs: A budget instead of a pruning ratio, the MACs that may remain: a float in (0, 1) is a
            fraction of the model's MACs, an int a number.
        distribution: `"uniform"` cuts the same fraction of every group; `"global"` compares all
            channels with each other.
        multiple_of: Int, for fast kernels usually 4 or 8. A group that loses channels keeps a
            multiple of it, rounded down. No group loses all of its channels.
        scope: Which groups of channels: `"inner"`, the default, for those that are not part of an
            addition, such as the channels inside of residual blocks; `"all"` also cuts channels of
            additions, in all layers that are tied by them; a function that takes a `ChannelGroup`
            and returns a bool; or a mapping of layer-name patterns (as in `fnmatch`) to pruning
            ratios. The first pattern that matches a layer that makes the channels applies.
        begin: When to cut: a float in [0, 1] is a fraction of the training, an int is a step. By
            default at the start, and with `"bn_gamma"` at 0.5, so that scales are trained first.
        end: If given, channels are cut in several steps from `begin` to `end`, as in
            `PolynomialDecay`; each time the least important remaining ones.
        data: For `"taylor"`: a tuple `(x, y)` of arrays, or a `tf.data.Dataset` or another iterable
            of batches, of inputs and labels. Each cut uses all of it; a few hundred examples are
            enough.
        gamma_l1: Float, strength of the L1 penalty of `"bn_gamma"`, 1e-4 by default.
        seed: Int, seed of `"random"`.

    Raises:
        TypeError: An argument is of a wrong type. `fit` and `apply` raise it if the model is no
            Keras 3 model.
        ValueError: An argument is out of its range. `fit` and `apply` raise it if the model is not
            built or is subclassed, the scope matches no group, the budget cannot be reached, or
            `"taylor"` has no data.

    Example:

    ```python
    model.fit(x, y, epochs=20, callbacks=[tfsparse.ChannelPruning("l1", pruning_ratio=0.5)])
    smaller = tfsparse.shrink(model)
    ```

    Without training:

    ```python
    tfsparse.ChannelPruning("taylor", macs=0.5, data=(x[:512], y[:512])).apply(model)
    ```
    """

    def __init__(
        self,
        importance: str | Callable = "l1",
        pruning_ratio: float | None = None,
        *,
        macs: float | int | None = None,
        distribution: str = "uniform",
        multiple_of: int = 1,
        scope: Scope = "inner",
        begin: Position | None = None,
        end: Position | None = None,
        data: LabelledData | None = None,
        gamma_l1: float | None = None,
        seed: int = 0,
    ) -> None:
        _check_importance(importance, gamma_l1)
        if begin is None:
            begin = 0.5 if importance == "bn_gamma" else 0.0
        super().__init__(scope, pruning_ratio, macs, begin, end)
        if distribution not in ("uniform", "global"):
            raise ValueError(
                f"Expected distribution to be 'uniform' or 'global'. Received: {distribution!r}"
            )
        if distribution == "global" and isinstance(scope, Mapping):
            raise ValueError(
                "distribution='global' chooses the layers' pruning ratios, and so does a mapping "
                f"as scope. Give one of the two. Received: scope={dict(scope)!r}"
            )
        check_int("multiple_of", multiple_of)
        if data is not None:
            check_data(data)
        self.importance = importance
        self.distribution = distribution
        self.multiple_of = multiple_of
        self.data = data
        self.gamma_l1 = _GAMMA_L1 if gamma_l1 is None else gamma_l1
        self.seed = seed

    def get_config(self) -> dict:
        """Returns the constructor's arguments as a dict."""
        return {
            "importance": self.importance,
            "pruning_ratio": self.target_pruning_ratio,
            "macs": self.target_macs,
            "distribution": self.distribution,
            "multiple_of": self.multiple_of,
            "scope": self.scope,
            "begin": self.begin,
            "end": self.end,
            "data": self.data,
            "gamma_l1": self.gamma_l1 if self.importance == "bn_gamma" else None,
            "seed": self.seed,
        }

    def _update(self, amount):
        if amount == self._scheduled:
            return
        if amount == self.schedule.final_sparsity:
            for penalty in self._penalties:
                penalty.stop()
        dead = {group: self._dead(group) for group in self._groups}
        scores = self._scores(dead) if amount else {}
        removed = {group: np.flatnonzero(gone) for group, gone in dead.items()}
        self._cut(removed | self._choose(scores, amount))
        self._scheduled = amount

    def _scores(self, dead):
        """Returns the scores of each group for which the importance is not None.

        Args:
            dead: Dict from groups to bool arrays, the channels that are already cut.
        """
        if self.importance == "taylor":
            self._importance.measure(self.data, _BATCH_SIZE)
        scores = {}
        for group in self._groups:
            of_group = self._importance(group)
            if of_group is None:
                continue
            of_group = np.array(of_group, np.float64)
            if of_group.shape != (group.size,) or not np.isfinite(of_group).all():
                raise ValueError(
                    f"Expected importance to return {group.size} finite scores for {group!r}. "
                    f"Received: {of_group}"
                )
            of_group[dead[group]] = -np.inf
            scores[group] = of_group
        if not scores:
            raise ValueError(f"importance={self.importance!r} has no score for any group in scope.")
        return scores

    def _make_importance(self, model):
        if self.importance == "random":
            return importances.Random(self.seed)
        if self.importance == "taylor":
            return importances.Taylor(model, self._groups)
        if callable(self.importance):
            return self.importance
        return getattr(importances, self.importance)

    def _choose(self, scores, amount):
        """Returns the channels to cut, a dict from groups to int arrays."""
        if not scores:
            return {}
        arrays = list(scores.values())

        def removed_at(ratio):
            if self.distribution == "global":
                cuts = widths.global_cuts(arrays, ratio, self.multiple_of)
            else:
                cuts = widths.uniform_cuts(arrays, self._pruning_ratios(scores, ratio))
            chosen = widths.remove_lowest(arrays, cuts, self.multiple_of)
            return dict(zip(scores, chosen, strict=True))

        if self.target_macs is None:
            return removed_at(amount)
        return within_budget(self._graph, removed_at, 1 - amount, sum(s.size for s in arrays))

    def _attach(self, model, train_step=None):
        if self.importance == "taylor":
            self._check_taylor(model)
        super()._attach(model, train_step)
        self._importance = self._make_importance(model)
        # Errors at the start of a training are better than in the middle of it.
        self._choose({g: np.zeros(g.size) for g in self._groups}, self.schedule.final_sparsity)
        if self.importance == "bn_gamma" and self.gamma_l1:
            places = [place for group in self._groups for place in importances.gammas(group)]
            variables = list({id(place.variable): place.variable for place in places}.values())
            self._penalties = self._attach_parts(
                "penalty", variables, lambda variable: ScalePenalty(variable, self._strategy)
            )
            for penalty in self._penalties:
                penalty.attach(self.gamma_l1)

    def _check_taylor(self, model):
        if self.data is None:
            raise ValueError(
                "importance='taylor' measures the loss on data. Give it as data=(x, y)."
            )
        is_dataset = isinstance(self.data, tf.data.Dataset)
        if is_dataset and self.data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "importance='taylor' uses all of its data, and this repeats without end. Give "
                f"data.take(batches). Received: {self.data}"
            )
        if not getattr(model, "compiled", False):
            raise ValueError(
                f"importance='taylor' measures the loss, and model {model.name!r} has none yet. "
                "Call model.compile first."
            )

    def _detach(self):
        for penalty in self._penalties:
            penalty.detach()
        super()._detach()

    def _forget(self):
        super()._forget()
        self._scheduled = self._importance = None
        self._penalties = []


def _check_importance(importance, gamma_l1):
    if importance not in importances.NAMES and not callable(importance):
        raise ValueError(
            f"Expected importance to be one of {', '.join(importances.NAMES)}, or a function of a "
            f"tfsparse.graph.ChannelGroup. Received: {importance!r}"
        )
    if gamma_l1 is None:
        return
    if importance != "bn_gamma":
        raise ValueError(
            "gamma_l1 is the strength of the L1 term of importance='bn_gamma'. Received: "
            f"gamma_l1={gamma_l1}, importance={importance!r}"
        )
    check_number("gamma_l1", gamma_l1)
