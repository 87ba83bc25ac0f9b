"""How discrimination-aware channel pruning chooses, and what it leaves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfsparse
from tests.prune.channels.channel_models import residual
from tfsparse import DiscriminationAwareChannelPruning
from tfsparse.prune.channels.dcp.auxiliary_losses import Head, evenly_spaced, forward
from tfsparse.prune.channels.dcp.selection import Selection
from tfsparse.prune.channels.dcp.stages import make_stages
from tfsparse.zoo import architectures

# As little work as shows that each part is done.
QUICK = {"num_auxiliary_losses": 1, "samples": 16, "batch_size": 8, "stage_steps": 2}


@pytest.fixture
def data():
    """24 pictures and labels: 3 batches of 8."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(24, 4, 4, 3)).astype(np.float32), rng.integers(0, 3, 24)


def cut_channels(model, layer="inside"):
    return np.flatnonzero(~model.get_layer(layer).kernel.numpy().any(axis=(0, 1, 2))).tolist()


def test_losses_are_evenly_spaced_behind_residual_blocks():
    model = architectures.cifar_resnet(keras.Input((32, 32, 3)), depth=20)
    program = tfsparse.graph.trace(model).program
    # Of 22 layers with a kernel, behind the 5th, the 12th (as near as the 10th) and the 17th.
    assert [program.calls[i].operation.name for i in evenly_spaced(program, 3)] == [
        "stage1_block2_relu",
        "stage2_block2_relu",
        "stage3_block1_relu",
    ]
    assert len(evenly_spaced(program, 50)) == 10  # behind the stem and nine blocks
    assert evenly_spaced(program, 0) == []


def test_a_group_belongs_to_the_first_loss_behind_all_that_reads_it():
    graph = tfsparse.graph.trace(residual())
    groups = [group for group in graph.groups if not group.frozen]
    stages = make_stages(graph.program, groups, num_auxiliary_losses=1)
    # The branch reads the residual block too, and the classifier all.
    assert [[g.producers[0].layer.name for g in stage.groups] for stage in stages] == [
        ["inside"],
        ["stem", "branch"],
    ]


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 2, 4)])
def test_a_head_ends_as_the_model_does(shape):
    model = keras.Sequential(
        [
            layers.Input(shape),
            layers.Dense(5),
            layers.Flatten(),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    program = tfsparse.graph.trace(model).program
    head = Head(program, 0)
    x = np.ones((2, *shape), np.float32)
    *_, kernel, bias = head.variables
    kernel.assign(0 * kernel)
    assert kernel.shape == (5, 3)
    bias.assign(np.log([0.2, 0.3, 0.5]))
    loss = head.loss(model, forward(program, x, 0), x, np.array([1, 2]))
    assert float(loss) == pytest.approx(-np.log([0.3, 0.5]).mean(), rel=1e-5)


@pytest.fixture
def plain():
    """A model of two convolutions, and a function that makes the `Selection` of what is between."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((4, 4, 3)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.Conv2D(5, 1, bias_initializer="normal", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    graph = tfsparse.graph.trace(model)
    group = next(group for group in graph.groups if group.producers[0].layer.name == "first")
    (stage,) = make_stages(graph.program, [group], num_auxiliary_losses=0)

    def select(measured, auxiliary_weight, learning_rate):
        return group, Selection(
            model, graph.program, stage, measured, auxiliary_weight, learning_rate
        )

    return model, select


def norms_of(model, kernel, batches, auxiliary_weight):
    """Computes, with nothing of tfsparse, the gradient norms of the input channels of `second`."""
    first, second, *rest = model.layers
    gradients = []
    for x, y in batches:
        read = first(x)
        with tf.GradientTape() as tape:
            outputs = second(read)
            expected = tf.nn.conv2d(read, kernel, 1, "VALID") + second.bias
            loss = tf.reduce_mean((outputs - expected) ** 2) / 2
            for layer in rest:
                outputs = layer(outputs)
            entropy = keras.losses.sparse_categorical_crossentropy(y, outputs)
            loss += auxiliary_weight * tf.reduce_mean(entropy)
        gradients.append(tape.gradient(loss, second.kernel.value).numpy())
    return np.sqrt((np.mean(gradients, axis=0) ** 2).sum(axis=(0, 1, 3)))


@pytest.mark.parametrize("auxiliary_weight", [0.0, 1.0, 30.0])
def test_channels_are_added_by_the_norm_of_the_gradient(plain, data, auxiliary_weight):
    model, select = plain
    x, y = data
    batches = [(x[:12], y[:12]), (x[12:], y[12:])]
    kernel = model.get_layer("second").kernel
    trained = kernel.numpy()
    group, selection = select(batches, auxiliary_weight, learning_rate=0.0)
    chosen, _ = selection.choose(group, np.arange(6), 4, 1, lambda: batches)

    expected, masked = [], np.zeros_like(trained)
    for _ in range(4):
        kernel.assign(masked)
        norms = norms_of(model, trained, batches, auxiliary_weight)
        np.testing.assert_allclose(selection.measure(group)[1], norms, rtol=1e-4)
        norms[expected] = -1
        expected.append(int(norms.argmax()))
        masked[:, :, expected] = trained[:, :, expected]
    assert chosen.tolist() == expected


def test_the_loss_of_classes_matters_to_the_choice(plain, data):
    model, select = plain
    norms = []
    for auxiliary_weight in 0.0, 1.0:
        group, selection = select([data], auxiliary_weight, 0.0)
        model.get_layer("second").kernel.assign(np.zeros((1, 1, 6, 5)))
        norms.append(selection.measure(group)[1])
    assert np.abs(norms[0] - norms[1]).max() > 0.1 * norms[0].max()


def test_chosen_channels_are_adapted_and_the_others_zero(plain, data):
    model, select = plain
    kernel = model.get_layer("second").kernel
    kernel.constraint = keras.constraints.NonNeg()
    trained = kernel.numpy()
    group, selection = select([data], 1.0, learning_rate=0.1)
    losses = []

    def batches():
        losses.append(selection.measure(group)[0])
        return [data] * 3

    chosen, loss = selection.choose(group, np.array([0, 2, 3, 5]), 3, 2, batches)
    assert len(losses) == 2  # two channels, then one
    assert loss < losses[-1]
    assert set(chosen.tolist()) < {0, 2, 3, 5}
    changed = (kernel.numpy() != trained).any(axis=(0, 1, 3))
    assert np.flatnonzero(kernel.numpy().any(axis=(0, 1, 3))).tolist() == sorted(chosen.tolist())
    assert changed.all()
    assert (kernel.numpy() >= 0).all()


@pytest.mark.parametrize(("tolerance", "kept"), [(0.0, 6), (1e6, 2)])
def test_the_choice_ends_when_the_loss_settles(plain, data, tolerance, kept):
    group, selection = plain[1]([data], 1.0, 0.01)
    chosen, _ = selection.choose(group, np.arange(6), 6, 2, lambda: [data], tolerance)
    assert len(chosen) == kept


def test_an_exception_leaves_the_weights_as_they_were(plain, data):
    model, select = plain
    before = model.get_weights()
    group, selection = select([data], 1.0, 0.01)

    def interrupted():
        yield data
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        selection.choose(group, np.arange(6), 4, 1, interrupted)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fit_prunes_before_a_batch_and_trains_on(data):
    model = residual()
    names = [variable.path for variable in model.variables]
    pruning = DiscriminationAwareChannelPruning(0.5, data=data, begin=3, **QUICK)
    x, y = data
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[pruning]).history
    assert (len(cut_channels(model)), len(cut_channels(model, "branch"))) == (4, 3)
    assert cut_channels(model, "stem") == cut_channels(model, "outside") == []
    assert history["pruning_ratio"] == [0.5, 0.5]
    assert [variable.path for variable in model.variables] == names
    assert all(variable.constraint is None for variable in model.variables)
    smaller = tfsparse.shrink(model)
    assert smaller.get_layer("inside").filters == 4
    np.testing.assert_allclose(smaller(x), model(x), atol=1e-6)

    # What is done is not done again.
    weights = model.get_weights()
    pruning.apply(model)
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_apply_keeps_a_budget_with_logits_and_one_hot_labels(data, capfd):
    x, y = data
    model = residual()
    model.layers[-1].activation = keras.activations.linear
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    batches = tf.data.Dataset.from_tensor_slices((x, np.eye(3)[y])).batch(8)
    options = QUICK | {"stage_steps": 0, "channels_per_step": 2}
    pruning = DiscriminationAwareChannelPruning(
        macs=0.7, data=batches, multiple_of=2, verbose=1, **options
    )
    pruning_ratio = pruning.apply(model)
    assert 0.5 < pruning.macs <= 0.7
    cuts = [cut_channels(model, name) for name in ("inside", "branch")]
    assert pruning_ratio == sum(map(len, cuts)) / 14
    assert all(len(cut) % 2 == 0 for cut in cuts)
    assert "2/2" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"pruning_ratio": 1.0}, ValueError, "pruning_ratio to be in"),
        ({"pruning_ratio": 0.5, "macs": 0.5}, ValueError, "Give one of pruning_ratio"),
        ({"pruning_ratio": 0.5, "tolerance": 0.001}, ValueError, "Give one of tolerance"),
        ({"multiple_of": 4, "tolerance": 0.001}, ValueError, "multiple_of cannot"),
        ({"tolerance": -1}, ValueError, "tolerance to be a float of at least 0"),
        ({"auxiliary_weight": None}, TypeError, "auxiliary_weight to be"),
        ({"channels_per_step": 0}, ValueError, "channels_per_step to be a fraction"),
        ({"channels_per_step": 1.5}, ValueError, "channels_per_step to be a fraction"),
        (
            {"num_auxiliary_losses": -1},
            ValueError,
            "num_auxiliary_losses to be an int of at least 0",
        ),
        ({"samples": 0}, ValueError, "samples to be a positive int"),
        ({"data": "cifar10"}, TypeError, r"a tuple \(x, y\)"),
        ({"scope": "outer"}, ValueError, "'inner', 'all'"),
    ],
)
def test_nonsense_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        DiscriminationAwareChannelPruning(**options)


def test_what_a_model_does_not_have_is_refused(data):
    pruning = DiscriminationAwareChannelPruning(data=data)
    with pytest.raises(ValueError, match=r"Give it as data=\(x, y\)"):
        DiscriminationAwareChannelPruning().apply(residual())
    with pytest.raises(ValueError, match=r"Call model\.compile first"):
        pruning.apply(residual(compiled=False))
    model = residual()
    maps = keras.Model(model.inputs, model.get_layer("add").output)
    maps.compile("sgd", "mse")
    with pytest.raises(ValueError, match="one output of shape"):
        pruning.apply(maps)
    with pytest.raises(ValueError, match="read more than once"):
        DiscriminationAwareChannelPruning(data=[]).apply(model)
