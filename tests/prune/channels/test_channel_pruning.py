"""Which channels ChannelPruning cuts, when, and that they stay cut."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.prune.channels.channel_models import residual
from tfsparse import ChannelPruning, GradualPruning
from tfsparse.prune.callback import Callback
from tfsparse.prune.masks import Mask


def cut_channels(model, layer="inside", axis=-1, weight="kernel"):
    """Returns which channels of a layer's weight are zero."""
    values = np.moveaxis(getattr(model.get_layer(layer), weight).numpy(), axis, 0)
    return np.flatnonzero(~values.reshape(len(values), -1).any(axis=1)).tolist()


def train(model, *callbacks, epochs=2, **options):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 40)
    return model.fit(
        x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), **options
    )


def smallest(model, count, layer="inside"):
    kernel = model.get_layer(layer).kernel.numpy()
    return sorted(np.argsort(np.abs(kernel).sum(axis=(0, 1, 2)))[:count].tolist())


def test_apply_cuts_a_channel_in_all_its_places():
    model = residual()
    gone = smallest(model, 4)
    assert ChannelPruning("l1", 0.5).apply(model) == 0.5
    for layer, weight, axis in [
        ("inside", "kernel", -1),
        ("inside_norm", "gamma", 0),
        ("inside_norm", "beta", 0),
        ("depthwise", "kernel", 2),
        ("depthwise_norm", "gamma", 0),
        ("depthwise_norm", "beta", 0),
        ("outside", "kernel", 2),
    ]:
        assert cut_channels(model, layer, axis, weight) == gone, (layer, weight)
    assert cut_channels(model, "classifier", 0) == [
        8 + i for i in smallest(residual(), 3, "branch")
    ]
    assert cut_channels(model, "stem") == cut_channels(model, "outside") == []


def test_scope_all_cuts_what_is_added_from_all_that_is_tied():
    model = residual()
    ChannelPruning("l2", 0.25, scope="all").apply(model)
    gone = cut_channels(model, "stem")
    assert len(gone) == 2
    assert cut_channels(model, "outside") == gone
    assert cut_channels(model, "outside", 0, "bias") == gone
    assert cut_channels(model, "inside", 2) == gone


def test_scope_gives_rates_to_patterns():
    model = residual()
    pruning = ChannelPruning(scope={"in*": 0.5, "branch": 0.25, "stem": 0})
    assert pruning.apply(model) == (4 + 2) / (8 + 6)
    assert len(cut_channels(model, "branch")) == 2  # 1.5, rounded to even
    assert cut_channels(model, "stem") == []


def test_scope_chooses_groups_by_a_function():
    model = residual()
    ChannelPruning(scope=lambda group: group.size == 6).apply(model)
    assert (len(cut_channels(model)), len(cut_channels(model, "branch"))) == (0, 3)


def test_global_distribution_takes_from_the_least_important_group():
    model = residual()
    worth = {"inside": 2.0, "branch": 1.0}
    pruning = ChannelPruning(
        lambda group: worth[group.producers[0].layer.name] + np.arange(group.size) / 100,
        0.5,
        distribution="global",
    )
    assert pruning.apply(model) == 0.5
    assert cut_channels(model, "branch") == [0, 1, 2, 3, 4]  # all but one
    assert cut_channels(model) == [0, 1]


def test_kept_channels_are_a_multiple():
    model = residual()
    ChannelPruning(pruning_ratio=0.3, multiple_of=4).apply(model)
    assert (len(cut_channels(model)), len(cut_channels(model, "branch"))) == (4, 2)


@pytest.mark.parametrize("distribution", ["uniform", "global"])
def test_a_budget_of_macs(distribution):
    model = residual()
    pruning = ChannelPruning(macs=0.6, distribution=distribution)
    pruning.apply(model)
    assert 0.5 < pruning.macs <= 0.6
    graph = tfsparse.graph.trace(model)
    gone = {g: cut_channels(model, g.producers[0].layer.name) for g in graph.groups if not g.frozen}
    assert pruning.macs == graph.macs(gone) / graph.macs()


def test_a_budget_out_of_reach():
    model = residual()
    with pytest.raises(ValueError, match=r"at least 0\.\d+, or \d+: .*Received: 0.010"):
        ChannelPruning(macs=0.01).apply(model)
    assert all(variable.constraint is None for variable in model.trainable_variables)


def test_a_budget_may_be_a_number_of_macs():
    models = [residual() for _ in range(3)]
    total = tfsparse.graph.macs(models[0])
    pruning, same, none = (ChannelPruning(macs=m) for m in (round(0.6 * total), 0.6, 2 * total))
    assert pruning.apply(models[0]) == same.apply(models[1]) > 0
    assert pruning.macs * total <= round(0.6 * total)
    assert none.apply(models[2]) == 0, "as cheap as asked for already"


def test_random_follows_its_seed():
    models = [residual() for _ in range(3)]
    for model, seed in zip(models, [0, 0, 1], strict=True):
        ChannelPruning("random", seed=seed).apply(model)
    cuts = [cut_channels(model) for model in models]
    assert cuts[0] == cuts[1] != cuts[2]


def test_bn_gamma_cuts_the_smallest_scales():
    model = residual()
    scales = sum(
        np.abs(model.get_layer(name).gamma.numpy()) for name in ("inside_norm", "depthwise_norm")
    )
    ChannelPruning("bn_gamma").apply(model)
    assert cut_channels(model) == sorted(np.argsort(scales)[:4].tolist())


def test_a_group_without_a_score_stays_whole():
    model = residual()
    score = lambda g: np.arange(8) if g.size == 8 else None  # noqa: E731
    ChannelPruning(score).apply(model)
    assert (cut_channels(model), cut_channels(model, "branch")) == ([0, 1, 2, 3], [])


class Watch(Callback):
    """Records how many channels are zero after each step, before masks are touched again."""

    def __init__(self):
        self.cuts = []

    def on_train_batch_end(self, batch, logs=None):
        self.cuts.append(len(cut_channels(self.model)))


def test_fit_cuts_at_a_position_and_trains_on():
    model = residual()
    watch = Watch()
    history = train(model, watch, ChannelPruning(begin=0.5)).history
    assert watch.cuts == [0, 0, 0, 0, 0, 4, 4, 4, 4, 4]
    assert history["pruning_ratio"] == [0.5, 0.5]  # the first epoch ends with the cut
    assert history["macs"][-1] < 0.65
    assert all(v.constraint is None for v in model.trainable_variables)

    # A channel that is zero everywhere gets no gradient: it needs no masks to stay so.
    train(model, watch, epochs=1)
    assert watch.cuts[10:] == [4] * 5


class Constrained(Callback):
    """Records which layers have a constraint while a model trains."""

    def on_train_batch_end(self, batch, logs=None):
        self.found = {
            layer.name
            for layer in self.model.layers
            if any(variable.constraint is not None for variable in layer.trainable_variables)
        }


def test_a_train_step_masks_only_what_reads_a_channel():
    model, constrained = residual(), Constrained()
    train(model, ChannelPruning(begin=0.5), constrained)
    assert constrained.found == {"outside", "classifier"}


def test_channels_stay_cut_where_an_activation_makes_something_of_zeros():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((4, 4, 3)),
            layers.Conv2D(8, 3, name="inside", kernel_regularizer="l1l2"),
            layers.BatchNormalization(name="inside_norm", gamma_regularizer="l2"),
            layers.Activation("sigmoid"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="classifier"),
        ]
    )
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=0.1)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    watch = Watch()
    train(model, watch, ChannelPruning("l1", begin=0.5))
    assert watch.cuts == [0, 0, 0, 0, 0, 4, 4, 4, 4, 4]
    assert len(cut_channels(model, "inside_norm", 0, "beta")) == 4
    assert len(cut_channels(model, "classifier", 0)) == 4


@pytest.mark.parametrize(
    "options",
    [{"steps_per_execution": 2}, {"jit_compile": True}, {"run_eagerly": True}],
    ids=lambda options: next(iter(options)),
)
def test_ways_to_run_a_step(options):
    model = residual(compiled=False)
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    train(model, ChannelPruning(begin=0.5), GradualPruning(0.5, frequency=1))
    assert len(cut_channels(model)) == 4
    assert cut_channels(model) == cut_channels(model, "inside_norm", 0, "gamma")


def test_mixed_precision():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = residual()
    finally:
        keras.mixed_precision.set_global_policy(before)
    history = train(model, ChannelPruning("bn_gamma", begin=0.5)).history
    assert len(cut_channels(model)) == 4
    assert np.isfinite(history["loss"]).all()


def test_fit_cuts_little_by_little_beside_gradual_pruning():
    model = residual()
    watch = Watch()
    gradual = GradualPruning(0.75, scope="all", frequency=1)
    train(model, watch, ChannelPruning("random", begin=0.0, end=0.8), gradual, epochs=2)
    assert watch.cuts == sorted(watch.cuts)
    assert len(set(watch.cuts)) > 2
    assert watch.cuts[-1] == 4
    # Half of the channels are cut, and half of the weights of the others are pruned.
    kernel = model.get_layer("inside").kernel.numpy()
    kept = kernel[..., kernel.any(axis=(0, 1, 2))]
    assert kept.shape[-1] == 4
    assert np.mean(kept == 0) == pytest.approx(0.5, abs=0.02)
    assert all(v.constraint is None for v in model.trainable_variables)


class Scales(Callback):
    """Records the sum of the scales behind a layer when an epoch begins."""

    def __init__(self):
        self.sums = []

    def on_epoch_begin(self, epoch, logs=None):
        self.sums.append(self.model.get_layer("inside_norm").gamma.numpy().sum())


def test_the_l1_term_shrinks_scales_until_the_cut():
    losses, sums = {}, {}
    for strength in 0.0, 0.05:
        model, scales = residual(), Scales()
        pruning = ChannelPruning("bn_gamma", gamma_l1=strength, begin=0.5)
        losses[strength] = train(model, scales, pruning).history["loss"]
        sums[strength] = scales.sums[1]
        assert model.get_layer("inside_norm").gamma.regularizer is None
    assert sums[0.05] < sums[0.0]
    assert losses[0.05][0] > losses[0.0][0] + 0.5
    assert losses[0.05][1] < losses[0.0][1] + 0.5  # the term is gone


class CountedBatches:
    """Batches of inputs and labels, and how often all of them were read."""

    def __init__(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(16, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 16)
        self.batches = [(x[:8], y[:8]), (x[8:], y[8:])]
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        return iter(self.batches)


@pytest.mark.parametrize(
    ("when", "cuts"), [({}, 1), ({"begin": 3}, 1), ({"begin": 0, "end": 4}, 4)], ids=str
)
def test_taylor_in_fit_measures_once_a_cut(when, cuts):
    model, data = residual(), CountedBatches()
    train(model, ChannelPruning("taylor", data=data, **when), epochs=2)
    assert len(cut_channels(model)) == 4
    assert data.passes == cuts


def test_shrink_removes_what_was_cut_and_a_resumed_fit_cuts_no_more():
    model = residual()
    pruning = ChannelPruning("random", macs=0.6, scope="all")
    train(model, pruning, epochs=1)
    smaller = tfsparse.shrink(model)
    x = np.random.default_rng(1).normal(size=(5, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(smaller(x), model(x), atol=1e-6)
    before, after = (tfsparse.graph.macs(m) for m in (model, smaller))
    assert after / before == pruning.macs

    resumed = residual(seed=1)
    resumed.set_weights(model.get_weights())
    again = ChannelPruning("random", macs=0.6, scope="all", seed=7)
    train(resumed, again, epochs=2, initial_epoch=1)
    assert again.macs == pruning.macs
    assert cut_channels(resumed) == cut_channels(model)


def test_masks_of_two_kinds_hold_beside_each_other():
    variable = keras.Variable(np.ones((2, 2), np.float32))
    strategy = tf.distribute.get_strategy()
    weights, channels = Mask(variable, strategy), Mask(variable, strategy, kind="channels")
    weights.attach()
    channels.attach()
    weights.assign([[1, 0], [1, 1]])
    channels.assign([[1, 1], [0, 0]])
    held = lambda: variable.constraint(np.ones((2, 2), np.float32)).numpy().tolist()  # noqa: E731
    assert held() == [[1, 0], [0, 0]]
    Mask(variable, strategy).attach()
    assert held() == [[1, 1], [0, 0]]
    channels.detach()
    assert held() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"importance": "l3"}, ValueError, "one of l1, l2, bn_gamma, taylor, random"),
        ({"pruning_ratio": 1.0}, ValueError, "pruning_ratio to be in"),
        ({"pruning_ratio": "half"}, TypeError, "pruning_ratio to be a float"),
        ({"macs": 0}, ValueError, "macs to be what may remain"),
        ({"macs": 1.0}, ValueError, "macs to be what may remain"),
        ({"macs": "half"}, TypeError, "macs to be a float or an int"),
        ({"pruning_ratio": 0.5, "macs": 0.5}, ValueError, "Give one of pruning_ratio"),
        ({"pruning_ratio": 0.5, "scope": {"conv*": 0.5}}, ValueError, "Give one of pruning_ratio"),
        ({"scope": "outer"}, ValueError, "'inner', 'all'"),
        ({"scope": {"conv*": 0.0}}, ValueError, "a pruning ratio above 0"),
        ({"distribution": "even"}, ValueError, "'uniform' or 'global'"),
        ({"distribution": "global", "scope": {"conv*": 0.5}}, ValueError, "Give one of the two"),
        ({"multiple_of": 0}, ValueError, "positive int"),
        ({"begin": 2.0}, ValueError, "begin to be"),
        ({"begin": 0.5, "end": 0.2}, ValueError, "at or before end"),
        ({"gamma_l1": 1e-4}, ValueError, "L1 term of importance='bn_gamma'"),
        ({"data": np.ones(3)}, TypeError, r"a tuple \(x, y\)"),
    ],
)
def test_nonsense_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        ChannelPruning(**options)


def test_what_a_model_does_not_have_is_refused():
    model = residual()
    with pytest.raises(ValueError, match=r"matches no layer.*Did you mean 'inside'"):
        ChannelPruning(scope={"insides": 0.5}).apply(model)
    with pytest.raises(ValueError, match="matches no group"):
        ChannelPruning(scope=lambda group: False).apply(model)
    with pytest.raises(ValueError, match="8 finite scores"):
        ChannelPruning(lambda group: np.ones(3)).apply(model)
    with pytest.raises(ValueError, match=r"Give it as data=\(x, y\)"):
        ChannelPruning("taylor").apply(model)
    endless = tf.data.Dataset.from_tensors((np.ones(1), np.ones(1))).repeat()
    with pytest.raises(ValueError, match=r"Give data\.take\(batches\)"):
        ChannelPruning("taylor", data=endless).apply(model)
    with pytest.raises(ValueError, match=r"Call model\.compile first"):
        ChannelPruning("taylor", data=(np.ones(1), np.ones(1))).apply(residual(compiled=False))
