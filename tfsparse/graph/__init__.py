"""The channels of a Keras model that are tied to each other and can only be cut together.

A filter of a convolution is tied to its entries in the next BatchNormalization, to the channel that
an `Add` sums it with, and to the input channel of every layer that reads it. `trace` follows each
channel through the model and collects all of these:

```python
graph = tfsparse.graph.trace(model)
removed = {}
for group in graph.groups:
    if not group.frozen:
        scores = sum(np.abs(place.weights()).sum(axis=1) for place in group.producers)
        removed[group] = np.argsort(scores)[: group.size // 2]
for variable, keep in graph.masks(removed):
    Mask(variable, strategy).assign(keep)
graph.macs(removed) / graph.macs()  # the fraction of MACs that remains
smaller = tfsparse.shrink(model)
```

A `ChannelGroup` is a set of channels that pass through the same layers; each can be cut by itself.
A `Place` is an axis of a weight, with the positions of each channel on this axis. A group has three
lists of places:

- `producers`, the axes along which kernels make the channels: filters of convolutions, units
  of dense layers; several if layers are added or multiplied;
- `followers`, the axes of weights that act on each channel separately: biases, the weights of
  BatchNormalization, the kernels of depthwise convolutions;
- `consumers`, the axes along which kernels sum over the channels: input channels of convolutions,
  rows of dense layers; after a `Flatten` a channel has several rows.

A channel at a model's input or output, or at an operation that is not supported, must stay. The
attribute `frozen` of its group is a sentence with the reason.

Supported are Conv (1D to 3D, also grouped), depthwise, separable and transposed convolutions,
Dense, the heads of MultiHeadAttention, BatchNormalization, PReLU, all elementwise activations,
pooling, padding, cropping, upsampling, resizing, Reshape, Flatten, Permute, Concatenate, Add,
Subtract, Multiply, Average, Maximum and Minimum, the equivalent `keras.ops`, and nested models.

The method is from Fang et al., "DepGraph: Towards Any Structural Pruning", 2023
(https://arxiv.org/abs/2301.12900). Here single channels are tied, so that the ranges of a
concatenation and the repeats of a `Flatten` are no special cases.
"""

from tfsparse.graph.groups import ChannelGraph, ChannelGroup, Place, macs, trace

__all__ = ["ChannelGraph", "ChannelGroup", "Place", "macs", "trace"]
