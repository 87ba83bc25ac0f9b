"""Random TFLite graphs for hypothesis, with supported and unsupported operators.

A graph is a list of recipes, one per layer. A recipe names its input by a number, "the n-th latest
tensor that fits", and is left out if none fits. So every list of recipes is a graph, and hypothesis
can shrink a failing one by dropping layers.

Values stay near 1, so that one tolerance suits all: weights are scaled for outputs of variance 1,
and an operator with a large result is left out.
"""

import dataclasses
import math

import numpy as np
from hypothesis import strategies as st

from tests.delegate.graph_builder import GraphBuilder
from tests.delegate.recipes import elementwise, images, shapes, weighted

# Bounds that limit the run of a graph in TFLite's reference kernels to some tens of milliseconds.
MOST_ELEMENTS = 300_000
MOST_MACS = 8_000_000
LARGEST_SCALE = 20.0


@dataclasses.dataclass(frozen=True)
class Value:
    """A tensor of the graph and the bound of its absolute values."""

    tensor: int
    shape: tuple
    scale: float

    @property
    def is_image(self):
        return len(self.shape) == 4


class Network:
    """A graph under construction, and the tensors that a next layer may read."""

    def __init__(self, input_shapes):
        self.builder = GraphBuilder()
        self.values = [Value(self.builder.input(shape), shape, 1.0) for shape in input_shapes]
        self.read = set()
        self.macs = 0

    def pick(self, choice, fits=lambda value: True):
        """The choice-th latest value that fits, modulo their number; `None` if none does."""
        fitting = [value for value in reversed(self.values) if fits(value)]
        return fitting[choice % len(fitting)] if fitting else None

    def affords(self, shape, scale=1.0, macs=0):
        return (
            0 < math.prod(shape) <= MOST_ELEMENTS
            and len(shape) <= 5
            and scale <= LARGEST_SCALE
            and self.macs + macs <= MOST_MACS
        )

    def add(self, name, inputs, shape, scale, macs=0, **options):
        """Adds an operator of one output. Inputs are values, or tensors that are constants."""
        return self.add_several(name, inputs, [shape], scale, macs, **options)[0]

    def add_several(self, name, inputs, shapes, scale, macs=0, **options):
        read = [i.tensor if isinstance(i, Value) else i for i in inputs]
        shapes = [tuple(map(int, shape)) for shape in shapes]
        outputs = self.builder.operator_of_several(name, read, shapes, **options)
        made = [Value(t, shape, scale) for t, shape in zip(outputs, shapes, strict=True)]
        self.macs += macs
        self.values += made
        self.read.update(read)
        return made

    def constant(self, values, dtype=np.int32):
        return self.builder.constant(np.asarray(values, dtype))


def build(input_shapes, layers, outputs):
    """The model of the recipes. Its outputs are the unread tensors and those chosen."""
    network = Network(input_shapes)
    for layer in filter(None, layers):
        layer.add(network)
    # TFLite allocates no memory for an unread input.
    tensors = [value.tensor for value in network.values]
    graph = network.builder.graph
    inputs = [tensor for tensor in graph.inputs if tensor in network.read]
    made = [tensor for tensor in tensors if tensor not in graph.inputs]
    chosen = {made[choice % len(made)] for choice in outputs if made}
    return network.builder.finish(inputs, sorted(chosen.union(set(made) - network.read)))


# Large enough for row tiling.
LARGE_IMAGE = (1, 70, 70, 8)


def input_shapes():
    batch = st.sampled_from([1, 1, 1, 2, 3])
    images = st.tuples(batch, st.integers(1, 14), st.integers(1, 14), st.integers(1, 20))
    kinds = st.sampled_from(["image"] * 12 + ["row"] * 3 + ["large"])

    def shape(image, kind):
        return {"image": image, "row": image[::3], "large": LARGE_IMAGE}[kind]

    return st.lists(st.builds(shape, images, kinds), min_size=1, max_size=3)


# Enough layers with weights for most of a graph to be taken. Hypothesis shrinks to the first
# alternative: no layer.
LAYERS = st.one_of(
    st.none(), *2 * weighted.LAYERS, *elementwise.LAYERS, *images.LAYERS, *shapes.LAYERS
)


def graphs():
    """A strategy of models: `ModelT` of the TFLite schema, with at least one operator."""
    layers = st.lists(LAYERS, min_size=8, max_size=14)
    outputs = st.lists(st.integers(0, 12), max_size=2)
    models = st.builds(build, input_shapes(), layers, outputs)
    return models.filter(lambda model: model.subgraphs[0].operators)
