"""The page about a search: its trials, and what was done to each layer and why."""

import dataclasses

import numpy as np

from tfsparse.files import write_atomically
from tfsparse.report import templates

WIDTH, HEIGHT, MARGIN = 640, 300, 48  # of the chart, in its own units
# Below this share of a layer's cost pruning is not worth a word.
WORTH_SAVING = 0.02


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer, or a group of channels, of the page.

    Attributes:
        name, size: As of `LayerCosts`.
        sparsity: Fraction of zeros, or of channels that are cut.
        before, after: Its cost dense and now.
        losses: Tuple of the loss at each measured sparsity, with this layer pruned alone.
        why: A sentence on the choice.
    """

    name: str
    size: int
    sparsity: float
    before: float
    after: float
    losses: tuple
    why: str


@dataclasses.dataclass(frozen=True)
class Point:
    """A trial in the chart: its place there, and what it is."""

    x: float
    y: float
    trial: object
    is_best: bool


def write_report(result):
    """Writes the page of a `CompressionResult` to its `report`."""
    trials = [trial for trial in result.trials if trial.metric is not None]
    ranges = ranges_of(result, trials)
    page = templates.render(
        "search/page.html.jinja",
        result=result,
        rows=rows_of(result),
        points=points_of(result, trials, *ranges),
        chart={"width": WIDTH, "height": HEIGHT, "margin": MARGIN},
        ranges=ranges,
        largest_loss=float(np.nanmax(np.maximum(result.sensitivity.losses(), 0))) or 1.0,
    )
    write_atomically(result.report, page.encode())


def rows_of(result):
    """A `Row` for each layer, in the model's order."""
    losses = dict(
        zip(
            (layer.name for layer in result.sensitivity.layers),
            result.sensitivity.losses(),
            strict=True,
        )
    )
    median = np.median([row[-1] for row in losses.values()])
    rows = []
    for layer in result.table.layers:
        sparsity = result.sparsities[layer.name]
        after = float(np.interp(sparsity, result.table.sparsities, layer.costs))
        rows.append(
            Row(
                layer.name,
                layer.size,
                sparsity,
                layer.costs[0],
                after,
                tuple(losses[layer.name].tolist()),
                _why(layer, sparsity, losses[layer.name][-1] > median, result),
            )
        )
    return rows


def _why(layer, sparsity, is_sensitive, result):
    of_channels = result.table.pruned == "channels"
    share = layer.costs[0] / result.table.dense
    if layer.costs[0] - min(layer.costs) <= WORTH_SAVING * layer.costs[0]:
        return f"{'Fewer channels' if of_channels else 'Zeros'} would save nothing here."
    parts = [f"{100 * share:.0f} % of the dense model's {result.table.quantity}"]
    if of_channels:
        parts[0] += " can be saved"
    parts.append("more sensitive than most" if is_sensitive else "less sensitive than most")
    if not sparsity:
        parts.append("not needed for the target")
    return f"{'; '.join(parts)}.".capitalize()


def ranges_of(result, trials):
    """The ranges of the chart: costs as fractions of the dense model's, and metrics."""
    costs = [trial.cost / result.dense for trial in trials] + [result.fraction]
    metrics = [trial.metric for trial in trials] + [result.value, result.reference]
    return _padded(costs), _padded(metrics)


def points_of(result, trials, across, up):
    """A `Point` for each trial and, last, for the result; in the ranges of the chart."""
    better = max if result.higher_is_better else min
    best = better(trials, key=lambda trial: trial.metric, default=None)
    found = [(trial.cost / result.dense, trial.metric, trial) for trial in trials]
    found.append((result.fraction, result.value, None))
    return [
        Point(
            MARGIN + (WIDTH - 2 * MARGIN) * _position(cost, across),
            HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * _position(metric, up),
            trial,
            trial is best,
        )
        for cost, metric, trial in found
    ]


def _padded(values):
    low, high = min(values), max(values)
    pad = 0.05 * (high - low) or 0.05
    return low - pad, high + pad


def _position(value, ends):
    return (value - ends[0]) / (ends[1] - ends[0])
