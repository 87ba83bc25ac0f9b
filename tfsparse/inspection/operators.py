"""What a TFLite file says of each operator: its weights, and how much it computes."""

import dataclasses
import math

from tfsparse import flatbuffer
from tfsparse.inspection.tensors import Tensor, text

# Which input of an operator are its weights.
WEIGHTS = {
    "BATCH_MATMUL": 1,
    "CONV_2D": 1,
    "CONV_3D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
}
# What an operator's verdicts are of, and what to call it.
RUNTIMES = {
    "tfsparse": "tfsparse",
    "xnnpack_arm": "XNNPACK on ARM",
    "xnnpack_x86": "XNNPACK on x86",
}
# Those with the output channels in the last dimension of the weights.
CHANNELS_LAST = ("DEPTHWISE_CONV_2D",)
# Operators that hand on a constant as it is, in another encoding or type.
UNPACKING = ("DENSIFY", "DEQUANTIZE")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a runtime does with an operator.

    Attributes:
        sparse: Whether it skips zeros of the weights; `None` where that is not known.
        reason: The kernel that it runs, or why not a sparse one.
    """

    sparse: bool | None
    reason: str


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of a file.

    Attributes:
        subgraph, index: Where the file has it.
        kind: Its name in the schema, such as "CONV_2D", or its own if it is a custom one.
        name: The name of its first output.
        shape: The shape of that.
        weights: The constant `Tensor` of its weights, as the file stores it: what feeds a DENSIFY
            or a DEQUANTIZE; `None` without.
        macs: Multiply-adds of one inference, or `None` if they are not known.
        nonzero_macs: Those whose weight is not zero.
        verdicts: A `Verdict` of each of `RUNTIMES`, for operators with weights.
    """

    subgraph: int
    index: int
    kind: str
    name: str
    shape: tuple[int, ...]
    weights: Tensor | None = None
    macs: int | None = None
    nonzero_macs: int | None = None
    verdicts: dict[str, Verdict] = dataclasses.field(default_factory=dict)

    def to_dict(self):
        """Everything as numbers, strings, lists and dictionaries; of the weights the index."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        found["shape"] = list(self.shape)
        found["weights"] = self.weights and self.weights.index
        found["verdicts"] = {k: dataclasses.asdict(v) for k, v in self.verdicts.items()}
        return found


def kind_of(model, operator):
    """The name of an operator, for a custom one that which it goes by itself."""
    name = flatbuffer.operator_name(model, operator)
    custom = model.operatorCodes[operator.opcodeIndex].customCode
    return text(custom) if name == "CUSTOM" and custom else name


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


def constant_weights(model, graph):
    """From the indices of a subgraph's operators with constant weights to those of the tensors."""
    producers = {index: op for op in graph.operators or () for index in flatbuffer.ints(op.outputs)}
    found = {}
    for k, operator in enumerate(graph.operators or ()):
        index = weights_index(model, operator, producers)
        if index is not None and flatbuffer.is_constant(model, graph.tensors[index]):
            found[k] = index
    return found


def macs_of(kind, inputs, output, weights):
    """The multiply-adds of one inference; `None` where shapes do not fit the operator.

    Args:
        kind: The operator's name in the schema.
        inputs: Shapes of its inputs.
        output: Shape of its first output.
        weights: Shape of its weights.
    """
    ranks = {"FULLY_CONNECTED": 2, "CONV_3D": 5}
    if kind not in WEIGHTS or len(weights) < ranks.get(kind, 4 if kind != "BATCH_MATMUL" else 2):
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
