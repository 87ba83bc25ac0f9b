"""Progress of long work, on stderr."""

import sys
import time

from rich.console import Console
from rich.progress import track as rich_track

# Between two lines off a terminal; work that is done before is not worth one.
SECONDS = 5


def track(sequence, description):
    """Yields the items of a sequence, and shows on stderr how far this has come.

    On a terminal that is a bar, which goes when the work is done. Elsewhere, as in a pipe or a log
    file, it is a plain line every five seconds.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        return rich_track(sequence, description, console=console, transient=True)
    return _with_lines(sequence, description)


def _with_lines(sequence, description):
    shown = time.monotonic()
    for number, item in enumerate(sequence):
        if time.monotonic() - shown >= SECONDS:
            shown = time.monotonic()
            print(f"{description}: {number} of {len(sequence)}", file=sys.stderr, flush=True)
        yield item
