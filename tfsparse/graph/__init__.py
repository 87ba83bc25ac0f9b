"""Which channels of a Keras model are tied to each other, so that they can only be cut together.

A convolution's filter cannot go alone: its entries in the BatchNormalization that follows go too,
so does the channel that an `Add` sums it with, and the input channel of every layer that reads it.
`trace` follows each channel through the model and collects all of that:

```python
graph = tfsparse.graph.trace(model)
removed = {}
for group in graph.groups:
    if not group.frozen:
        scores = sum(np.abs(place.weights()).sum(axis=1) for place in group.producers)
        removed[group] = np.argsort(scores)[: group.size // 2]
for variable, keep in graph.masks(removed):
    Mask(variable, strategy).assign(keep)
graph.macs(removed) / graph.macs()  # what remains of the cost
smaller = tfsparse.shrink(model)
```

A `ChannelGroup` is a number of channels, each of which can be cut by itself, that pass through the
same layers. A `Place` is where they do: an axis of a weight, and for each channel its positions on
that axis. A group has three lists of places:

- `producers`, axes along which kernels make the channels: the filters of convolutions, the units
  of dense layers; more than one where layers are added or multiplied;
- `followers`, axes of weights that act on each channel alone: biases, the weights of
  BatchNormalization, the kernels of depthwise convolutions;
- `consumers`, axes along which kernels sum over the channels: the input channels of convolutions,
  the rows of dense layers, of which a channel has many behind a `Flatten`.

A channel at a model's input or output, or at an operation that cannot be followed, must stay: its
group is `frozen`, which is a sentence that says why.

Followed are Conv (1D to 3D, grouped ones too), depthwise, separable and transposed convolutions,
Dense, BatchNormalization, PReLU, all activations that act on each element alone, pooling, padding,
cropping, upsampling, resizing, Reshape, Flatten, Permute, Concatenate, Add, Subtract, Multiply,
Average, Maximum and Minimum, the `keras.ops` of the same meaning, and nested models.

The idea is that of Fang et al., "DepGraph: Towards Any Structural Pruning", 2023
(https://arxiv.org/abs/2301.12900); here single channels are tied, so that the ranges of a
concatenation and the repeats of a `Flatten` need no case of their own.
"""

from tfsparse.graph.groups import ChannelGraph, ChannelGroup, Place, macs, trace

__all__ = ["ChannelGraph", "ChannelGroup", "Place", "macs", "trace"]
