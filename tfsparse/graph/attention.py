"""How the heads of a MultiHeadAttention are cut.

A head is a channel: it goes with its slice of each of the layer's kernels and biases, except for
the bias of the output. What goes into and out of the layer stays whole.
"""

import inspect
import math

import keras

from tfsparse.graph.calls import count_positions
from tfsparse.graph.channels import CONSUMER, FOLLOWER, PRODUCER, describe

# A mask may have an axis of heads.
_ARGUMENTS = {"query", "value", "key", "use_causal_mask"}
_PROJECTIONS = "query_dense", "key_dense", "value_dense", "_gate_dense"


def is_called_plainly(call):
    """Returns whether an attention is called as in inference, without masks but a causal one."""
    given = _given(call)
    tensors = [value for value in given.values() if isinstance(value, keras.KerasTensor)]
    return given.keys() <= _ARGUMENTS and len(tensors) == len(given.keys() - {"use_causal_mask"})


def bind_heads(channels, call, *inputs):
    """Binds the heads to the weights of an attention; returns the labels of its output."""
    layer = call.operation
    heads = channels.new(layer.num_heads)
    for name in _projections(layer):
        channels.bind(PRODUCER, layer, f"{name}.kernel", 1, heads)
        if layer.use_bias:
            channels.bind(FOLLOWER, layer, f"{name}.bias", 0, heads)
    channels.bind(CONSUMER, layer, "output_dense.kernel", 0, heads)
    _count_macs(channels, call)
    reason = f"{describe(layer)} cuts whole heads only"
    output = channels.new(call.output_shape[-1])
    for x in (*inputs, output):
        channels.freeze(x, reason)
    return output


def _count_macs(channels, call):
    layer, given = call.operation, _given(call)
    tensors = zip(call.arguments.keras_tensors, call.shapes, strict=True)
    shapes = {id(tensor): shape for tensor, shape in tensors}
    query, value, key = (
        shapes[id(given.get(name, given["value"]))] for name in ("query", "value", "key")
    )
    for name, shape in zip(_projections(layer), (query, key, value, query), strict=False):
        channels.multiply(getattr(layer, name).kernel, count_positions(shape))
    queries = count_positions(query)
    channels.multiply(layer.output_dense.kernel, queries)
    attended = [value[axis] for axis in layer.attention_axes]
    pairs = None if None in (queries, *attended) else queries * math.prod(attended)
    for projection in layer.key_dense, layer.value_dense:
        # The products of queries with keys, and of their softmax with values: one for each feature.
        channels.multiply(projection.kernel, pairs, axes=(1, 2))


def _projections(layer):
    return [name for name in _PROJECTIONS if hasattr(layer, name)]


def _given(call):
    """Returns the arguments of a call that are neither None nor False, a dict."""
    signature = inspect.signature(call.operation.call)
    bound = signature.bind(*call.arguments.args, **call.arguments.kwargs).arguments
    return {
        name: value for name, value in bound.items() if value is not None and value is not False
    }
