"""What tfsparse promises: the rows of `latency.py --suite`, each with the figure to reach."""

import dataclasses
from fnmatch import fnmatchcase

from tfsparse.zoo import catalogue

# As fast as TFLite's default, where there is too little to skip: "never slower".
NOT_SLOWER = 0.97
# Times TFLite's default, of every case that `weighs`.
MOST_LOAD = 2.0
MOST_PEAK = 1.1


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: a network, how it is run, and how much faster it must be.

    Attributes:
        network: one of `catalogue.NETWORKS`, or a file.
        sparsity, block_size: see `catalogue.build`; None for a network that is as it is.
        weights: see `catalogue.cached_file`.
        at_least: the speed-up that is promised, or None.
        baseline: "default", TFLite's own runtime, or "one thread", tfsparse against itself.
        weighs: also measure the time to load and the memory.
    """

    network: str
    sparsity: float | None = None
    block_size: int | tuple[int, int] = 1
    at_least: float | None = None
    baseline: str = "default"
    weighs: bool = False
    weights: str = "float32"

    @property
    def name(self):
        """Such as `mobilenet_v2-80-block4`, or `mobilenet_v2-80-block1x4-int8`."""
        parts = [self.network]
        if self.sparsity is not None:
            parts.append(f"{100 * self.sparsity:g}")
        if self.block_size != 1:
            parts.append(f"block{catalogue.block_text(self.block_size)}")
        if self.weights != "float32":
            parts.append(self.weights)
        if self.baseline == "one thread":
            parts.append("threads")
        return "-".join(parts)


def _sparse(network, sparsity, at_least, block_size=1):
    return Case(network, sparsity, block_size, at_least, weighs=True)


def _int8(network, sparsity, at_least):
    """Zeros in blocks of four input channels, which the int8 kernels skip."""
    block_size = (1, 4) if sparsity else 1
    return Case(network, sparsity, block_size, at_least, weights="int8")


CASES = (
    _sparse("mobilenet_v2", 0.8, 1.9),
    _sparse("mobilenet_v2", 0.9, 2.6),
    _sparse("mobilenet_v2", 0.8, 2.1, block_size=4),
    _sparse("mobilenet_v2", 0.9, 2.9, block_size=4),
    _sparse("mobilenet_v1", 0.8, 2.2),
    _sparse("mobilenet_v1", 0.9, 3.2),
    _sparse("mobilenet_v3_large", 0.8, 1.7),
    _sparse("efficientnet_b0", 0.8, 1.5),
    _sparse("pose_detection", None, 1.7),
    _sparse("face_detection_full_range_sparse", None, 1.4),
    _sparse("resnet50", 0.9, 2.5),
    Case("mobilenet_v4_conv_medium", 0.8, at_least=2.0),
    Case("mobilenet_v4_conv_medium", 0.9, at_least=2.7),
    Case("convnext_tiny", 0.75, at_least=1.5),
    Case("vit_tiny", 0.8, at_least=1.7),
    Case("vit_tiny", 0.9, at_least=2.3),
    Case("mobilevit_small", 0.8, at_least=1.5),
    Case("densenet121", 0.75, at_least=1.9),
    Case("xception", 0.75, at_least=2.2),
    Case("efficientnet_v2_b0", 0.75, at_least=1.7),
    Case("nasnet_mobile", 0.75, at_least=2.4),
    *(
        Case(network, sparsity, block_size, NOT_SLOWER)
        for network in ("mobilenet_v2", "mobilenet_v1", "resnet50")
        for sparsity in (0.0, 0.3, 0.5)
        # Without zeros there is no pattern to share.
        for block_size in ((1, 4) if network == "mobilenet_v2" and sparsity else (1,))
    ),
    *(
        Case(network, 0.0, at_least=NOT_SLOWER)
        for network in ("vit_tiny", "mobilevit_small", "mobilenet_v4_conv_medium")
    ),
    Case("mobilenet_v2", 0.8, at_least=1.7, baseline="one thread"),
    _int8("mobilenet_v2", 0.8, 1.8),
    _int8("mobilenet_v2", 0.9, 2.3),
    _int8("mobilenet_v1", 0.8, None),
    _int8("mobilenet_v3_large", 0.8, None),
    _int8("efficientnet_lite0", 0.8, None),
    _int8("resnet50", 0.8, None),
    *(_int8(network, 0.0, NOT_SLOWER) for network in ("mobilenet_v2", "mobilenet_v1", "resnet50")),
)


def select(patterns):
    """Returns the cases whose name matches one of the patterns, as in `fnmatch`; all for none.

    Raises:
        ValueError: a pattern matches no case.
    """
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in CASES):
            names = ", ".join(case.name for case in CASES)
            raise ValueError(f"Expected names of cases, of {names}. Received: {pattern!r}.")
    return [
        case
        for case in CASES
        if not patterns or any(fnmatchcase(case.name, pattern) for pattern in patterns)
    ]
