"""Pictures of where the weights are not zero, as PNG files in data URLs."""

import base64
import io

import numpy as np
from PIL import Image

# Larger ones say no more on a screen.
MAX_SIDE = 256
# An excerpt at which single weights, and thus blocks and patterns, can be seen.
EXCERPT = (48, 48)


def matrix(mask, channels_last=False):
    """A mask of weights as (output channels, weights of one), the kernel's positions together.

    Args:
        mask: Boolean array of rank 1 or more: the output channels first, the input channels last.
        channels_last: Whether the output channels are last instead.
    """
    if mask.ndim < 2:
        return mask.reshape(1, -1)
    if channels_last:
        return np.moveaxis(mask, -1, 0).reshape(mask.shape[-1], -1)
    return np.moveaxis(mask, -1, 1).reshape(len(mask), -1)


def density(kept, largest=MAX_SIDE):
    """A matrix of at most `largest` rows and columns: the share of weights kept in each part."""
    for axis in (0, 1):
        size = kept.shape[axis]
        if size > largest:
            starts = np.arange(largest) * size // largest
            widths = np.diff([*starts, size])
            sums = np.add.reduceat(kept, starts, axis, dtype=np.float32)
            kept = sums / (widths[:, None] if axis == 0 else widths)
    return kept.astype(np.float32)


def png_url(shares):
    """A data URL of a PNG in which what is 1 is opaque, what is 0 transparent.

    All pixels are black: a page uses the picture as a mask, and gives it a colour that suits its
    background.
    """
    alpha = Image.fromarray(np.round(255 * shares).astype(np.uint8))
    picture = Image.new("LA", alpha.size)
    picture.putalpha(alpha)
    png = io.BytesIO()
    picture.save(png, "png")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
