"""Tables and numbers as plain text."""

import json
import math

_LISTED = 20


def as_text(renderable, width):
    """Returns what rich prints of an object, as text of at most `width` columns."""
    from rich.console import Console

    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def to_json(value):
    """Returns dicts, lists, strings and numbers as JSON.

    A number that is not finite becomes null: JSON has no NaN and no infinity.
    """
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def significant(value, digits=3):
    """Returns a number with at least so many significant digits, without an exponent."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, decimals)}f}"


def byte_size(size):
    """Returns a number of bytes for people, such as "1.24 MB"."""
    return _with_unit(size, (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)), f"{size} B")


def count(number):
    """Returns a whole number for people, such as "12.3 M" for millions; below one all digits."""
    return _with_unit(number, (("G", 1e9), ("M", 1e6)), f"{number:,}")


def number_of(number, noun):
    """Returns a whole number of things, such as "1 part" or "2 parts"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds):
    """Returns a time for people, such as "1.24 ms"."""
    units = (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
    return _with_unit(seconds, units, f"{significant(1e9 * seconds)} ns")


def operator_number(subgraph, index):
    """Returns what to call an operator: "7", or "2:7" in a subgraph other than the main one."""
    return f"{subgraph}:{index}" if subgraph else str(index)


def listed(names):
    """Returns names as text, shortened if there are many."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def last_line(text):
    """The last line of a text that is not empty, such as the message of a traceback."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_unit(value, units, otherwise):
    """The value in the largest unit that it reaches."""
    for unit, size in units:
        if value >= size:
            return f"{significant(value / size)} {unit}"
    return otherwise
