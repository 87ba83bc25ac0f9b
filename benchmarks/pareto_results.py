"""The results of `pareto.py`, their table and their figure."""

import dataclasses
import json
import math

import figures
import numpy as np

from tfsparse.files import write_atomically

KINDS = ("float32", "calibrated", "int8")
# Calibrated and trained int8 files differ in numbers only.
TIMED = ("float32", "int8")
COLUMNS = (
    *("network", "zeros", "MACs", "float32", "int8, calibrated", "int8, trained"),
    *("float32, ms", "int8, ms", "float32 by TFLite, ms", "int8 by TFLite, ms"),
    *("int8 file", "int8 to dense", "int8 to dense by TFLite"),
)
RUNTIMES = ("tfsparse", "default")
# Of the kind of file, whether it is sparse, and the runtime.
MARKERS = {
    ("int8", False, "default"): ("int8, dense, by TFLite", "^", "tab:green"),
    ("int8", False, "tfsparse"): ("int8, dense", "o", "tab:blue"),
    ("int8", True, "tfsparse"): ("int8, sparse", "s", "tab:red"),
    ("float32", False, "tfsparse"): ("float32, dense", "o", "lightsteelblue"),
    ("float32", True, "tfsparse"): ("float32, sparse", "s", "lightcoral"),
}


@dataclasses.dataclass(frozen=True)
class Latency:
    """Medians of one inference, in milliseconds.

    Attributes:
        tfsparse: with the delegate, which leaves to TFLite's default what that runs faster.
        default: with TFLite's default.
    """

    tfsparse: float
    default: float

    def by(self, runtime):
        """Returns that of one of the `RUNTIMES`."""
        return getattr(self, runtime)


@dataclasses.dataclass(frozen=True)
class Network:
    """What was measured of one network.

    Attributes:
        network, width, stem_strides, epochs, int8_epochs, seed: what was trained.
        pruned: the fraction of zeros in its 1x1 convolutions; 0 if it is dense.
        accuracy: of each of the `KINDS` of files on the test pictures, a fraction.
        file_bytes: of each kind.
        parameters: trainable ones that are not zero.
        sparsity: the fraction of zeros in all kernels.
        macs: of an inference that skips every zero.
        cpu_seconds: that the training took.
        versions, data: what it was trained with.
        latency: `Latency` of each of the kinds in `TIMED`; None before it is measured.
    """

    network: str
    width: float
    stem_strides: int
    pruned: float
    epochs: int
    int8_epochs: int
    seed: int
    accuracy: dict[str, float]
    file_bytes: dict[str, int]
    parameters: int
    sparsity: float
    macs: int
    cpu_seconds: float
    versions: dict[str, str]
    data: str
    latency: dict[str, Latency] | None = None

    @classmethod
    def from_dict(cls, fields):
        """Returns the network of which `dataclasses.asdict` returned these fields."""
        latency = fields.pop("latency")
        found = latency and {kind: Latency(**medians) for kind, medians in latency.items()}
        return cls(**fields, latency=found)


@dataclasses.dataclass(frozen=True)
class Results:
    """All networks, in the order of the table.

    Attributes:
        networks: list of `Network`.
        cpu, runtime: what latency was measured with.
        waited: meanwhile, see `timing.Comparison`.
    """

    networks: list[Network]
    cpu: str
    runtime: str
    waited: float | None

    @classmethod
    def from_dict(cls, fields):
        """Returns the results of which `dataclasses.asdict` returned these fields."""
        return cls(**fields | {"networks": [Network.from_dict(n) for n in fields["networks"]]})

    def curve(self, kind, sparse, runtime):
        """Returns the networks of one curve of the figure, by their latency."""
        chosen = [network for network in self.networks if (network.pruned > 0) == sparse]
        return sorted(chosen, key=lambda network: network.latency[kind].by(runtime))

    def to_dense(self, network, kind, runtime):
        """Compares a network with dense ones that have in a runtime the same latency.

        Returns:
            Its accuracy less that of the curve through the dense networks, at the logarithm of its
            latency with tfsparse; None beyond their ends.
        """
        dense = self.curve(kind, False, runtime)
        latencies = [math.log(one.latency[kind].by(runtime)) for one in dense]
        latency = math.log(network.latency[kind].tfsparse)
        if not latencies or not latencies[0] <= latency <= latencies[-1]:
            return None
        accuracies = [one.accuracy[kind] for one in dense]
        return network.accuracy[kind] - float(np.interp(latency, latencies, accuracies))


def write(path, result):
    """Writes a `Network` or `Results` to a JSON file, whole or not at all."""
    write_atomically(path, f"{json.dumps(dataclasses.asdict(result), indent=2)}\n".encode())


def read(path):
    """Returns what `write` has written, as a dictionary."""
    with open(path) as file:
        return json.load(file)


def table_of(results):
    """Returns `Results` as a table in Markdown, below a line about how they were measured."""
    first = results.networks[0]
    return "\n".join(
        [
            f"{first.network}, strides {first.stem_strides}, {first.epochs} epochs and "
            f"{first.int8_epochs} in int8, {first.data}, {results.cpu}, {results.runtime}:",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
            *(row(results, network) for network in results.networks),
        ]
    )


def row(results, network):
    differences = [
        results.to_dense(network, "int8", runtime) if network.pruned else None
        for runtime in RUNTIMES
    ]
    cells = [
        f"{'sparse' if network.pruned else 'dense'} {network.width:g}",
        f"{network.sparsity:.0%}",
        f"{network.macs / 1e6:.2f} M",
        *(f"{100 * network.accuracy[kind]:.1f} %" for kind in KINDS),
        *(f"{network.latency[kind].tfsparse:.3f}" for kind in TIMED),
        *(f"{network.latency[kind].default:.3f}" for kind in TIMED),
        f"{network.file_bytes['int8'] / 1e3:.0f} kB",
        *("" if one is None else f"{100 * one:+.1f}" for one in differences),
    ]
    return f"| {' | '.join(cells)} |"


def draw(results):
    """Returns the axes of accuracy against latency, a curve for each kind of network.

    Raises:
        ImportError: matplotlib is not installed.
    """
    axes = figures.new(7, 4.5)
    for (kind, sparse, runtime), (label, marker, color) in MARKERS.items():
        networks = results.curve(kind, sparse, runtime)
        latencies = [network.latency[kind].by(runtime) for network in networks]
        accuracies = [100 * network.accuracy[kind] for network in networks]
        axes.plot(latencies, accuracies, marker=marker, color=color, label=label)
        for network, *point in zip(networks, latencies, accuracies, strict=True):
            axes.annotate(
                f"{network.width:g}", point, (4, -9), textcoords="offset points", fontsize="small"
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("latency of one inference in ms, one thread")
    axes.set_ylabel("test accuracy in %")
    axes.legend()
    return axes
