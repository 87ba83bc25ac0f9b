"""One of the layers in place of another."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stage:
    """One of the layers in place of another.

    Attributes:
        shape: Tuple, the shape of its kernel; of a depthwise one the last length is 1.
        is_spatial: Bool, whether it has the strides, the dilation and the padding of the layer.
        is_depthwise: Bool.
        repeats: Int, how often it multiplies for each position of the layer.
        view: Of tensor trains, how the input is arranged first: the lengths of its axes without
            the batch, their new order, and the shape of two axes that the layer gets. Or None.
    """

    shape: tuple
    is_spatial: bool = False
    is_depthwise: bool = False
    repeats: int = 1
    view: tuple | None = None
