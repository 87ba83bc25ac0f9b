"""How far a search has come, on stderr."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class Progress:
    """A bar with the best so far and the time left; off a terminal, a line after each trial.

    Args:
        count: Int, the trials in all.
    """

    def __init__(self, count):
        self._count = count
        self._started, self._first = time.monotonic(), None
        console = Console(stderr=True)
        self._bar = None
        if console.is_terminal:
            columns = (
                TextColumn("Trials {task.completed} of {task.total}"),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
            )
            self._bar = RichProgress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("", total=count)

    def __enter__(self):
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error):
        if self._bar:
            self._bar.stop()

    def show(self, done, best):
        """Shows the number of trials that are done, and a text on the best."""
        if self._bar:
            self._bar.update(self._task, completed=done, description=best)
            return
        self._first = done if self._first is None else self._first
        text = f"Trials: {done} of {self._count}"
        if done > self._first and done < self._count:
            each = (time.monotonic() - self._started) / (done - self._first)
            text += f", about {each * (self._count - done) / 60:.0f} min left"
        print(f"{text}{', ' if best else ''}{best}", file=sys.stderr, flush=True)
