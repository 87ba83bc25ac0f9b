"""The results of `accuracy.py`, and their table."""

import dataclasses
import json
import statistics
from itertools import groupby
from pathlib import Path

from tfsparse.files import write_atomically

COLUMNS = (
    *("method", "test accuracy", "to dense", "when cut", "zeros"),
    *("parameters", "MACs", "file", "CPU time", "seeds"),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured of one run.

    Attributes:
        network, width, stem_strides, epochs, method, seed: what was run.
        accuracy: on the test pictures after the last epoch, a fraction.
        accuracy_when_cut: the same as soon as channels are cut, without any training after it.
        parameters: trainable ones that are not zero.
        sparsity: the fraction of zeros in all kernels.
        macs: of an inference that skips every zero.
        file_bytes: of the TFLite file.
        seconds, cpu_seconds: that the training took.
        epoch_accuracy: on the augmented training pictures, while each epoch ran.
        cpu, versions, data: what it was run on.
    """

    network: str
    width: float
    stem_strides: int
    epochs: int
    method: str
    seed: int
    accuracy: float
    accuracy_when_cut: float | None
    parameters: int
    sparsity: float
    macs: int
    file_bytes: int
    seconds: float
    cpu_seconds: float
    epoch_accuracy: list[float]
    cpu: str
    versions: dict[str, str]
    data: str

    @property
    def setting(self):
        """What the rows of one table have in common."""
        return self.network, self.width, self.stem_strides, self.epochs


def write(path, result):
    """Writes a result to a file."""
    # Whole or not at all: a file that is there counts as a run that is done.
    write_atomically(path, f"{json.dumps(dataclasses.asdict(result), indent=2)}\n".encode())


def read(folder):
    """Returns the results in a folder."""
    return [Result(**json.loads(path.read_text())) for path in sorted(Path(folder).glob("*.json"))]


def table_of(results, order):
    """Returns results as Markdown, a table for each network and number of epochs.

    Args:
        results: List of `Result`.
        order: Methods in the order of rows.
    """
    key = lambda result: (result.setting, order.index(result.method))  # noqa: E731
    lines = []
    for setting, group in groupby(sorted(results, key=key), lambda result: result.setting):
        group = list(group)
        lines += heading(setting, group)
        dense = [result.accuracy for result in group if result.method == "dense"]
        for method, runs in groupby(group, lambda result: result.method):
            lines.append(row(method, list(runs), statistics.mean(dense) if dense else None))
        lines.append("")
    return "\n".join(lines)


def heading(setting, group):
    network, width, stem_strides, epochs = setting
    methods = " ".join(dict.fromkeys(result.method for result in group))
    seeds = ",".join(map(str, sorted({result.seed for result in group})))
    return [
        f"{network}, width {width:g}, {epochs} epochs, {among(group, 'data')}, "
        f"{among(group, 'cpu')}:",
        "",
        "```",
        f"python benchmarks/accuracy.py {methods} --network {network} --width {width:g} "
        f"--stem_strides {stem_strides} --epochs {epochs} --seeds {seeds}",
        "```",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]


def among(group, field):
    return " and ".join(sorted({getattr(result, field) for result in group}))


def row(method, runs, dense):
    accuracies = [100 * result.accuracy for result in runs]
    mean = statistics.mean(accuracies)
    spread = f" ({min(accuracies):.1f} to {max(accuracies):.1f})" if len(runs) > 1 else ""

    def average(field):
        return statistics.mean(getattr(result, field) for result in runs)

    cut = any(result.accuracy_when_cut for result in runs)
    cells = [
        method,
        f"{mean:.1f} %{spread}",
        "" if dense is None else f"{mean - 100 * dense:+.1f}",
        f"{100 * average('accuracy_when_cut'):.1f} %" if cut else "",
        f"{average('sparsity'):.0%}",
        f"{average('parameters') / 1e3:.1f} k",
        f"{average('macs') / 1e6:.2f} M",
        f"{average('file_bytes') / 1e3:.0f} kB",
        f"{average('cpu_seconds') / 60:.1f} min",
        str(len(runs)),
    ]
    return f"| {' | '.join(cells)} |"
