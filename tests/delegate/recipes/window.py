"""The window of a convolution or a pooling."""

import dataclasses

from hypothesis import strategies as st

from tests.delegate.recipes.common import pairs
from tfsparse.flatbuffer import schema

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


@dataclasses.dataclass(frozen=True)
class Window:
    """Pairs are of height and width."""

    kernel: tuple
    stride: tuple
    dilation: tuple
    padding: int

    def output(self, shape):
        """Height and width of the output for an image; below 1 if the window does not fit."""
        result = []
        for size, k, stride, d in zip(
            shape[1:3], self.kernel, self.stride, self.dilation, strict=True
        ):
            reach = (k - 1) * d + 1 if self.padding == VALID else 1
            result.append((size - reach) // stride + 1)
        return result

    def options(self):
        return {"padding": self.padding, "strideH": self.stride[0], "strideW": self.stride[1]}

    def dilations(self):
        return {"dilationHFactor": self.dilation[0], "dilationWFactor": self.dilation[1]}


_steps = st.sampled_from([1, 1, 1, 2, 3])
windows = st.builds(
    Window,
    kernel=pairs(st.sampled_from([1, 1, 3, 2, 5, 7])),
    stride=pairs(_steps),
    dilation=pairs(_steps),
    padding=st.sampled_from([SAME, VALID]),
)
POINTWISE = Window((1, 1), (1, 1), (1, 1), VALID)
