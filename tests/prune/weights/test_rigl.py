"""Connections that move while a model trains: how many, which, when, and what stays."""

import copy

import numpy as np
import pytest
import tensorflow as tf

from tests.prune.interrupt import Interrupt
from tfsparse import PatternPruning, RigL
from tfsparse.prune.callback import Callback
from tfsparse.prune.weights.distribution import erdos_renyi_kernel

ONLY_KERAS_3 = pytest.mark.parametrize("keras", ["keras"], indirect=True)
SPARSE = ("expand", "wide", "classifier")


@pytest.fixture
def make_network(keras):
    """Builds a stem, two more convolutions and a classifier, none of whose units dies."""

    def make(optimizer=None, **options):
        layers = keras.layers
        model = keras.Sequential(
            [
                layers.Input((4, 4, 3)),
                layers.Conv2D(8, 3, padding="same", activation="elu", name="stem"),
                layers.Conv2D(10, 1, activation="elu", name="expand"),
                layers.Conv2D(6, 3, padding="same", name="wide"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, name="classifier"),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), loss, **options)
        return model

    return make


def masks(model, layers=SPARSE):
    return {name: model.get_layer(name).kernel.numpy() != 0 for name in layers}


class Watch(Callback):
    """Records the kernels, as boolean masks, after each step and when a step begins."""

    def __init__(self, layers=SPARSE):
        self.layers = layers
        self.ended = []

    def on_train_batch_end(self, batch, logs=None):
        self.ended.append(masks(self.model, self.layers))

    def moves(self):
        """How many positions of all layers each step has gained."""
        pairs = zip(self.ended, self.ended[1:], strict=False)
        return [sum(int(np.sum(b[n] & ~a[n])) for n in self.layers) for a, b in pairs]

    def counts(self):
        """The numbers of weights that the layers have had."""
        return {name: {int(np.sum(step[name])) for step in self.ended} for name in self.layers}


@pytest.mark.parametrize("distribution", ["erdos_renyi_kernel", "uniform"])
def test_each_layer_keeps_its_number_of_weights(make_network, fit, sparsity, distribution):
    model, watch = make_network(), Watch()
    rigl = RigL(0.7, distribution=distribution, frequency=2)
    history = fit(model, rigl, watch, epochs=4)
    shapes = [tuple(model.get_layer(name).kernel.shape) for name in SPARSE]
    sparsities = [0.7] * 3 if distribution == "uniform" else erdos_renyi_kernel(shapes, 0.7)
    for name, shape, share in zip(SPARSE, shapes, sparsities, strict=True):
        size = int(np.prod(shape))
        assert watch.counts()[name] == {size - round(share * size)}
    assert sparsity(model, "stem") == 0
    assert history.history["sparsity"] == pytest.approx([0.7] * 4, abs=0.005)
    moves = watch.moves()
    assert all(moves[step] > 0 for step in (1, 3, 5))
    assert not any(moves[step] for step in (0, 2, 4))
    assert moves[1] > moves[7] > moves[13]  # the cosine, which ends after step 15
    assert not any(moves[14:])


class Oracle(Watch):
    """Computes the gradients of each step apart, with the weights that it begins with."""

    def __init__(self, data):
        super().__init__()
        self.x, self.y = data
        self.gradients, self.weights, self.begin_slots, self.end_slots = [], [], [], []

    def on_train_batch_begin(self, batch, logs=None):
        batch = slice(8 * batch, 8 * batch + 8)
        with tf.GradientTape() as tape:
            loss = self.model.loss(self.y[batch], self.model(self.x[batch], training=True))
        kernels = [self.model.get_layer(name).kernel for name in SPARSE]
        variables = [k if isinstance(k, tf.Variable) else k.value for k in kernels]
        gradients = tape.gradient(loss, variables)
        self.gradients.append({n: g.numpy() for n, g in zip(SPARSE, gradients, strict=True)})
        self.begin_slots.append(self.slots())

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.weights.append({n: self.model.get_layer(n).kernel.numpy() for n in SPARSE})
        self.end_slots.append(self.slots())

    def slots(self):
        optimizer = self.model.optimizer
        slots = getattr(optimizer, "momentums", getattr(optimizer, "_velocities", []))
        names = [layer.name for layer in self.model.layers for _ in layer.trainable_variables]
        kernels = zip(names[::2], slots[::2], strict=False)  # the others are those of the biases
        return {name: slot.numpy() for name, slot in kernels}


OPTIMIZERS = {
    "momentum": lambda keras: keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=1.0),
    "adam": lambda keras: keras.optimizers.Adam(0.01),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_grows_where_the_gradient_is_largest(keras, make_network, fit, data, optimizer):
    model, oracle = make_network(OPTIMIZERS[optimizer](keras)), Oracle(data)
    # The end is so far that the fraction is as good as constant.
    rigl = RigL(0.5, distribution="uniform", frequency=1, end=10**6)
    with pytest.warns(UserWarning, match="ends at step 1000000"):
        fit(model, rigl, oracle, epochs=1, shuffle=False)
    for step in range(4):
        for name in SPARSE:
            before, after = oracle.ended[step][name], oracle.ended[step + 1][name]
            weights = np.abs(oracle.weights[step][name])
            gradient = np.abs(oracle.gradients[step][name])
            moved = round(0.3 * np.sum(before))
            order = np.argsort(np.where(before, weights, np.inf), axis=None)
            free = ~before
            free.flat[order[:moved]] = True  # what is dropped may grow again at once
            assert np.all(after[~free])
            assert np.sum(after & free) == moved
            least = gradient[after & free].min()
            assert least >= gradient[free & ~after].max() * 0.999
            grown = after & ~before
            assert np.any(grown)
            slots = oracle.end_slots[step][name]
            np.testing.assert_array_equal(
                oracle.begin_slots[step + 1][name], np.where(grown, 0, slots)
            )
            assert np.any(slots[grown])


def test_finds_the_inputs_that_matter(keras):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 40)).astype(np.float32)
    y = x[:, :4] @ np.array([[1.0], [-2.0], [1.5], [-1.0]], np.float32)

    def train(growth):
        layers = keras.layers
        model = keras.Sequential([layers.Input((40,)), layers.Dense(1, name="dense")])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        callback = RigL(0.85, growth=growth, drop_fraction=0.5, seed=1)
        history = model.fit(x, y, batch_size=32, epochs=4, verbose=0, callbacks=[callback])
        return masks(model, ["dense"])["dense"].ravel(), history.history["loss"][-1]

    found, loss = train("gradient")
    assert found[:4].all()
    assert loss < 0.01
    _, static_loss = train(None)
    assert static_loss > 1


@ONLY_KERAS_3
def test_static_masks_never_change(make_network, fit):
    watch = Watch()
    history = fit(make_network(), RigL(0.7, growth=None), watch)
    assert history.history["sparsity"] == pytest.approx([0.7, 0.7], abs=0.005)
    assert set(watch.moves()) == {0}


@ONLY_KERAS_3
def test_random_growth_moves_and_repeats_with_the_seed(keras, make_network, fit):
    def train(seed):
        keras.utils.set_random_seed(0)
        model, watch = make_network(), Watch()
        callback = RigL(0.7, growth="random", frequency=2, seed=seed)
        fit(model, callback, watch, shuffle=False)
        assert watch.moves()[1] > 0
        assert {len(counts) for counts in watch.counts().values()} == {1}
        return watch.ended

    first, again, other = train(0), train(0), train(1)
    for name in SPARSE:
        assert all(np.array_equal(a[name], b[name]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0]["wide"], other[0]["wide"])


@pytest.mark.parametrize(
    "options",
    [{"steps_per_execution": 2}, {"jit_compile": True}, {"run_eagerly": True}],
    ids=lambda options: next(iter(options)),
)
@ONLY_KERAS_3
def test_ways_to_run_a_step(make_network, fit, options):
    watch = Watch()
    fit(make_network(**options), RigL(0.7, frequency=2), watch, epochs=4)
    assert {len(counts) for counts in watch.counts().values()} == {1}
    assert sum(watch.moves()) > 10


def test_mixed_precision_skips_updates_that_are_not_finite(keras, make_network, fit):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model, watch = make_network("adam"), Watch()
    fit(model, RigL(0.7, frequency=1), watch, epochs=4)
    assert {len(counts) for counts in watch.counts().values()} == {1}
    assert sum(watch.moves()) > 10
    assert all(np.all(np.isfinite(w.numpy())) for w in model.trainable_variables)


@ONLY_KERAS_3
def test_gradient_accumulation(keras, make_network, fit):
    model = make_network(keras.optimizers.SGD(0.05, gradient_accumulation_steps=2))
    watch = Watch()
    fit(model, RigL(0.7, frequency=2), watch, epochs=4)
    assert sum(watch.moves()) > 10
    # What has grown leaves zero when the optimizer next applies what it accumulated.
    del watch.ended[::2]
    assert {len(counts) for counts in watch.counts().values()} == {1}


@ONLY_KERAS_3
@pytest.mark.parametrize("growth", ["gradient", "random"])
def test_a_frozen_layer_keeps_its_mask(make_network, fit, growth):
    model, watch = make_network(), Watch()
    model.get_layer("wide").trainable = False
    fit(model, RigL(0.7, growth=growth, distribution="uniform", frequency=1), watch)
    assert all(np.array_equal(s["wide"], watch.ended[0]["wide"]) for s in watch.ended)
    assert sum(watch.moves()) > 0


@ONLY_KERAS_3
def test_a_train_step_with_another_optimizer_is_noticed(keras, make_network, fit):
    class Network(keras.Sequential):
        def train_step(self, data):
            return {"loss": tf.reduce_mean(self(data[0]))}

    layers = keras.layers
    model = Network([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no layer of the scope has a gradient"):
        fit(model, RigL(0.5))
    model.compile(optimizer=None, loss="mse")
    with pytest.raises(ValueError, match=r"model\.optimizer, and there is none"):
        fit(model, RigL(0.5))


@ONLY_KERAS_3
@pytest.mark.parametrize("growth", ["gradient", "random"])
@pytest.mark.parametrize(("block_size", "axis", "size"), [(2, -1, 2), (4, -1, 4), ((1, 4), -2, 4)])
def test_the_channels_of_a_block_move_together(make_network, fit, growth, block_size, axis, size):
    model, watch = make_network(), Watch(("expand", "wide"))
    rigl = RigL(scope={"expand": 0.5, "wide": 0.5}, growth=growth, block_size=block_size)
    fit(model, rigl, watch)
    assert sum(watch.moves()) > 0
    for step in watch.ended:
        for mask in step.values():
            for block in np.split(mask, range(size, mask.shape[axis], size), axis):
                assert np.all(block == block.take([0], axis))


@ONLY_KERAS_3
def test_data_of_unknown_length_moves_from_the_second_epoch_on(make_network, data):
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8).filter(lambda x, y: True)
    model, watch = make_network(), Watch()
    model.fit(dataset, epochs=4, verbose=0, callbacks=[RigL(0.7, frequency=2), watch])
    moves = watch.moves()
    assert not any(moves[:4])
    assert moves[5] > 0
    assert {len(counts) for counts in watch.counts().values()} == {1}


@ONLY_KERAS_3
def test_updates_too_rare_for_the_training_are_noticed(make_network, fit):
    with pytest.warns(UserWarning, match=r"first update would be at step 100.* end at step 8"):
        fit(make_network(), RigL(0.5, frequency=100))


def test_an_interrupted_training_goes_on_with_its_masks(keras, make_network, fit, tmp_path):
    model, watch = make_network(), Watch()
    with pytest.raises(KeyboardInterrupt):
        fit(model, RigL(0.7, frequency=2), watch, Interrupt(2), epochs=4)
    model.save(tmp_path / "half.keras")
    half, rest = keras.models.load_model(tmp_path / "half.keras"), Watch()
    fit(half, RigL(0.7, frequency=2, seed=5), rest, epochs=4, initial_epoch=2)
    for name in SPARSE:
        np.testing.assert_array_equal(rest.ended[0][name], watch.ended[-1][name])
    assert rest.counts() == watch.counts()
    # The update that was due when the training ended comes after the first step.
    assert rest.moves()[0] > 0


def test_the_optimizer_is_left_as_it_was(make_network, fit):
    model = make_network()
    own = set(vars(model.optimizer))
    with pytest.raises(KeyboardInterrupt):
        fit(model, RigL(0.7), Interrupt(1))
    assert "update_step" in vars(model.optimizer)
    fit(model, RigL(0.7))
    assert set(vars(model.optimizer)) - own <= {"momentums", "_built", "_index_dict"}
    assert model.get_layer("wide").kernel.constraint is None


def test_apply_draws_the_masks_that_fit_begins_with(make_network, fit, sparsity):
    rigl = copy.deepcopy(RigL(0.8, seed=3))
    drawn, trained, watch = make_network(), make_network(), Watch()
    assert rigl.apply(drawn) == pytest.approx(0.8, abs=0.005)
    fit(trained, RigL(0.8, seed=3, growth=None), watch, epochs=1)
    for name, mask in masks(drawn).items():
        np.testing.assert_array_equal(watch.ended[0][name], mask)
    assert rigl.apply(drawn) == pytest.approx(0.8, abs=0.005)
    for name, mask in masks(drawn).items():
        np.testing.assert_array_equal(watch.ended[0][name], mask)
    assert sparsity(drawn, "stem") == 0
    with pytest.warns(UserWarning, match="growth=None"):
        fit(drawn)
    assert sparsity(drawn, "wide") == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sparsity": 1.0}, ValueError, r"sparsity to be in \[0, 1\)"),
        ({"growth": "momentum"}, ValueError, "'gradient', 'random' or None.*'momentum'"),
        ({"drop_fraction": 0}, ValueError, r"in \(0, 1\]; growth=None keeps"),
        ({"distribution": "global"}, ValueError, "'erdos_renyi_kernel', 'uniform' or None"),
        ({"scope": {"a": 0.5}, "sparsity": 0.5}, ValueError, "give it alone"),
        ({"scope": "convs"}, ValueError, "'all_but_first'"),
        ({"end": 1.5}, ValueError, r"end to be a fraction of the training in \[0, 1\]"),
        ({"frequency": 0}, ValueError, "frequency to be a positive int"),
        ({"block_size": 3}, ValueError, "block_size to be 1, 2 or 4"),
    ],
)
def test_nonsense_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        RigL(**arguments)


def test_other_layers_may_be_pruned_by_another_method_at_once(make_network, fit, sparsity):
    model, watch = make_network(), Watch(("expand",))
    rigl = RigL(scope={"expand": 0.5}, frequency=2)
    fit(model, PatternPruning(scope=lambda layer: layer.name == "wide"), rigl, watch, epochs=4)
    assert sparsity(model, "expand") == 0.5
    assert sum(watch.moves()) > 0
    assert sparsity(model, "wide") == pytest.approx(5 / 9)
    assert "update_step" not in vars(model.optimizer)
