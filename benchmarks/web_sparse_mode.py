"""Compares what `tfsparse.inspect` predicts of XNNPACK's sparse mode with LiteRT.js in a browser.

Networks with 80 % zeros in their 1x1 convolutions, as keras.applications has them and with
`tfsparse.symmetric_padding`, and Google's two. LiteRT.js runs each file as it is and densified. The
same kernels have the same outputs, to the bit: a file with other outputs runs in the sparse mode.
The times, in turn, show what that gains.

    make web
    python benchmarks/web_sparse_mode.py
    python benchmarks/web_sparse_mode.py mobilenet_v1 model.tflite --json out.json
"""

import statistics
import sys
import tempfile
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tfsparse
from benchmarks import web
from tfsparse import formatting
from tfsparse.runtime import timing
from tfsparse.zoo import catalogue

NETWORKS = (
    *("mobilenet_v1", "mobilenet_v2", "mobilenet_v2_padded", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_lite0", *catalogue.PRETRAINED),
)
LITERT = {name: kind for name, kind in web.RUNTIMES.items() if name.startswith("litert")}
SPARSITY = 0.8

SIZE = flags.DEFINE_integer("size", 128, "Height and width of the images of named networks.")


def files_of(name, folder):
    """{name: path} of the sparse files of a network.

    Args:
        name: Of `catalogue.NETWORKS`, or a file.
        folder: Where files that are made go.

    Raises:
        OSError: It could not be downloaded.
    """
    if Path(name).is_file():
        return {Path(name).stem: Path(name)}
    if name in catalogue.PRETRAINED:
        return {name: catalogue.cached_file(name, web.CACHE_DIR.value)}
    model = catalogue.build(name, SPARSITY, size=SIZE.value)
    models = {name: model, f"{name}, symmetric": tfsparse.symmetric_padding(model)}
    return {
        label: Path(tfsparse.convert(one, Path(folder, f"{label}.tflite")))
        for label, one in models.items()
    }


def compare(files, seconds, litert):
    """Measures files in LiteRT.js, and predicts whether each runs in the sparse mode.

    Args:
        files, seconds, litert: As for `web.measure`.

    Returns:
        {"networks": [{"name", "sparse" and "weighted" operators, "reason" of the commonest that are
        dense, "faster" than the densified file, "error" between both outputs}], "browser"}.
    """
    found = web.measure(files, seconds, litert, runtimes=LITERT)
    networks = []
    for (name, path), model in zip(files.items(), found["models"], strict=True):
        inspection = tfsparse.inspect(path)
        reasons = inspection.reasons("xnnpack_wasm")
        dense, sparse = (model["times"][runtime] for runtime in LITERT)
        networks.append(
            {
                "name": name,
                "sparse": inspection.sparse("xnnpack_wasm"),
                "weighted": len(inspection.weighted),
                "reason": reasons[0][0] if reasons else "",
                "faster": web.speedup(dense, sparse),
                "milliseconds": [statistics.median(dense), statistics.median(sparse)],
                "error": model["error"],
            }
        )
    return {"networks": networks, "browser": found["browser"]}


def agrees(network):
    """Whether a network has outputs of its own just where it is predicted to run sparse."""
    return (network["sparse"] > 0) == (network["error"] > 0)


def show(found, console):
    """Prints a table of what `compare` returns."""
    table = Table(title=f"XNNPACK's sparse mode in {found['browser'].split()[-2]}, {web.LITERT}")
    for column in ("network", "predicted sparse", "dense : sparse", "agrees", "error", "reason"):
        table.add_column(column)
    for network in found["networks"]:
        table.add_row(
            network["name"],
            f"{network['sparse']} of {network['weighted']}",
            f"{network['faster']:.2f}x",
            "yes" if agrees(network) else "no",
            f"{network['error']:.0e}",
            "" if network["sparse"] else network["reason"],
        )
    console.print(table)
    count = sum(map(agrees, found["networks"]))
    console.print(f"{count} of {len(found['networks'])} agree", highlight=False)


def main(argv):
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name in argv[1:] or NETWORKS:
            try:
                files |= files_of(name, folder)
            except OSError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
        try:
            found = compare(files, web.SECONDS.value, web.litert_js(web.CACHE_DIR.value))
        except (OSError, RuntimeError) as error:
            sys.exit(str(error))
    show(found, console)
    if web.JSON.value:
        text = formatting.to_json(found | {"cpu": timing.cpu_name()})
        Path(web.JSON.value).write_text(f"{text}\n")


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the networks.
    app.run(main)
