"""Tables and numbers as plain text."""


def as_text(renderable, width):
    """Returns what rich prints of an object, as text of at most `width` columns."""
    from rich.console import Console

    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def megabytes(size):
    """Returns a number of bytes in MB, for people."""
    return f"{size / 1e6:.2f} MB"
