"""Groups of channels by name, and the models that are made without some of them."""

import keras
import numpy as np
import pytest

import tfsparse
from tfsparse.search.channel_cuts import channel_sensitivity, cut, groups_in


def test_the_least_important_channels_go_and_the_model_stays(trained):
    model, (x, _) = trained
    before = model.get_weights()
    smaller = cut(model, {"wide": 0.75, "stem": 0.0, "narrow": 0.99})
    sizes = {name: smaller.get_layer(name).filters for name in ("stem", "wide", "narrow")}
    assert sizes == {"stem": 16, "wide": 8, "narrow": 1}
    norms = np.abs(model.get_layer("wide").kernel.numpy()).sum(axis=(0, 1, 2))
    kept = np.sort(np.argsort(norms)[-8:])
    kernel = model.get_layer("wide").kernel.numpy()[..., kept]
    np.testing.assert_array_equal(smaller.get_layer("wide").kernel, kernel)
    assert smaller.predict(x[:4], verbose=0).shape == (4, 4)
    assert smaller.optimizer is not None
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_without_anything_to_cut_the_model_is_the_same(trained):
    assert cut(trained[0], {"wide": 0.0}) is trained[0]


def test_groups_of_one_layer_have_numbers():
    layers = keras.layers
    inputs = keras.Input((4,))
    # Layers that are further from the output come first.
    both = layers.ReLU()(layers.ReLU()(layers.Dense(6, name="both")(inputs)))
    parts = [layers.Dense(size, name=f"of_{size}")(inputs) for size in (2, 4)]
    joined = layers.Add()([both, layers.Concatenate()(parts)])
    model = keras.Model(inputs, layers.Dense(3, name="head")(joined))
    groups = {group.name: group.size for group in groups_in(model, "all")}
    assert groups == {"both": 2, "both 2": 4}
    smaller = cut(model, {"both 2": 0.5})
    assert [smaller.get_layer(name).units for name in ("both", "of_2", "of_4")] == [4, 2, 2]
    with pytest.raises(ValueError, match="matches no group"):
        groups_in(model, "inner")


def test_the_loss_is_that_with_one_group_cut_alone(trained):
    model, (x, y) = trained
    before = model.get_weights()
    found = channel_sensitivity(model, (x, y), ["wide", "narrow"], (0.25, 0.875), 64)
    assert [(layer.name, layer.size) for layer in found.layers] == [("wide", 32), ("narrow", 16)]
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    pruning = tfsparse.ChannelPruning("l1", scope={"narrow": 0.875})
    pruning.apply(model)
    expected = model.evaluate(x, y, batch_size=64, verbose=0)[0]
    model.set_weights(before)
    assert found.layers[1].values[1] == pytest.approx(expected, rel=1e-4)
    assert found.losses()[1, 1] > found.losses()[1, 0]
