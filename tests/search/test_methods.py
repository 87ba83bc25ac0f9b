"""Methods of trials: each one's training, and what it serves."""

import numpy as np
import pytest

from tfsparse.search.channel_cuts import cut
from tfsparse.search.measured import Measured
from tfsparse.search.methods import METHODS, checked_methods
from tfsparse.search.preparation import Ruler
from tfsparse.search.training import Data, Settings, Trainer
from tfsparse.search.variants import copy_of, model_of

PLAN = {"wide": 0.75, "narrow": 0.5, "stem": 0.0}


def trained_by(method, trained, teacher=None):
    """A copy, and the model that was trained of it for a few steps."""
    dense, (x, y) = trained
    model = copy_of(dense)
    trainer = Trainer(Data((x, y), (x[:32], y[:32]), 32), dense.optimizer, teacher)
    _, found = trainer.fine_tune(model, PLAN, Settings(learning_rate=0.5), 2, method)
    return model, found


def test_rigl_moves_connections_of_the_largest_weights(trained):
    _, model = trained_by("rigl", trained)
    zeros = {name: model.get_layer(name).kernel.numpy() == 0 for name in ("stem", "wide", "narrow")}
    # A connection that grew last may still be zero.
    assert np.mean(zeros["stem"]) == 0
    assert np.mean(zeros["wide"]) == pytest.approx(0.75, abs=0.02)
    assert np.mean(zeros["narrow"]) == pytest.approx(0.5, abs=0.02)
    first = copy_of(trained[0])
    METHODS["rigl"].begin(first, {"wide": 0.75}, Settings(), (1, 1))
    moved = np.mean(zeros["wide"] != (first.get_layer("wide").kernel.numpy() == 0))
    assert 0 < moved < 0.25


def test_channels_are_those_of_a_smaller_model(trained):
    dense = trained[0]
    model, smaller = trained_by("channels", trained, teacher=dense)
    assert smaller.get_layer("wide").kernel.shape == (1, 1, 16, 8)
    assert smaller.get_layer("head").kernel.shape == (8, 4)
    first = cut(dense, {"wide": 0.75, "narrow": 0.5}).get_layer("wide").kernel
    assert not np.array_equal(smaller.get_layer("wide").kernel, first)
    np.testing.assert_array_equal(model.get_layer("wide").kernel, dense.get_layer("wide").kernel)


def test_sharing_leaves_few_values_in_all_layers_of_the_student(trained):
    _, model = trained_by("sharing", trained, teacher=trained[0])
    for name, sparsity in {"stem": 0, "wide": 0.75, "narrow": 0.5}.items():
        kernel = model.get_layer(name).kernel.numpy()
        assert len(np.unique(kernel)) <= 32
        assert np.mean(kernel == 0) >= sparsity
    assert len(np.unique(model.get_layer("head").kernel.numpy())) > 32


def test_factors_have_the_root_of_the_target_and_count_from_the_dense_model(trained):
    dense = Measured(trained[0])
    factorized = Measured(model_of("factorized", trained[0], 0.64))
    options = {"block_size": (1, 1), "num_threads": 1, "is_here": True, "reference": dense}
    ruler = Ruler(factorized, "macs", **options)
    share = sum(factorized.macs.values()) / sum(dense.macs.values())
    assert 0.5 < share <= 0.8
    assert ruler.dense_share == pytest.approx(1 / share)
    assert ruler.table().dense * ruler.dense_share == pytest.approx(sum(dense.macs.values()))
    assert Ruler(dense, "macs", **options).dense_share == 1


def test_factors_of_too_few_macs_are_refused(trained):
    with pytest.raises(ValueError, match=r"factors of 20 % of the MACs.* Leave it out of methods"):
        model_of("factorized", trained[0], 0.04)


def test_methods_are_names_once():
    assert checked_methods("gradual", "size", "int8") == ("gradual",)
    assert checked_methods(["rigl", "gradual", "rigl"], "macs", "float32") == ("rigl", "gradual")


@pytest.mark.parametrize(
    ("methods", "quantity", "weights", "message"),
    [
        ("luck", "size", "int8", "one or more of gradual, rigl.*Received: 'luck'"),
        ([], "size", "int8", r"Received: \[\]"),
        ("factorize", "size", "float32", "target of size. Received: 'factorize', which serves lat"),
        (["gradual", "sharing"], "latency", "float32", "'sharing', which serves archive"),
        ("sharing", "archive", "int8", "weights int8.*which serves float32.*change the weights"),
    ],
)
def test_methods_that_do_not_serve_the_search_are_refused(methods, quantity, weights, message):
    with pytest.raises(ValueError, match=message):
        checked_methods(methods, quantity, weights)
