"""XNNPACK's rules against what it did.

Each small network below was run in ai-edge-litert 2.3.0 for arm64 under QEMU, with its weights
stored sparse and stored dense: where it is expected sparse, it took at most 0.4 times as long.
"""

import pytest

from tfsparse.inspection import xnnpack
from tfsparse.inspection.xnnpack_roles import Node

SIZE, CHANNELS = 16, 96


class Chain:
    """A network of `Node`s; tensor 0 is its input."""

    def __init__(self, channels=3):
        self.nodes = []
        self.shapes = {0: (1, 2 * SIZE, 2 * SIZE, channels)}
        self.last = 0

    def add(self, kind, *others, shape=None, **options):
        """Appends an operator that reads the last tensor, and others."""
        inputs = [self.last, *others]
        self.last = len(self.nodes) + 1
        self.shapes[self.last] = shape or self.shapes[inputs[0]]
        self.nodes.append(
            Node(
                index=len(self.nodes),
                kind=kind,
                inputs=inputs,
                outputs=[self.last],
                dtypes=("float32",) * 3,
                input_shapes=tuple(self.shapes[tensor] for tensor in inputs),
                **options,
            )
        )
        return self

    def stem(self, padding=(1, 1, 1, 1), **options):
        weights = (CHANNELS, 3, 3, self.shapes[self.last][3])
        shape = (1, SIZE, SIZE, CHANNELS)
        options = {"stride": (2, 2), "padding": padding} | options
        return self.add("CONV_2D", weights=weights, shape=shape, **options)

    def pointwise(self, count=1, sparsity=0.9, **options):
        for _ in range(count):
            weights = (CHANNELS, 1, 1, self.shapes[self.last][3])
            zeros = int(sparsity * weights[0] * weights[3])
            self.add("CONV_2D", weights=weights, weight_zeros=zeros, **options)
        return self

    def depthwise(self, size=3, **options):
        return self.add(
            "DEPTHWISE_CONV_2D",
            weights=(1, size, size, CHANNELS),
            **{"padding": "same"} | options,
        )

    def head(self, classes=10):
        self.add("MEAN", shape=(1, CHANNELS))
        return self.add("FULLY_CONNECTED", weights=(classes, CHANNELS), shape=(1, classes))

    def dense(self, size):
        """A dense layer over the last of four dimensions."""
        weights, shape = (size, CHANNELS), (*self.shapes[self.last][:3], size)
        return self.add("FULLY_CONNECTED", weights=weights, shape=shape, keeps_dimensions=True)

    def support(self, *outputs, encoded=True):
        """The support of the 1x1 convolutions."""
        found = xnnpack.support(self.nodes, {self.last, *outputs}, encoded)
        pairs = zip(self.nodes, found, strict=True)
        return [support for node, support in pairs if xnnpack.is_pointwise(node)]


def base():
    return Chain().stem().pointwise(4)


SPARSE = {
    "from a padded stem to MEAN": lambda: base().head(),
    "70 % zeros": lambda: Chain().stem().pointwise(4, 0.7).head(),
    "a 3x3 depthwise": lambda: Chain().stem().depthwise().pointwise(4).head(),
    "one of stride 2, padded": lambda: (
        base().depthwise(stride=(2, 2), padding=(1, 1, 1, 1)).pointwise().head()
    ),
    "a 5x5 depthwise": lambda: Chain().stem().depthwise(5).pointwise(4).head(),
    "HARD_SWISH": lambda: Chain().stem().pointwise().add("HARD_SWISH").pointwise().head(),
    "LEAKY_RELU": lambda: Chain().stem().pointwise().add("LEAKY_RELU").pointwise().head(),
    "a residual": lambda: Chain().stem().pointwise().add("ADD", 1).pointwise().head(),
    "squeeze and excite": lambda: (
        Chain()
        .stem()
        .pointwise()
        .add("MEAN", shape=(1, 1, 1, CHANNELS))
        .pointwise()
        .add("LOGISTIC")
        .add("MUL", 2)
        .pointwise()
        .head()
    ),
    "RESHAPE behind MEAN": lambda: base().add("MEAN").add("RESHAPE").head(),
    "DEPTH_TO_SPACE": lambda: base().add("DEPTH_TO_SPACE").head(),
    "RESIZE_BILINEAR": lambda: base().add("RESIZE_BILINEAR").pointwise().head(),
    "SOFTMAX at the end": lambda: base().head().add("SOFTMAX"),
    "a large dense classifier": lambda: base().head(2000),
    "a dense layer over channels": lambda: base().dense(CHANNELS).pointwise().head(),
}
DENSE = {
    "a stem padded SAME": (lambda: Chain().stem("same").pointwise(4).head(), "SAME padding"),
    "60 % zeros": (lambda: Chain().stem().pointwise(4, 0.6).head(), "more than two thirds"),
    "a large dense layer over channels": (
        lambda: base().dense(2000).add("MEAN", shape=(1, 2000)),
        "more than two thirds",
    ),
    "a dense classifier that keeps the dimensions": (
        lambda: base().add("MEAN", shape=(1, 1, 1, CHANNELS)).dense(2000),
        "more than two thirds",
    ),
    "four input channels": (lambda: Chain(4).stem().pointwise(4).head(), "4 channels, expected 3"),
    "no stem": (lambda: Chain(CHANNELS).pointwise(4).head(), "reads an input of the model"),
    "a 7x7 depthwise": (
        lambda: Chain().stem().depthwise(7).pointwise(4).head(),
        "DEPTHWISE_CONV_2D 1: a 7x7 depthwise",
    ),
    "a dilated depthwise": (
        lambda: Chain().stem().depthwise(dilation=(2, 2)).pointwise(4).head(),
        "it is dilated",
    ),
    "PRELU": (
        lambda: Chain().stem().pointwise().add("PRELU").pointwise().add("PRELU").head(),
        "changes the layout back",
    ),
    "a constant factor": (
        lambda: base().add("MUL", reads_constant=True).pointwise().head(),
        "MUL 5: one of its inputs is a constant",
    ),
    "nothing behind": (base, "changes the layout back"),
}


@pytest.mark.parametrize("name", SPARSE)
def test_runs_sparse(name):
    for support in SPARSE[name]().support():
        assert support.sparse, support.reason


@pytest.mark.parametrize("name", DENSE)
def test_runs_dense_and_says_why(name):
    build, reason = DENSE[name]
    found = build().support()
    assert not any(support.sparse for support in found)
    assert any(reason in support.reason for support in found), found


@pytest.mark.parametrize(
    "add",
    [
        lambda chain: chain.add("MEAN", shape=(1, 1, 1, CHANNELS)).pointwise(),
        lambda chain: chain.add("AVERAGE_POOL_2D").pointwise().head(),
        lambda chain: chain.depthwise(stride=(2, 2)).pointwise().head(),
        lambda chain: chain.pointwise(stride=(2, 2)).pointwise().head(),
    ],
)
def test_a_part_that_is_left_without_changing_the_layout_is_broken(add):
    """Measured: AllocateTensors fails on the first; the others have other outputs than dense."""
    assert xnnpack.BROKEN in add(base()).support()[0].reason


def test_a_part_that_the_model_returns_is_broken():
    """Measured: both outputs are other than those of the same weights stored dense."""
    found = base().head().support(3)
    assert xnnpack.BROKEN in found[0].reason
    assert "CONV_2D 3 reads an output of the model" in found[-1].reason


def test_weights_must_be_stored_sparse():
    assert {v.reason for v in base().head().support(encoded=False)} == {xnnpack.NOT_ENCODED}


def test_integers_have_no_sparse_kernel():
    chain = base().head()
    for node in chain.nodes:
        node.dtypes = ("int8",)
    assert {support.reason for support in chain.support()} == {"its numbers are not floats"}
