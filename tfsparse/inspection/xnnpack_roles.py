"""Which operators XNNPACK can run with channels first, and where in a cluster they may stand.

The rules are those of xnn_check_nchw_compatibility; see `tfsparse.inspection.xnnpack`.
"""

import dataclasses

from tfsparse.formatting import number_of

# Where an operator may stand in a cluster.
ENTRY, INSIDE, EXIT = 1, 2, 4

# fmt: off
UNARY = frozenset({
    "ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG",
    "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE",
    "TANH",
})
# fmt: on
BINARY = frozenset({"ADD", "MUL"})
REDUCTIONS = frozenset({"MEAN", "SUM"})
# By the size of its kernel, the padding that a depthwise convolution needs on all four sides.
DEPTHWISE_PADDING = {3: 1, 5: 2}
FLOATS = frozenset({"float16", "float32"})


@dataclasses.dataclass
class Node:
    """An operator as XNNPACK sees it.

    Attributes:
        index: Where the file has it.
        kind: Its TFLite name.
        inputs, outputs: Tensors that are computed, constants left out.
        weights: Shape of the weights, or `None`.
        weight_zeros: How many of them are zero.
        dtypes: Types of the tensors that are computed.
        input_shapes: Shapes of the inputs, constants among them.
        reads_constant: Whether there are any.
        stride, dilation: (height, width).
        padding: "same", "valid", or (top, bottom, left, right) where a PAD was taken in.
        keeps_dimensions: Of FULLY_CONNECTED, the option keep_num_dims. Without it LiteRT makes a
            matrix of the input first, such as the pooled features in front of a classifier.
    """

    index: int
    kind: str
    inputs: list[int]
    outputs: list[int]
    weights: tuple | None = None
    weight_zeros: int = 0
    dtypes: tuple = ()
    input_shapes: tuple = ()
    reads_constant: bool = False
    stride: tuple = (1, 1)
    dilation: tuple = (1, 1)
    padding: object = "valid"
    keeps_dimensions: bool = False

    @property
    def name(self):
        """What to call it in a reason."""
        return f"{self.kind} {self.index}"


def check(node):
    """Where in a cluster a node may stand, and why not where that is nowhere.

    Returns:
        A sum of `ENTRY`, `INSIDE` and `EXIT`, and a text.
    """
    if not FLOATS.issuperset(node.dtypes):
        return 0, "its numbers are not floats"
    if node.kind == "FULLY_CONNECTED":
        return (INSIDE, "") if node.keeps_dimensions else (0, "it makes a matrix of its input")
    if node.kind == "CONV_2D":
        return _check_convolution(node)
    if node.kind == "DEPTHWISE_CONV_2D":
        return _check_depthwise(node)
    if node.kind == "DEPTH_TO_SPACE":
        return EXIT, ""
    if node.kind in BINARY | REDUCTIONS | UNARY:
        return _check_elementwise(node)
    if node.kind == "RESIZE_BILINEAR":
        height, width = (*node.input_shapes[0], 1, 1, 1)[1:3]
        return (INSIDE, "") if min(height, width) > 1 else (0, "it resizes a single row or column")
    return 0, "the operator has no kernel for channels first"


def _check_elementwise(node):
    if any(len(shape) != 4 for shape in node.input_shapes[: 1 + (node.kind in BINARY)]):
        return 0, "its inputs do not have four dimensions"
    if node.kind in REDUCTIONS:
        return INSIDE | EXIT, ""
    # Of whichever input is the constant, XNNPACK looks at the shape of the first.
    if node.reads_constant and sum(size != 1 for size in node.input_shapes[0]) > 1:
        return 0, "one of its inputs is a constant"
    return INSIDE, ""


def _unfit_weights(node, other_channels):
    """Why weights fit no kernel, of whatever size; empty if they may."""
    if node.weights is None or len(node.weights) != 4 or len(node.input_shapes[0]) != 4:
        return "its weights are not constant"
    if node.weights[3] != node.input_shapes[0][3]:
        return other_channels
    return "it is dilated" if node.dilation != (1, 1) else ""


def _check_convolution(node):
    if unfit := _unfit_weights(node, "it has groups"):
        return 0, unfit
    _, height, width, channels = node.weights
    if (height, width) == (1, 1):
        if node.stride != (1, 1):
            return 0, f"a 1x1 convolution of stride {max(node.stride)}, expected 1"
        if _explicit_padding(node) != (0, 0, 0, 0):
            return 0, "a 1x1 convolution with padding"
        return INSIDE, ""
    if (height, width) != (3, 3):
        return 0, f"a {height}x{width} convolution, expected 1x1, or 3x3 at the entry"
    if node.stride != (2, 2):
        return 0, f"a 3x3 convolution of stride {max(node.stride)}, expected 2 at the entry"
    if channels != 3:
        return 0, f"a 3x3 convolution of {number_of(channels, 'channel')}, expected 3 at the entry"
    if _explicit_padding(node) != (1, 1, 1, 1):
        return 0, f"a 3x3 convolution with {_padding_name(node)}, {_expected(1)}"
    return ENTRY, ""


def _check_depthwise(node):
    if unfit := _unfit_weights(node, "it makes several channels of one"):
        return 0, unfit
    _, height, width, _ = node.weights
    if height != width or height not in DEPTHWISE_PADDING:
        return 0, f"a {height}x{width} depthwise convolution, expected 3x3 or 5x5"
    if node.stride not in ((1, 1), (2, 2)):
        return 0, f"a depthwise convolution of stride {node.stride}, expected 1 or 2"
    wanted = DEPTHWISE_PADDING[height]
    if _explicit_padding(node) != (wanted,) * 4:
        return 0, (
            f"a {height}x{width} depthwise convolution of stride {node.stride[0]} with "
            f"{_padding_name(node)}, {_expected(wanted)}"
        )
    return INSIDE, ""


def _expected(padding):
    return f"expected {padding} on all four sides, as of tfsparse.symmetric_padding"


def _explicit_padding(node):
    """(top, bottom, left, right), or `None` where it depends on the size of the image."""
    if node.padding == "same":
        if node.stride != (1, 1):
            return None
        pads = []
        for size, dilation in zip(node.weights[1:3], node.dilation, strict=True):
            total = (size - 1) * dilation
            pads += [total // 2, total - total // 2]
        return tuple(pads)
    return (0, 0, 0, 0) if node.padding == "valid" else node.padding


def _padding_name(node):
    if isinstance(node.padding, str):
        return f"{node.padding.upper()} padding"
    return "padding {} above, {} below, {} left and {} right".format(*node.padding)
