"""Writes the page."""

import difflib

import tfsparse
from tfsparse.files import check_writable, write_atomically
from tfsparse.inspection.operators import RUNTIMES
from tfsparse.progress import track
from tfsparse.report import templates, times
from tfsparse.report.content import content_of
from tfsparse.runtime import benchmark


def write_report(
    sources,
    destination,
    *,
    num_threads=1,
    runtime=None,
    seconds=3.0,
    measure=True,
    pictures=6,
    shapes=None,
):
    """Writes a self-contained web page about one file, or two side by side.

    Args:
        sources: One or two `.tflite` files.
        destination: The HTML file to write. It is written completely or not at all.
        num_threads: Threads to measure with.
        runtime: "litert", "tf", or `None` for the first that is installed.
        seconds: Time to spend on each file's comparison with TFLite's default.
        measure: Whether to run the files.
        pictures: Number of layers of each to picture, those with the most zeros.
        shapes: Shapes of inputs with open dimensions, as for `tfsparse.explain`.

    Returns:
        `destination`, as a string.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: A file is no TFLite file, it is damaged, a shape does not fit, or there
            are too many.
    """
    paths = list(sources)
    if len(paths) not in (1, 2):
        raise ValueError(f"Expected one or two files. Received: {len(paths)}.")
    destination = check_writable(destination)
    machine = benchmark.machine(num_threads=num_threads, runtime=runtime) if measure else None
    contents = []
    for path in track(paths, "Measuring" if measure else "Reading"):
        inspection = tfsparse.inspect(path, num_threads=num_threads, shapes=shapes)
        measured = times.measure(path, machine, seconds, shapes) if measure else None
        contents.append(content_of(inspection, measured, pictures))
    write_atomically(destination, render(contents, machine).encode())
    return destination


def render(contents, machine=None):
    """The page as text.

    Args:
        contents: One or two `Content`s.
        machine: The `benchmark.Machine` that times are of, or `None` without times.
    """
    layers = [layer for content in contents for layer in content.layers]
    seconds = [s for layer in layers for s in (layer.seconds, layer.dense_seconds) if s]
    return templates.render(
        "report/page.html.jinja",
        contents=contents,
        rows=aligned(*[content.layers for content in contents]),
        machine=machine,
        runtimes=RUNTIMES,
        longest=max(seconds, default=None),
        largest=max(content.inspection.totals.file_bytes for content in contents),
    )


def aligned(first, second=None):
    """Rows of layers that correspond to each other: lists of one or two, `None` where one lacks."""
    if second is None:
        return [[layer] for layer in first]
    keys = [[layer.key for layer in layers] for layers in (first, second)]
    rows = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if tag == "equal":
            rows += map(list, zip(first[a:b], second[c:d], strict=True))
        else:
            rows += [[layer, None] for layer in first[a:b]]
            rows += [[None, layer] for layer in second[c:d]]
    return rows
