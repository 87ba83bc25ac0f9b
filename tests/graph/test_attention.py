"""Heads of attention are cut whole; what goes into and out of it stays."""

import inspect

import keras
import numpy as np
import pytest

from tests.graph.shrinking import (
    assert_computes_the_same,
    assert_shrinks,
    kill_at_random,
    randomize,
    remove_channels,
)
from tests.graph.transformers import Positions, vision_transformer
from tfsparse.graph import macs, trace

L = keras.layers


def attend(layer, call=lambda layer, x, y: layer(x, x), shape=(5, 6)):
    """Returns a model of an attention to 5 positions of 6 channels, or to 3 of 7."""
    keras.utils.set_random_seed(0)
    inputs = [L.Input(shape), L.Input((3, 7))]
    x = L.Dense(6)(inputs[0])
    outputs = [L.Dense(2)(call(layer, x, inputs[1])), L.Flatten()(inputs[1])]
    model = keras.Model(inputs, outputs)
    randomize(model)
    return model


def heads_of(model, name="attention"):
    (group,) = [g for g in trace(model).groups if g.layers == [name]]
    return group


def test_a_head_goes_with_its_slices_of_all_kernels():
    group = heads_of(vision_transformer())
    assert (group.size, group.frozen) == (4, None)
    made = [(place.weight, place.axis) for place in group.producers]
    assert made == [(f"{name}_dense.kernel", 1) for name in ("query", "key", "value")]
    assert [place.weight for place in group.followers] == [
        f"{name}_dense.bias" for name in ("query", "key", "value")
    ]
    (reader,) = group.consumers
    assert reader.weights().shape == (4, 3 * 8)


def test_what_an_attention_reads_and_makes_stays():
    graph = trace(attend(L.MultiHeadAttention(4, 3, name="attention")))
    frozen = [group.frozen for group in graph.groups if group.layers[0] != "attention"]
    assert frozen[0] == "'attention' (MultiHeadAttention) cuts whole heads only"


def test_heads_and_widths_of_a_vision_transformer_shrink():
    model = vision_transformer()
    cost = remove_channels(model, 0.5)
    smaller = assert_shrinks(model, cost)
    assert smaller.get_layer("attention").num_heads == 2
    assert smaller.get_layer("widen").units == 6


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_a_vision_transformer_that_are_zero_at_random(seed):
    model = vision_transformer()
    kill_at_random(model, seed)
    assert_computes_the_same(model)


def test_a_smaller_transformer_can_be_saved(tmp_path):
    model = vision_transformer()
    remove_channels(model)
    smaller = assert_shrinks(model)
    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.models.load_model(tmp_path / "smaller.keras", {"Positions": Positions})
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), smaller(x))


OPTIONS = {
    "no bias": {"use_bias": False},
    "wide values": {"value_dim": 5},
    "wide output": {"output_shape": 7},
    "two output axes": {"output_shape": (2, 3)},
    "dropout": {"dropout": 0.5},
    "gate": {"use_gate": True},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_of_attention(options):
    if not options.keys() <= inspect.signature(L.MultiHeadAttention).parameters.keys():
        pytest.skip("this Keras has no such option")
    model = attend(L.MultiHeadAttention(4, 3, name="attention", **options))
    shrunk = assert_shrinks(model, remove_channels(model))
    assert shrunk.get_layer("attention").num_heads == 3


CALLS = {
    "cross": lambda layer, x, y: layer(x, y),
    "key": lambda layer, x, y: layer(x, y, y),
    "names": lambda layer, x, y: layer(x, key=y, value=y),
    "causal": lambda layer, x, y: layer(x, x, use_causal_mask=True),
    "twice": lambda layer, x, y: layer(layer(x, x), x),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_calls_of_attention(call):
    model = attend(L.MultiHeadAttention(4, 3, name="attention"), call)
    shrunk = assert_shrinks(model, remove_channels(model))
    assert shrunk.get_layer("attention").num_heads == 3


def test_one_head_stays():
    model = attend(L.MultiHeadAttention(4, 3, name="attention"))
    layer = model.get_layer("attention")
    layer.output_dense.kernel.assign(np.zeros(layer.output_dense.kernel.shape))
    assert assert_shrinks(model).get_layer("attention").num_heads == 1


def test_a_head_without_values_is_gone_but_not_one_with_a_bias():
    model = attend(L.MultiHeadAttention(4, 3, name="attention"))
    layer = model.get_layer("attention")
    kernel, bias = layer.value_dense.kernel.numpy(), layer.value_dense.bias.numpy()
    kernel[:, :2], bias[0] = 0, 0
    layer.value_dense.kernel.assign(kernel)
    layer.value_dense.bias.assign(bias)
    assert assert_shrinks(model).get_layer("attention").num_heads == 3


def test_macs_of_attention():
    attention = L.MultiHeadAttention(4, 3, value_dim=2, name="attention")
    rest = 5 * (6 * 6 + 6 * 2)
    within = 5 * 6 * 12 + 5 * 6 * 12 + 5 * 6 * 8 + 5 * 8 * 6 + 5 * 5 * (12 + 8)
    assert macs(attend(attention)) == rest + within
    attention = L.MultiHeadAttention(4, 3, value_dim=2, name="attention")
    across = 5 * 6 * 12 + 3 * 7 * 12 + 3 * 7 * 8 + 5 * 8 * 6 + 5 * 3 * (12 + 8)
    assert macs(attend(attention, CALLS["cross"])) == rest + across


def test_macs_of_attention_along_one_of_two_axes():
    model = attend(L.MultiHeadAttention(4, 3, attention_axes=2, name="attention"), shape=(2, 5, 6))
    within = 10 * 4 * 6 * 12 + 2 * 5 * 5 * (12 + 12)
    assert macs(model) == 10 * (6 * 6 + 6 * 2) + within
    assert_shrinks(model, remove_channels(model))


class TalkingHeads(L.MultiHeadAttention):
    """Mixes the heads."""

    def _compute_attention(self, *args, **kwargs):
        mixed, scores = super()._compute_attention(*args, **kwargs)
        return mixed + keras.ops.mean(mixed, axis=-2, keepdims=True), scores


class TalkingScores(L.MultiHeadAttention):
    """Mixes the scores of the heads."""

    def _masked_softmax(self, scores, mask=None):
        return super()._masked_softmax(scores + keras.ops.mean(scores, 1, keepdims=True), mask)


def with_scores(layer, x, y):
    outputs, _ = layer(x, x, return_attention_scores=True)
    return outputs


def with_mask(layer, x, y):
    mask = keras.ops.reshape(keras.ops.tile(x[:, :1, :5] > 0, (1, 20, 1)), (-1, 4, 5, 5))
    return layer(x, x, attention_mask=mask)


UNFOLLOWED = {
    "groups": (lambda: L.GroupQueryAttention(3, 4, 2, name="attention"), lambda f, x, y: f(x, x)),
    "subclass": (lambda: TalkingHeads(4, 3, name="attention"), lambda f, x, y: f(x, x)),
    "own softmax": (
        lambda: TalkingScores(4, 3, dropout=0.1, name="attention"),
        lambda f, x, y: f(x, x),
    ),
    "scores": (lambda: L.MultiHeadAttention(4, 3, name="attention"), with_scores),
    "mask": (lambda: L.MultiHeadAttention(4, 3, name="attention"), with_mask),
}


@pytest.mark.parametrize(("make", "call"), UNFOLLOWED.values(), ids=UNFOLLOWED)
def test_other_attention_stays_whole(make, call):
    model = attend(make(), call)
    assert not any("attention" in group.layers for group in trace(model).groups)
    remove_channels(model)
    shrunk = assert_computes_the_same(model)
    sizes = [m.get_layer("attention").count_params() for m in (model, shrunk)]
    assert sizes[0] == sizes[1]


def test_an_attention_with_another_kernel_stays_whole():
    model = attend(L.MultiHeadAttention(4, 3, name="attention"))
    dense = model.get_layer("attention").query_dense
    if not hasattr(dense, "enable_lora"):
        pytest.skip("this Keras has no LoRA")
    dense.enable_lora(2)
    assert not any("attention" in group.layers for group in trace(model).groups)
