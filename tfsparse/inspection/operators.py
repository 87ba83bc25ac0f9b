"""The operators of a TFLite file: their weights and MACs."""

import dataclasses
import math

from tfsparse import flatbuffer
from tfsparse.formatting import operator_number
from tfsparse.inspection.tensors import Tensor

# Which input of an operator are its weights.
WEIGHTS = {
    "BATCH_MATMUL": 1,
    "CONV_2D": 1,
    "CONV_3D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
}
# Those that multiply by matrices too, in ways that are not counted here.
UNCOUNTED = (
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "CONV_3D_TRANSPOSE",
    "LSTM",
    "RNN",
    "STABLEHLO_CONVOLUTION",
    "STABLEHLO_DOT_GENERAL",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
)
# The runtimes whose support of an operator is told, and what to call each.
RUNTIMES = {
    "tfsparse": "tfsparse",
    "xnnpack_arm": "XNNPACK on ARM",
    "xnnpack_wasm": "XNNPACK on WebAssembly",
    "xnnpack_x86": "XNNPACK on x86",
}
# Those with the output channels in the last dimension of the weights.
CHANNELS_LAST = ("DEPTHWISE_CONV_2D",)
# Operators that hand on a constant as it is, in another encoding or type.
UNPACKING = ("DENSIFY", "DEQUANTIZE")


@dataclasses.dataclass(frozen=True)
class Support:
    """A runtime's support of an operator.

    Attributes:
        sparse: Whether it skips zeros of the weights; `None` if unknown.
        reason: The kernel that it runs, or the reason why not a sparse one.
    """

    sparse: bool | None
    reason: str


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of a file.

    Attributes:
        subgraph, index: Its position in the file.
        kind: Its name in the schema, such as "CONV_2D", or the name of a custom operator.
        name: The name of its first output.
        shape: The shape of its first output.
        weights: The constant `Tensor` of its weights, as the file stores it: the input of a DENSIFY
            or a DEQUANTIZE; `None` without weights.
        macs: MACs of one inference, of a loop's body or of a branch once; `None` without, or if
            unknown.
        nonzero_macs: MACs with nonzero weights.
        is_unsized: Whether it multiplies and `macs` is unknown.
        support: The `Support` of each of `RUNTIMES`, for operators with weights.
    """

    subgraph: int
    index: int
    kind: str
    name: str
    shape: tuple[int, ...]
    weights: Tensor | None = None
    macs: int | None = None
    nonzero_macs: int | None = None
    is_unsized: bool = False
    support: dict[str, Support] = dataclasses.field(default_factory=dict)

    @property
    def number(self):
        """What to call it: its index, with the subgraph's where that is not the main one."""
        return operator_number(self.subgraph, self.index)

    def to_dict(self):
        """Everything as numbers, strings, lists and dictionaries; of the weights the index."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        found["shape"] = list(self.shape)
        found["weights"] = self.weights and self.weights.index
        found["support"] = {k: dataclasses.asdict(v) for k, v in self.support.items()}
        return found


def kind_of(model, operator):
    """The name of an operator, for a custom one that which it goes by itself."""
    name = flatbuffer.operator_name(model, operator)
    custom = model.operatorCodes[operator.opcodeIndex].customCode
    return flatbuffer.decode_name(custom) if name == "CUSTOM" and custom else name


def source(model, index, producers):
    """The index of the constant that a tensor has its value from, through `UNPACKING` operators."""
    seen = set()
    while index in producers and index not in seen:
        seen.add(index)
        operator = producers[index]
        if flatbuffer.operator_name(model, operator) not in UNPACKING or not flatbuffer.ints(
            operator.inputs
        ):
            break
        index = flatbuffer.ints(operator.inputs)[0]
    return index


def weights_index(model, operator, producers):
    """The index of the tensor that the file stores an operator's weights in; `None` without."""
    slot = WEIGHTS.get(flatbuffer.operator_name(model, operator))
    inputs = flatbuffer.ints(operator.inputs)
    if slot is None or slot >= len(inputs) or inputs[slot] < 0:
        return None
    return source(model, inputs[slot], producers)


def multiplies(model, graph, operator):
    """Whether an operator multiplies by a matrix: a custom one does if it reads a constant one."""
    kind = flatbuffer.operator_name(model, operator)
    if kind != "CUSTOM":
        return kind in WEIGHTS or kind in UNCOUNTED
    producers = _producers(graph)
    constants = (
        graph.tensors[source(model, index, producers)]
        for index in flatbuffer.ints(operator.inputs)
        if index >= 0
    )
    return any(
        len(flatbuffer.ints(tensor.shape)) > 1 and flatbuffer.is_constant(model, tensor)
        for tensor in constants
    )


def _producers(graph):
    return {index: op for op in graph.operators or () for index in flatbuffer.ints(op.outputs)}


def constant_weights(model, graph):
    """From the indices of a subgraph's operators with constant weights to those of the tensors."""
    producers = _producers(graph)
    found = {}
    for k, operator in enumerate(graph.operators or ()):
        index = weights_index(model, operator, producers)
        if index is not None and flatbuffer.is_constant(model, graph.tensors[index]):
            found[k] = index
    return found


def macs_of(kind, inputs, output, weights):
    """The MACs of one inference; `None` if shapes do not fit the operator.

    Args:
        kind: The operator's name in the schema.
        inputs: Shapes of its inputs.
        output: Shape of its first output.
        weights: Shape of its weights.
    """
    rank = {"FULLY_CONNECTED": 2, "CONV_3D": 5, "BATCH_MATMUL": 2}.get(kind, 4)
    images = "CONV" in kind and len(output) != rank
    if kind not in WEIGHTS or len(weights) < rank or images:
        return None
    if kind == "TRANSPOSE_CONV":
        # Each number of the input meets each of its weights.
        return math.prod(inputs[2]) * math.prod(weights[:3]) if len(inputs) > 2 else None
    if kind == "BATCH_MATMUL":
        return math.prod(output) * math.prod(inputs[0]) // max(1, math.prod(output[:-1]))
    each = {
        "CONV_2D": weights[1:],
        "CONV_3D": weights[:4],
        "DEPTHWISE_CONV_2D": weights[1:3],
        "FULLY_CONNECTED": weights[1:],
    }
    return math.prod(output) * math.prod(each[kind])
