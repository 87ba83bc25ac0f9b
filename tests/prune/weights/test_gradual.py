"""What a pruned training does: sparsity over time, in every way of running it."""

import copy
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ConstantSparsity, GradualPruning, PolynomialDecay, RigL
from tfsparse.prune.callback import Callback

# What follows from our own code alone is shown on one of the two packages, to save time.
ONLY_KERAS_3 = pytest.mark.parametrize("keras", ["keras"], indirect=True)


class Watch(Callback):
    """Records, before masks are touched again, whether each train step left its zeros alone."""

    def __init__(self, pruning, layers=("expand", "project")):
        self.pruning = pruning
        self.layers = layers
        self.violations = []
        self.sparsities = []

    def on_train_batch_end(self, batch, logs=None):
        kernels = [self.model.get_layer(name).kernel.numpy() for name in self.layers]
        zeros = sum(np.sum(k == 0) for k in kernels) / sum(k.size for k in kernels)
        self.sparsities.append(self.pruning.sparsity)
        if not math.isclose(zeros, self.pruning.sparsity):
            self.violations.append((batch, zeros, self.pruning.sparsity))


def test_five_lines(make_model, fit, sparsity):
    model = make_model()
    history = fit(model, GradualPruning(final_sparsity=0.8), epochs=4)
    assert sparsity(model, "expand") == 0.8
    assert sparsity(model, "project") == 0.8
    assert sparsity(model, "stem") == sparsity(model, "classifier") == 0
    assert history.history["sparsity"] == pytest.approx([0.39, 0.75, 0.8, 0.8], abs=0.02)


OPTIMIZERS = {
    "adam": lambda keras: keras.optimizers.Adam(0.01),
    "adamw": lambda keras: keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=1.0),
    "momentum": lambda keras: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
    "ema": lambda keras: keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=2),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_step_of_every_optimizer_leaves_zeros_alone(
    keras, make_model, fit, sparsity, optimizer
):
    model = make_model(OPTIMIZERS[optimizer](keras))
    pruning = GradualPruning(0.5, frequency=1)
    watch = Watch(pruning)
    fit(model, watch, pruning)
    assert watch.violations == []
    assert sparsity(model, "expand") == sparsity(model, "project") == 0.5


@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_legacy_optimizers_of_tf_keras(fit, sparsity, optimizer):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(8, name="wide"), layers.Dense(3)]
    )
    model.compile(getattr(tf_keras.optimizers.legacy, optimizer)(), "mse")
    pruning = GradualPruning(scope={"wide": 0.5})
    watch = Watch(pruning, ["wide"])
    fit(model, watch, pruning)
    assert watch.violations == []
    assert sparsity(model, "wide") == 0.5


def test_gradient_accumulation(fit, sparsity):
    import keras

    layers = keras.layers
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(3, name="d")])
    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=2)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    pruning = GradualPruning(scope={"d": 0.5})
    watch = Watch(pruning, ["d"])
    fit(model, watch, pruning)
    assert watch.violations == []
    assert sparsity(model, "d") == 0.5


def test_a_moving_average_that_ends_the_training_keeps_the_zeros(keras, make_model, fit, sparsity):
    model = make_model(keras.optimizers.SGD(0.1, use_ema=True))
    fit(model, GradualPruning(0.5))
    assert sparsity(model, "project") == 0.5


def test_mixed_precision(keras, make_model, fit, sparsity):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = make_model()
    pruning = GradualPruning(0.5, frequency=1)
    watch = Watch(pruning)
    fit(model, watch, pruning)
    assert watch.violations == []
    assert sparsity(model, "project") == 0.5
    assert model.get_layer("project").kernel.numpy().dtype == np.float32


@pytest.mark.parametrize(
    "options",
    [{"steps_per_execution": 3}, {"jit_compile": True}, {"run_eagerly": True}],
    ids=lambda options: next(iter(options)),
)
def test_ways_to_run_a_step(make_model, fit, sparsity, options):
    model = make_model(**options)
    pruning = GradualPruning(0.5, frequency=1)
    watch = Watch(pruning)
    fit(model, watch, pruning, epochs=4)
    assert watch.violations == []
    assert len(set(watch.sparsities)) >= 4  # Keras 3.1 hides an execution that is cut short
    assert sparsity(model, "project") == 0.5


def test_a_model_that_was_trained_before_is_pruned_inside_its_steps_too(make_model, fit):
    model = make_model()
    fit(model, epochs=1)
    pruning = GradualPruning(0.5, frequency=1)
    watch = Watch(pruning)
    fit(model, watch, pruning)
    assert watch.violations == []
    assert max(watch.sparsities) == 0.5


def test_a_train_step_of_ones_own(keras, data):
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.dense = keras.layers.Dense(3, name="dense")
            self.mine = keras.optimizers.SGD(0.1)

        def call(self, x):
            return self.dense(self.flatten(x))

        def train_step(self, data):
            x, _ = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - 1) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.mine.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Network()
    model.compile()
    model(data[0][:1])
    pruning = GradualPruning(0.5, scope="all")
    history = model.fit(*data, batch_size=8, epochs=4, verbose=0, callbacks=[pruning])
    assert history.history["sparsity"][-1] == 0.5
    assert np.mean(model.dense.kernel.numpy() == 0) == 0.5


@ONLY_KERAS_3
def test_a_training_of_one_step_reaches_the_sparsity(make_model, fit, sparsity):
    model = make_model()
    history = fit(model, GradualPruning(0.8), epochs=1, steps_per_epoch=1)
    assert history.history["sparsity"] == [0.8]
    assert sparsity(model, "project") == 0.8


def test_the_last_update_precedes_the_last_validation(make_model, fit, data):
    class Validation(Callback):
        def on_test_end(self, logs=None):
            self.zeros = np.mean(self.model.get_layer("project").kernel.numpy() == 0)

    model, seen = make_model(), Validation()
    schedule = PolynomialDecay(0.8, begin=0.5, end=1.0)
    fit(model, GradualPruning(schedule=schedule), seen, validation_data=data)
    assert seen.zeros == 0.8


@ONLY_KERAS_3
def test_fine_tuning_follows_the_schedule(make_model, fit):
    pruning = GradualPruning(0.8, frequency=1)
    watch = Watch(pruning)
    fit(make_model(), watch, pruning, epochs=4)
    assert watch.sparsities[8] < 0.8
    assert watch.sparsities[15:] == [0.8] * 5


def batches_without_length(data):
    """A dataset that cannot say how many batches it has: 5, then the end."""
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8)
    return dataset.filter(lambda x, y: True)


def test_data_of_unknown_length_shows_it_in_the_first_epoch(make_model, data):
    model = make_model()
    history = model.fit(
        batches_without_length(data), epochs=4, verbose=0, callbacks=[GradualPruning(0.8)]
    )
    assert history.history["sparsity"] == pytest.approx([0.39, 0.75, 0.8, 0.8], abs=0.02)


@ONLY_KERAS_3
def test_data_of_unknown_length_for_one_epoch_needs_steps(make_model, data):
    model, dataset = make_model(), batches_without_length(data)
    with pytest.raises(ValueError, match=r"Pass steps_per_epoch to fit, or .* steps"):
        model.fit(dataset, verbose=0, callbacks=[GradualPruning(0.8)])
    schedule = PolynomialDecay(0.8, begin=0, end=3)
    history = model.fit(dataset, verbose=0, callbacks=[GradualPruning(schedule=schedule)])
    assert history.history["sparsity"] == [0.8]


@ONLY_KERAS_3
def test_steps_count_over_several_fits(make_model, fit):
    model = make_model()
    pruning = GradualPruning(schedule=PolynomialDecay(0.8, begin=5, end=15))
    with pytest.warns(UserWarning, match="ends at step 15, after the last step of this fit"):
        first = fit(model, pruning, epochs=2).history["sparsity"]
    assert fit(model, pruning, epochs=1).history["sparsity"] == [0.8]
    assert first == pytest.approx([0, 0.63], abs=0.02)


@ONLY_KERAS_3
def test_fractions_are_of_each_fit(make_model, fit):
    model = make_model()
    fit(model, epochs=3)
    history = fit(model, GradualPruning(0.8), epochs=4).history
    assert history["sparsity"] == pytest.approx([0.39, 0.75, 0.8, 0.8], abs=0.02)


@ONLY_KERAS_3
def test_initial_epoch_enters_the_schedule_where_it_belongs(make_model, fit):
    history = fit(make_model(), GradualPruning(0.8), epochs=4, initial_epoch=1).history
    assert history["sparsity"] == pytest.approx([0.75, 0.8, 0.8], abs=0.02)


@ONLY_KERAS_3
def test_stopping_early_does_not_prune_the_rest_at_once(make_model, fit, sparsity):
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 0

    model = make_model()
    fit(model, Stop(), GradualPruning(0.8), epochs=4)
    assert sparsity(model, "expand") == pytest.approx(0.39, abs=0.02)


@ONLY_KERAS_3
def test_a_later_fit_without_the_callback_lets_weights_grow_and_constant_keeps_them(
    make_model, fit, sparsity
):
    model = make_model("adam")
    fit(model, GradualPruning(0.8))
    before = model.get_layer("project").kernel.numpy() != 0
    fit(model, GradualPruning(schedule=ConstantSparsity(0.8)))
    np.testing.assert_array_equal(model.get_layer("project").kernel.numpy() != 0, before)
    with pytest.warns(UserWarning, match=r"ConstantSparsity\(0\.8\)"):
        fit(model)
    assert sparsity(model, "project") == 0


@ONLY_KERAS_3
def test_a_mapping_gives_each_layer_its_sparsity(make_model, fit, sparsity):
    model = make_model()
    scope = {"expand": 0.5, "project": 0.9, "class*": 0.25}
    history = fit(model, GradualPruning(scope=scope), epochs=4)
    sizes = {name: model.get_layer(name).kernel.numpy().size for name in ("expand", "project")}
    assert sparsity(model, "expand") == 0.5
    assert sparsity(model, "project") == round(0.9 * sizes["project"]) / sizes["project"]
    assert sparsity(model, "classifier") == pytest.approx(0.25, abs=0.03)
    assert history.history["sparsity"][0] < history.history["sparsity"][-1]


@ONLY_KERAS_3
def test_a_global_distribution_has_the_sparsity_in_total(make_model, fit):
    model = make_model()
    expand = model.get_layer("expand").kernel
    expand.assign(expand.numpy() * 10)
    fit(model, GradualPruning(0.5, scope="all", distribution="global"))
    kernels = [model.get_layer(n).kernel.numpy() for n in ("stem", "expand", "project")]
    kernels.append(model.get_layer("classifier").kernel.numpy())
    total = sum(k.size for k in kernels)
    assert sum(np.sum(k == 0) for k in kernels) == round(0.5 * total)
    assert np.mean(kernels[1] == 0) < np.mean(kernels[0] == 0)


@ONLY_KERAS_3
def test_an_erdos_renyi_distribution_is_that_of_rigl(make_model, fit, sparsity):
    names = "stem", "expand", "project", "classifier"
    options = {"scope": "all", "distribution": "erdos_renyi_kernel"}
    gradual, rigl = make_model(), make_model()
    history = fit(gradual, GradualPruning(0.6, **options), epochs=4).history
    fit(rigl, RigL(0.6, growth=None, **options))
    shares = [sparsity(gradual, name) for name in names]
    assert shares == [sparsity(rigl, name) for name in names]
    assert shares[0] > shares[1] > 0, "the largest layer has most zeros"
    assert history["sparsity"][-1] == pytest.approx(0.6, abs=0.01)
    assert history["sparsity"][0] < 0.6


@ONLY_KERAS_3
@pytest.mark.parametrize("block_size", [2, 4])
def test_blocks_of_output_channels_share_a_pattern(make_model, fit, block_size):
    model = make_model()
    fit(model, GradualPruning(0.5, block_size=block_size))
    for name in ("expand", "project"):
        zero = model.get_layer(name).kernel.numpy() == 0
        assert 0.4 < zero.mean() < 0.6
        for first in range(0, zero.shape[-1], block_size):
            block = zero[..., first : first + block_size]
            assert np.all(block == block[..., :1])


@ONLY_KERAS_3
def test_blocks_of_input_channels_share_a_pattern(make_model, fit):
    model = make_model()
    fit(model, GradualPruning(0.5, scope="all", block_size=(1, 4)))
    for name in ("stem", "expand", "project", "classifier"):  # 3, 8, 10 and 6 input channels
        zero = model.get_layer(name).kernel.numpy() == 0
        assert 0.4 < zero.mean() < 0.6
        for first in range(0, zero.shape[-2], 4):
            block = zero[..., first : first + 4, :]
            assert np.all(block == block[..., :1, :])


def test_the_config_has_both_sizes_of_a_block():
    assert GradualPruning(block_size=4).get_config()["block_size"] == (4, 1)
    as_json = json.loads(json.dumps(GradualPruning(block_size=(1, 4)).get_config()["block_size"]))
    assert GradualPruning(block_size=as_json).block_size == (1, 4)


@ONLY_KERAS_3
@pytest.mark.parametrize("kind", ["PolynomialDecay", "ConstantSparsity"])
def test_schedules_of_tfmot(make_model, fit, kind):
    tfmot = pytest.importorskip("tensorflow_model_optimization").sparsity.keras
    arguments = {
        "PolynomialDecay": {"initial_sparsity": 0.25, "final_sparsity": 0.5, "end_step": 9},
        "ConstantSparsity": {"target_sparsity": 0.5},
    }[kind]
    schedule = getattr(tfmot, kind)(begin_step=3, frequency=2, **arguments)
    pruning = GradualPruning(schedule=schedule)
    watch = Watch(pruning)
    fit(make_model(), watch, pruning)
    first = arguments.get("initial_sparsity", 0.5)
    assert watch.sparsities[:5] == pytest.approx([0, 0, 0, first, first], abs=0.01)
    assert pruning.sparsity == 0.5


def test_one_callback_serves_both_keras_packages_and_copies(fit, data):
    import keras
    import tf_keras

    pruning = copy.deepcopy(GradualPruning(0.5, scope="all"))
    for package in (keras, tf_keras):
        layers = package.layers
        model = package.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(3)])
        model.compile("sgd", "sparse_categorical_crossentropy")
        assert fit(model, pruning).history["sparsity"][-1] == 0.5
        model.evaluate(*data, verbose=0, callbacks=[pruning])


@ONLY_KERAS_3
def test_a_frozen_layer_is_pruned_as_well(make_model, fit, sparsity):
    model = make_model(compiled=False)
    model.get_layer("expand").trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    fit(model, GradualPruning(0.5))
    assert sparsity(model, "expand") == 0.5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"final_sparsity": 1.0}, ValueError, r"final_sparsity to be in \[0, 1\)"),
        ({"final_sparsity": PolynomialDecay(0.5)}, TypeError, "final_sparsity to be a float"),
        ({"schedule": 0.8}, TypeError, "schedule to be a PolynomialDecay.*0.8"),
        ({"schedule": PolynomialDecay}, TypeError, "schedule to be a PolynomialDecay"),
        ({"schedule": ConstantSparsity(0.5), "final_sparsity": 0.5}, ValueError, "its own"),
        ({"schedule": ConstantSparsity(0.5), "frequency": 10}, ValueError, "its own"),
        ({"scope": {"a": 0.5}, "final_sparsity": 0.5}, ValueError, "says it for each layer"),
        ({"scope": {"a": 0.5}, "distribution": "global"}, ValueError, "Give one of the two"),
        ({"scope": {"a": 0.5}, "schedule": lambda step: (True, 0.5)}, ValueError, "above 0"),
        ({"scope": "convs"}, ValueError, "scope to be 'pointwise', '3x3', 'all_but_first', 'all'"),
        (
            {"schedule": lambda step: (True, 0.5), "distribution": "erdos_renyi_kernel"},
            ValueError,
            "above 0",
        ),
        ({"distribution": "erk"}, ValueError, "'uniform', 'global', 'erdos_ren.*'erk'"),
        ({"block_size": 3}, ValueError, "block_size to be 1, 2 or 4.*3"),
        ({"frequency": 0}, ValueError, "frequency to be a positive int"),
    ],
)
def test_nonsense_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        GradualPruning(**arguments)


def test_an_unbuilt_model_is_named(data):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Flatten(), tf_keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"is not built.*model.build\(input_shape\)"):
        model.fit(*data, verbose=0, callbacks=[GradualPruning(0.5, scope="all")])
