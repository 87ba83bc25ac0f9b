"""Progress bars for long work, on terminals only."""

from rich.console import Console
from rich.progress import track as rich_track


def track(sequence, description):
    """Yields the items of a sequence, and shows on stderr how far this has come.

    Off a terminal nothing is shown: in a log file a bar would be noise. The bar goes when the work
    is done.
    """
    console = Console(stderr=True)
    return rich_track(
        sequence, description, console=console, transient=True, disable=not console.is_terminal
    )
