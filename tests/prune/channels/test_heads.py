"""Methods that cut channels cut heads of attention, and widths between dense layers."""

import numpy as np
import pytest

import tfsparse
from tests.graph.transformers import vision_transformer
from tfsparse import ChannelPruning, DiscriminationAwareChannelPruning


@pytest.fixture
def model():
    model = vision_transformer()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(16, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 16)


def sizes_after_shrink(model, data):
    """Returns the number of heads and the width of the smaller model, which computes the same."""
    smaller = tfsparse.shrink(model)
    np.testing.assert_allclose(smaller(data[0]), model(data[0]), atol=1e-5)
    return smaller.get_layer("attention").num_heads, smaller.get_layer("widen").units


@pytest.mark.parametrize("importance", ["l1", "taylor"])
def test_heads_stay_cut_in_a_training(importance, model, data):
    pruning = ChannelPruning(importance, data=data if importance == "taylor" else None)
    model.fit(*data, batch_size=8, epochs=2, verbose=0, callbacks=[pruning])
    assert pruning.pruning_ratio == 0.5
    assert pruning.macs < 1
    assert sizes_after_shrink(model, data) == (2, 6)
    model.fit(*data, batch_size=8, verbose=0)
    assert sizes_after_shrink(model, data) == (2, 6)


def test_taylor_keeps_the_heads_that_the_loss_needs(model, data):
    layer = model.get_layer("attention")
    kernel = layer.output_dense.kernel.numpy()
    kernel[[0, 2]] *= 1e-6
    layer.output_dense.kernel.assign(kernel)
    ChannelPruning("taylor", data=data, scope={"attention": 0.5}).apply(model)
    assert not layer.query_dense.kernel.numpy()[:, [0, 2]].any()
    assert layer.query_dense.kernel.numpy()[:, [1, 3]].all()


def test_a_mapping_gives_heads_and_widths_their_own_ratios(model, data):
    ChannelPruning(scope={"attention": 0.25, "widen": 0.5}).apply(model)
    assert sizes_after_shrink(model, data) == (3, 6)


def test_no_more_heads_than_multiple_of_stay_whole(model, data):
    ChannelPruning(multiple_of=4).apply(model)
    assert sizes_after_shrink(model, data) == (4, 4)


def test_heads_are_selected_by_discrimination(model, data):
    DiscriminationAwareChannelPruning(
        data=data, num_auxiliary_losses=0, samples=16, batch_size=8, stage_steps=2
    ).apply(model)
    assert sizes_after_shrink(model, data) == (2, 6)
