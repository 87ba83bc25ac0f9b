"""Flags and output that several subcommands share."""

import os
import re
import sys

from absl import app, flags
from rich.console import Console

from tfsparse.formatting import byte_size, to_json
from tfsparse.runtime.runtimes import RUNTIMES

# Off a terminal there is no width to fit: a table cut in a log file would be useless.
PLAIN_WIDTH = 200


def define_json(flag_values):
    """Defines `--json`."""
    return flags.DEFINE_bool("json", False, "Print JSON.", flag_values=flag_values)


def define_threads(flag_values):
    """Defines `--num_threads`."""
    return flags.DEFINE_integer("num_threads", 1, "Threads.", 1, flag_values=flag_values)


def define_runtime(flag_values):
    """Defines `--runtime`."""
    return flags.DEFINE_enum(
        "runtime",
        None,
        list(RUNTIMES),
        "Whose interpreter: ai-edge-litert's or tensorflow's; by default the first installed.",
        flag_values=flag_values,
    )


def define_auto(flag_values):
    """Defines `--auto`."""
    return flags.DEFINE_bool(
        "auto",
        True,
        "Leave to TFLite's default what that runs as fast or faster.",
        flag_values=flag_values,
    )


def define_shape(flag_values):
    """Defines `--shape`."""
    return flags.DEFINE_multi_string(
        "shape",
        [],
        "Of an input whose sizes the file leaves open: 1x224x224x3, or name=1x224x224x3 for each.",
        flag_values=flag_values,
    )


def parse_shapes(texts):
    """The values of `--shape` as the argument `shapes` of `tfsparse.explain`.

    Raises:
        app.UsageError: One is no shape, or one of several has no name.
    """
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", sizes) or (not name and len(texts) > 1):
            raise app.UsageError(
                "Expected --shape 1x224x224x3, or --shape name=1x224x224x3 for each input. "
                f"Received: {' '.join(texts)}."
            )
        found[name] = tuple(map(int, sizes.split("x")))
    return found.get("", found) or None


def define_output(flag_values, text, default=None):
    """Defines `-o`."""
    return flags.DEFINE_string("output", default, text, short_name="o", flag_values=flag_values)


def define_encoding(flag_values):
    """Defines `--encoding`."""
    return flags.DEFINE_string(
        "encoding",
        "auto",
        "How pruned weights are stored: auto (smallest), csr, none, or a block such as 4x1.",
        flag_values=flag_values,
    )


def parse_block(text):
    """A block such as `4x1` as a pair of numbers; any other text as it is."""
    block = re.fullmatch(r"(\d+)x(\d+)", text)
    return tuple(map(int, block.groups())) if block else text


def exactly_one(arguments, what):
    """Returns the only argument.

    Raises:
        app.UsageError: There is none, or more than one.
    """
    if len(arguments) != 1:
        received = " ".join(arguments) or "none"
        raise app.UsageError(f"Expected {what}. Received: {received}.")
    return arguments[0]


def show_file(path, as_json, sparsity=None):
    """Prints the path and the size of a written file, as JSON or as text.

    Args:
        path: The file.
        as_json: Whether to print JSON.
        sparsity: The fraction of zeros in its weights, or None not to print it.
    """
    size = os.path.getsize(path)
    text, found = f"{path}: {byte_size(size)}", {"path": path, "bytes": size}
    if sparsity is not None:
        text += f", {sparsity:.1%} of the weights are zero"
        found["sparsity"] = sparsity
    show(text, found if as_json else None)


def show(renderable, as_json=None):
    """Prints a rich renderable, or a dictionary as JSON if one is given."""
    if as_json is not None:
        print(to_json(as_json))
        return
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(renderable, highlight=False)
