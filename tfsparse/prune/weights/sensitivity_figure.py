"""The figure of a sensitivity, the only user of matplotlib."""

import numpy as np

_ROW, _COLUMN = 0.28, 0.7  # inches
_MARGINS = 4.2, 1.6


def draw(result):
    """Returns a heat map of the loss of each layer at each sparsity.

    Args:
        result: `Sensitivity`.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        # Neither pyplot nor a window system is needed to write a file.
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "Drawing a sensitivity needs matplotlib: pip install 'tfsparse[plot]'"
        ) from None

    losses = result.losses()
    rows, columns = losses.shape
    size = _MARGINS[0] + _COLUMN * columns, _MARGINS[1] + _ROW * rows
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    axes = figure.add_subplot()
    image = axes.imshow(losses, cmap="Reds", vmin=0, aspect="auto")
    names = [f"{layer.name} ({layer.size:,})" for layer in result.layers]
    axes.set_yticks(range(rows), names)
    axes.set_xticks(range(columns), [f"{sparsity:.4g}" for sparsity in result.sparsities])
    axes.set_xlabel("sparsity of the layer")
    axes.set_ylabel("layer pruned alone (weights)")
    verb = "lost" if result.higher_is_better else "gained"
    axes.set_title(f"{result.metric} {verb}, of {result.reference:.4f}")
    dark = np.nanmax(losses) / 2
    for (row, column), loss in np.ndenumerate(losses):
        color = "white" if loss > dark else "black"
        axes.text(
            column, row, f"{loss:.3f}", ha="center", va="center", color=color, fontsize="x-small"
        )
    figure.colorbar(image, ax=axes)
    return figure
