"""Figures of the benchmarks, as SVG files."""


def new(width, height):
    """Returns the axes of a new figure, whose size is given in inches.

    Raises:
        ImportError: matplotlib is not installed.
    """
    # Neither pyplot nor a window system is needed to write a file.
    from matplotlib.figure import Figure

    axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
    axes.grid(alpha=0.3)
    return axes


def save(axes, path, salt):
    """Writes the figure of some axes. The same results are the same file, and text stays text.

    Args:
        axes: Of `new`.
        path: Path of the SVG file.
        salt: String that its identifiers are made from.
    """
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        axes.figure.savefig(path, metadata={"Date": None})
