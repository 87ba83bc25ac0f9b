"""Recipes of the operators that reduce, join and rearrange tensors."""

import dataclasses
import itertools
import math

from hypothesis import strategies as st

from tests.delegate.recipes.common import choices, has_dimensions, in_four_dimensions


@dataclasses.dataclass(frozen=True)
class Reduce:
    name: str
    x: int
    axes: int  # a bit for each dimension
    negative: bool
    keep_dims: bool

    def add(self, network):
        x = network.pick(self.x, lambda value: 1 <= len(value.shape) <= 4)
        if x is None:
            return
        rank = len(x.shape)
        axes = [dim for dim in range(rank) if self.axes >> dim & 1] or [rank - 1]
        count = math.prod(x.shape[dim] for dim in axes)
        scale = x.scale * (count if self.name == "SUM" else 1)
        if self.keep_dims:
            shape = [1 if dim in axes else size for dim, size in enumerate(x.shape)]
        else:
            shape = [size for dim, size in enumerate(x.shape) if dim not in axes]
        if network.affords(shape, scale):
            constant = network.constant([dim - rank * self.negative for dim in axes])
            network.add(self.name, [x, constant], shape, scale, keepDims=self.keep_dims)


@dataclasses.dataclass(frozen=True)
class Reshape:
    x: int
    kind: str
    by_input: bool

    def add(self, network):
        x = network.pick(self.x, has_dimensions)
        if x is None:
            return
        batch, depth = x.shape[0], x.shape[-1]
        shape = {
            "flatten": (batch, math.prod(x.shape[1:])),
            "merge": (batch, math.prod(x.shape[1:-1]), depth),
            "swap": x.shape[::-1],
        }.get(self.kind)
        if self.kind == "image":
            if depth % 4:
                return
            shape = (math.prod(x.shape[:-1]), 2, 2, depth // 4)
        if math.prod(shape) != math.prod(x.shape):
            return
        # Independent of the batch size, so that the model can be resized.
        target = [-1, *shape[1:]]
        inputs = [x, network.constant(target)] if self.by_input else [x]
        network.add("RESHAPE", inputs, shape, x.scale, newShape=target)


@dataclasses.dataclass(frozen=True)
class Dimension:
    """A dimension of 1 more or less."""

    x: int
    name: str
    axis: int

    def add(self, network):
        x = network.pick(self.x, in_four_dimensions)
        if x is None:
            return
        shape = list(x.shape)
        if self.name == "EXPAND_DIMS":
            axis = self.axis % (len(shape) + 1)
            shape.insert(axis, 1)
            network.add("EXPAND_DIMS", [x, network.constant(axis)], shape, x.scale)
            return
        ones = [dim for dim, size in enumerate(shape) if size == 1]
        if ones:
            axis = ones[self.axis % len(ones)]
            del shape[axis]
            network.add("SQUEEZE", [x], shape, x.scale, squeezeDims=[axis])


@dataclasses.dataclass(frozen=True)
class Transpose:
    x: int
    permutation: int

    def add(self, network):
        x = network.pick(self.x, lambda value: 2 <= len(value.shape) <= 4)
        if x is not None:
            orders = list(itertools.permutations(range(len(x.shape))))
            order = orders[self.permutation % len(orders)]
            shape = [x.shape[dim] for dim in order]
            network.add("TRANSPOSE", [x, network.constant(order)], shape, x.scale)


@dataclasses.dataclass(frozen=True)
class Concatenation:
    x: int
    axis: int
    others: list

    def add(self, network):
        x = network.pick(self.x, lambda value: 1 <= len(value.shape) <= 4)
        if x is None:
            return
        axis = -1 - self.axis % len(x.shape)

        def outside(shape):
            return len(shape), shape[:axis], shape[len(shape) + axis + 1 :]

        values = [x]
        for other in self.others:
            values.append(
                network.pick(other, lambda value: outside(value.shape) == outside(x.shape))
            )
        shape = list(x.shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        if network.affords(shape):
            scale = max(value.scale for value in values)
            network.add("CONCATENATION", values, shape, scale, axis=axis)


@dataclasses.dataclass(frozen=True)
class Split:
    x: int
    axis: int
    count: int

    def add(self, network):
        x = network.pick(self.x, lambda value: 1 <= len(value.shape) <= 4)
        if x is None:
            return
        axis = len(x.shape) - 1 - self.axis % len(x.shape)
        divides = [n for n in range(2, 7) if x.shape[axis] % n == 0]
        if divides:
            count = divides[self.count % len(divides)]
            shape = list(x.shape)
            shape[axis] //= count
            inputs = [network.constant(axis), x]
            network.add_several("SPLIT", inputs, [shape] * count, x.scale, numSplits=count)


@dataclasses.dataclass(frozen=True)
class StridedSlice:
    """x[first::step], or x[first], in one dimension; all of the others."""

    x: int
    axis: int
    first: int
    step: int  # 0 for a single index

    def add(self, network):
        x = network.pick(self.x, lambda value: 2 <= len(value.shape) <= 4)
        if x is None:
            return
        axis = self.axis % len(x.shape)
        size = x.shape[axis]
        begin, step, shape = [0] * len(x.shape), [1] * len(x.shape), list(x.shape)
        begin[axis] = self.first % size
        step[axis] = max(1, self.step)
        shape[axis] = len(range(begin[axis], size, step[axis]))
        if self.step == 0:
            del shape[axis]
        inputs = [x, *(network.constant(values) for values in (begin, x.shape, step))]
        mask = 0 if self.step else 1 << axis
        network.add("STRIDED_SLICE", inputs, shape, x.scale, shrinkAxisMask=mask)


LAYERS = [
    st.builds(
        Reduce,
        st.sampled_from(["MEAN", "SUM"]),
        choices,
        st.one_of(st.just(0b110), st.integers(1, 15)),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        Reshape, choices, st.sampled_from(["flatten", "merge", "image", "swap"]), st.booleans()
    ),
    st.builds(Dimension, choices, st.sampled_from(["SQUEEZE", "EXPAND_DIMS"]), st.integers(0, 4)),
    st.builds(Transpose, choices, st.integers(0, 23)),
    st.builds(Concatenation, choices, st.integers(0, 3), st.lists(choices, min_size=1, max_size=2)),
    st.builds(Split, choices, st.integers(0, 3), st.integers(0, 4)),
    st.builds(StridedSlice, choices, st.integers(0, 3), st.integers(0, 9), st.integers(0, 3)),
]
