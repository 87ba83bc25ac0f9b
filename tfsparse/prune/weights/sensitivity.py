"""The loss of accuracy when single layers are pruned, and the sparsity to give each."""

import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tfsparse.annotations import BlockSize, Examples, LabelledData, Model, PathLike, Scope
from tfsparse.arguments import check_fraction
from tfsparse.files import write_atomically
from tfsparse.formatting import as_text
from tfsparse.keras_models import strategy_of
from tfsparse.progress import track
from tfsparse.prune.batches import check_evaluated_data
from tfsparse.prune.batchnorm import recalibrate_batchnorm
from tfsparse.prune.blocks import block_magnitudes, checked_block_size, spread_blocks
from tfsparse.prune.evaluation import checked_metric, evaluate, is_higher_better
from tfsparse.prune.magnitude import keep_largest
from tfsparse.prune.masks import Mask
from tfsparse.prune.scope import select
from tfsparse.prune.scope_grammar import LAYERS_AND_DEPTHWISE, check_scope
from tfsparse.prune.weights.allocation import equal_losses

_SPARSITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclasses.dataclass(frozen=True)
class LayerSensitivity:
    """The metric with one layer pruned alone.

    Attributes:
        name: The layer's name.
        size: Int, weights in its kernel.
        values: Tuple of floats, the metric at each sparsity.
    """

    name: str
    size: int
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """The result of `tfsparse.sensitivity`. It prints as a table.

    Attributes:
        metric: Name of the metric.
        reference: Float, the metric of the unpruned model.
        higher_is_better: Bool, whether a higher metric is better.
        sparsities: Tuple of floats, in ascending order.
        layers: Tuple of `LayerSensitivity`, in the model's order.
    """

    metric: str
    reference: float
    higher_is_better: bool
    sparsities: tuple[float, ...]
    layers: tuple[LayerSensitivity, ...]

    def losses(self) -> np.ndarray:
        """Returns the loss of the metric relative to the reference.

        Returns:
            Float array (layers, sparsities); below 0 if pruning has improved the metric.
        """
        values = np.array([layer.values for layer in self.layers])
        return self.reference - values if self.higher_is_better else values - self.reference

    def allocate(self, sparsity: float, names: Iterable[str] | None = None) -> dict[str, float]:
        """Returns sparsities at which all layers have the same loss.

        Each layer gets the largest sparsity at which its loss, when pruned alone, is within a
        tolerance. The tolerance is the same for all layers, and gives the total sparsity; see
        `tfsparse.prune.weights.allocation`.

        Args:
            sparsity: Float in (0, 1), the fraction of zeros in the layers together.
            names: Names of the layers to prune; by default all.

        Returns:
            Dict from names to floats.

        Raises:
            ValueError: A layer was not measured, or `sparsity` is above all sparsities measured.
        """
        check_fraction("sparsity", sparsity)
        if not 0 < sparsity <= self.sparsities[-1]:
            raise ValueError(
                f"Expected a sparsity above 0 and of at most {self.sparsities[-1]}, the highest at "
                f"which layers were measured. Received: {sparsity}. Measure higher ones for more."
            )
        rows = {layer.name: i for i, layer in enumerate(self.layers)}
        names = list(rows) if names is None else list(names)
        unknown = [name for name in names if name not in rows]
        if unknown:
            raise ValueError(
                f"Expected layers whose sensitivity was measured: {', '.join(rows)}. Received: "
                f"{', '.join(unknown)}. Give sensitivity() the same scope."
            )
        chosen = [rows[name] for name in names]
        sizes = np.array([self.layers[i].size for i in chosen])
        points = np.array([0.0, *self.sparsities])
        # A layer that loses nothing at a high sparsity loses nothing at a lower one.
        losses = np.maximum.accumulate(np.pad(self.losses()[chosen], ((0, 0), (1, 0))), axis=1)
        allocated = equal_losses(points, losses, sizes, sparsity)
        return dict(zip(names, allocated.tolist(), strict=True))

    def to_json(self) -> str:
        """Returns the result as JSON, a string that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Sensitivity":
        """Returns the result that `to_json` wrote."""
        fields = json.loads(text)
        fields["sparsities"] = tuple(fields["sparsities"])
        fields["layers"] = tuple(
            LayerSensitivity(layer["name"], layer["size"], tuple(layer["values"]))
            for layer in fields["layers"]
        )
        return cls(**fields)

    def save(self, path: PathLike) -> None:
        """Writes `to_json` to a file."""
        write_atomically(path, f"{self.to_json()}\n".encode())

    @classmethod
    def load(cls, path: PathLike) -> "Sensitivity":
        """Returns the result that `save` wrote."""
        return cls.from_json(Path(path).read_text())

    def plot(self, path: PathLike) -> None:
        """Draws the loss of the metric as a heat map of layers (rows) and sparsities (columns).

        Args:
            path: File to write; its suffix (.png, .svg, .pdf) gives the format.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from tfsparse.prune.weights.sensitivity_figure import draw

        draw(self).savefig(path)

    def __str__(self):
        """The table, not wrapped."""
        return as_text(self, width=200)

    def __rich__(self):
        """The same for rich's consoles."""
        from rich.console import Group
        from rich.table import Table

        table = Table("layer", box=None, pad_edge=False)
        table.add_column("weights", justify="right")
        for sparsity in self.sparsities:
            table.add_column(f"{sparsity:.4g}", justify="right")
        for layer in self.layers:
            values = (f"{value:.4f}" for value in layer.values)
            table.add_row(layer.name, f"{layer.size:,}", *values)
        title = f"{self.metric} with one layer pruned; {self.reference:.4f} with none"
        return Group(title, table)


def sensitivity(
    model: Model,
    data: LabelledData,
    sparsities: Iterable[float] = _SPARSITIES,
    *,
    metric: str | None = None,
    higher_is_better: bool | None = None,
    scope: Scope = "pointwise",
    block_size: BlockSize = 1,
    batch_size: int = 128,
    representative_dataset: Examples | None = None,
) -> Sensitivity:
    """Measures a metric with each layer pruned alone, at several sparsities.

    The smallest weights of one layer are zeroed, the model is evaluated, and the layer's weights
    are restored. This takes `layers * sparsities + 1` evaluations. The loss of all layers together
    is not the sum of the single losses, but sensitive layers should be pruned less, as
    `GradualPruning(0.8, distribution=<the result>)` does. At the end, and after an exception, all
    weights and statistics are restored.

    As in Han et al., "Learning both Weights and Connections for Efficient Neural Networks", 2015
    (https://arxiv.org/abs/1506.02626), section 3.4 and figure 6.

    Args:
        model: Built and compiled Keras 3 or tf_keras model.
        data: Data for `model.evaluate`: a tuple `(x, y)` or `(x, y, sample_weight)`, a
            `tf.data.Dataset` or a `PyDataset`, each time with the same examples.
        sparsities: Floats above 0 and below 1, in ascending order.
        metric: Name of the metric, as `evaluate` names it, or `"loss"`; by default the model's
            first metric besides the loss, if it has one.
        higher_is_better: Bool. By default true if the metric's name contains "acc", "auc",
            "precision", "recall" or "iou".
        scope: Which layers: `"pointwise"`, the default, or another scope of `GradualPruning`; the
            sparsities of a mapping are ignored.
        block_size: 1, 2 or 4 neighbouring output channels that share a pattern, or a pair of output
            and input channels, as for `GradualPruning`.
        batch_size: Int, for arrays.
        representative_dataset: Data for `tfsparse.recalibrate_batchnorm`, which is called on each
            pruned model before its evaluation. By default the statistics do not change.

    Returns:
        A `Sensitivity`.

    Raises:
        TypeError: `model` is no Keras model, or a sparsity no number.
        ValueError: The model is not built or not compiled, it has no such metric, the scope matches
            no layer or two with the same name, `data` can be read only once, has no end, or has NaN
            or infinity in its inputs, or an argument is out of its range.

    Example:

    ```python
    result = tfsparse.sensitivity(model, (x_val, y_val))
    print(result)
    result.plot("sensitivity.png")
    model.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(0.8, distribution=result)])
    ```
    """
    sparsities = _checked_sparsities(sparsities)
    check_scope(scope, LAYERS_AND_DEPTHWISE)
    targets = select(model, scope, depthwise=True)
    _check_names(targets)
    block_size = checked_block_size(block_size)
    check_evaluated_data(data)

    def prune(number, sparsity):
        _prune(model, targets[number], sparsity, block_size)
        if representative_dataset is not None:
            recalibrate_batchnorm(model, representative_dataset)

    return measure_alone(
        model,
        data,
        {target.name: math.prod(target.kernel.shape) for target in targets},
        sparsities,
        prune,
        metric=metric,
        higher_is_better=higher_is_better,
        batch_size=batch_size,
    )


def measure_alone(
    model, data, sizes, sparsities, prune, *, metric, higher_is_better=None, batch_size=128
):
    """Measures a metric with each part of a model pruned alone; see `sensitivity`.

    Args:
        model, data, sparsities, metric, higher_is_better, batch_size: As for `sensitivity`.
        sizes: Dictionary from names of parts to their sizes.
        prune: Function of the position of a part in `sizes` and a sparsity, which prunes the model.

    Returns:
        A `Sensitivity` with a row for each part.
    """
    found = evaluate(model, data, batch_size)
    metric = checked_metric(found, metric)
    if higher_is_better is None:
        higher_is_better = is_higher_better(metric)
    layers = []
    weights = model.get_weights()
    try:
        for number, (name, size) in enumerate(track(sizes.items(), "Measuring layers")):
            values = []
            for sparsity in sparsities:
                prune(number, sparsity)
                values.append(float(evaluate(model, data, batch_size)[metric]))
                model.set_weights(weights)
            layers.append(LayerSensitivity(name, size, tuple(values)))
    finally:
        model.set_weights(weights)
    return Sensitivity(metric, float(found[metric]), higher_is_better, sparsities, tuple(layers))


def _prune(model, target, sparsity, block_size):
    mask, block_shape = Mask(target.kernel, strategy_of(model)), target.block_shape(block_size)
    weights = mask.weights()
    keep = keep_largest(block_magnitudes(weights, block_shape), sparsity)
    mask.assign(spread_blocks(keep, weights.shape, block_shape))


def _checked_sparsities(sparsities):
    sparsities = tuple(sparsities)
    for sparsity in sparsities:
        check_fraction("every one of sparsities", sparsity)
    rising = all(a < b for a, b in zip((0, *sparsities), sparsities, strict=False))
    if not sparsities or not rising:
        raise ValueError(f"Expected sparsities to be rising floats above 0. Received: {sparsities}")
    return tuple(map(float, sparsities))


def _check_names(targets):
    names = [target.name for target in targets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Expected a name of its own for each layer. Received more than one {twice[0]!r}: "
            "rename layers, or give a scope that matches fewer."
        )
