"""What `Distiller` trains, and what it leaves alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.distill.networks import CLASSES, Subclassed, data, same, student, teacher, weights_of
from tests.prune.interrupt import Interrupt
from tfsparse.distill import (
    AttentionTransfer,
    Distiller,
    FSPDistillation,
    HintDistillation,
    LogitsDistillation,
)

X, Y = data()
ALL_LOSSES = {
    "logits": lambda: LogitsDistillation(),
    "hint": lambda: HintDistillation("second"),
    "attention": lambda: AttentionTransfer("first"),
    "flow": lambda: FSPDistillation(("first", "second")),
}


def compiled(large, small, losses, optimizer="adam", compile_options=(), **options):
    distiller = Distiller(large, small, losses, **options)
    metrics = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    distiller.compile(optimizer, **(metrics | dict(compile_options)))
    return distiller


def are_close(first, second):
    """Whether two models have the same weights, up to rounding."""
    pairs = zip(weights_of(first), weights_of(second), strict=True)
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)


class Counted(keras.layers.Layer):
    """Passes its input on, and counts its calls in training and in inference."""

    def __init__(self):
        super().__init__(name="counted")
        self.in_training = self.add_weight(shape=(), dtype="int32", trainable=False)
        self.in_inference = self.add_weight(shape=(), dtype="int32", trainable=False)

    def call(self, inputs, training=None):
        (self.in_training if training else self.in_inference).assign_add(1)
        return inputs

    @property
    def calls(self):
        return int(self.in_training.numpy()), int(self.in_inference.numpy())


def counted(model):
    """The model with a layer before it that counts."""
    inputs, layer = keras.Input((8, 8, 3)), Counted()
    return keras.Model(inputs, model(layer(inputs)), name=model.name), layer


@pytest.mark.parametrize("name", ALL_LOSSES)
def test_the_student_learns_to_imitate_and_the_teacher_stays(name):
    large, small = teacher(8), student(8)
    before, flags = weights_of(large), [layer.trainable for layer in large.layers]
    distiller = compiled(
        large, small, ALL_LOSSES[name](), keras.optimizers.Adam(0.01), student_loss_weight=0.0
    )
    losses = distiller.fit(X, Y, 16, 15, verbose=0).history["distillation_loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert same(before, large)
    assert [layer.trainable for layer in large.layers] == flags
    assert not {id(v) for v in large.variables} & {id(v) for v in distiller.variables}


def test_each_network_runs_once_a_step():
    (large, large_counter), (small, small_counter) = counted(teacher()), counted(student())
    losses = [LogitsDistillation(), HintDistillation("second"), AttentionTransfer("first")]
    distiller = compiled(large, small, losses)
    distiller.fit(X, Y, 8, 2, verbose=0)
    assert small_counter.calls == (8, 0)
    assert large_counter.calls == (0, 8)
    distiller.evaluate(X, Y, 8, verbose=0)
    distiller.predict(X, 8, verbose=0)
    assert small_counter.calls == (8, 8)
    assert large_counter.calls == (0, 8)


def test_a_step_is_that_of_the_formula():
    # With BatchNormalization and weights of examples and classes, and a penalty of its own size.
    large, small = teacher(), student(regularizer=tfsparse.GroupSparsity(0.5))
    weights = np.linspace(0, 2, 32, dtype=np.float32)
    losses = [LogitsDistillation(2.0), AttentionTransfer("first", beta=3.0)]
    distiller = compiled(
        *(large, small, losses, "sgd"),
        distillation_loss_weights=[0.5, 2.0],
        student_loss_weight=0.3,
    )
    penalty = float(sum(small.losses))
    logs = distiller.train_on_batch(X, Y, sample_weight=weights, return_dict=True)
    assert penalty > 0.1
    assert logs["loss"] == pytest.approx(
        0.3 * logs["student_loss"] + 0.7 * logs["distillation_loss"] + penalty, rel=1e-5
    )


def test_without_distillation_it_trains_as_the_student_does():
    regularizer = tfsparse.GroupSparsity(0.01)
    alone, small = student(regularizer=regularizer), student(regularizer=regularizer)
    alone.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    distiller = compiled(
        teacher(), small, AttentionTransfer("first"), "sgd", student_loss_weight=1.0
    )
    options = {"verbose": 0, "shuffle": False, "class_weight": {0: 0.0, 1: 1.0, 2: 2.0, 3: 0.5}}
    options |= {"validation_data": (X, Y)}
    first, second = (m.fit(X, Y, 8, 2, **options).history for m in (alone, distiller))
    for key, values in first.items():
        assert second[key] == pytest.approx(values, rel=1e-4), key
    assert are_close(alone, small)


def test_the_weight_of_labels_changes_without_another_compile():
    images, labels = X[:64], Y[:64]
    losses = []
    for weights in ((0.2, 0.9), (0.9,)):
        keras.utils.set_random_seed(0)
        small = student()
        start = small.get_weights()
        distiller = Distiller(teacher(), small, LogitsDistillation())
        distiller.compile("sgd", "sparse_categorical_crossentropy")
        for weight in weights:
            small.set_weights(start)
            distiller.student_loss_weight = weight
            assert distiller.student_loss_weight == weight
            history = distiller.fit(images, labels, batch_size=64, verbose=0).history
        losses.append(history["loss"])
    assert losses[0] == pytest.approx(losses[1])
    with pytest.raises(ValueError, match=r"\[0, 1\].* Received: 2"):
        distiller.student_loss_weight = 2


def test_an_example_with_a_weight_of_0_has_no_effect():
    changed, weights = X.copy(), np.ones(32)
    changed[-8:] = 100.0
    weights[-8:] = 0.0
    results = []
    for inputs in (X, changed):
        small = student()
        small.get_layer("norm").trainable = False  # Batch statistics would see all examples.
        distiller = compiled(teacher(), small, [LogitsDistillation(), HintDistillation("mean")])
        distiller.distillation_losses[1].projector.kernel.assign(np.ones((8, 16)))
        distiller.train_on_batch(inputs, Y, sample_weight=weights)
        results.append(weights_of(small))
    assert all(np.allclose(a, b, atol=1e-7) for a, b in zip(*results, strict=True))


def test_logs_of_training_and_of_evaluation():
    small = student(dropout=0.3)
    distiller = compiled(teacher(), small, LogitsDistillation())
    history = distiller.fit(X, Y, 8, 1, verbose=0, validation_data=(X, Y)).history
    training = {"loss", "accuracy", "student_loss", "distillation_loss"}
    assert set(history) == training | {"val_loss", "val_accuracy"}
    small.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    logs, names = small.evaluate(X, Y, verbose=0, return_dict=True), ("loss", "accuracy")
    assert distiller.evaluate(X, Y, verbose=0, return_dict=True) == pytest.approx(logs)
    assert distiller.evaluate(X, Y, verbose=0) == pytest.approx([logs[name] for name in names])
    assert distiller.test_on_batch(X, Y, return_dict=True) == pytest.approx(logs)
    assert np.array_equal(distiller.predict(X, verbose=0), small.predict(X, verbose=0))


def test_no_labels():
    distiller = Distiller(teacher(), student(), LogitsDistillation(), student_loss_weight=0)
    distiller.compile(keras.optimizers.Adam(0.01))
    losses = distiller.fit(X, batch_size=8, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    with pytest.raises(ValueError, match=r"loss=None, and student_loss_weight=0\.5"):
        distiller.student_loss_weight = 0.5
    with_labels = Distiller(teacher(), student(), LogitsDistillation())
    with pytest.raises(ValueError, match=r"student's loss.* loss=None.* student_loss_weight=0"):
        with_labels.compile("adam")


def test_subclassed_models():
    small, large = Subclassed(), Subclassed()
    large(X)
    large.classifier.kernel.assign(20 * large.classifier.kernel.numpy())
    distiller = Distiller(large, small, LogitsDistillation(from_logits=True))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(keras.optimizers.Adam(0.01), loss)
    before = weights_of(large)
    losses = distiller.fit(X, Y, 8, 10, verbose=0).history["distillation_loss"]
    assert losses[-1] < losses[0]
    assert same(before, large)
    assert distiller.predict(X, verbose=0).shape == (32, CLASSES)


def test_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        large, small = teacher(), student()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    distiller = compiled(large, small, [ALL_LOSSES[n]() for n in ("logits", "hint", "attention")])
    assert isinstance(distiller.optimizer, keras.optimizers.LossScaleOptimizer)
    distiller.fit(X, Y, 8, 2, verbose=0)
    assert all(np.isfinite(w).all() for w in small.get_weights())
    assert {v.dtype for v in distiller.trainable_variables} == {"float32"}


def test_several_steps_an_execution_and_xla():
    options = {"steps_per_execution": 3, "jit_compile": True}
    distiller = compiled(teacher(), student(), HintDistillation("second"), compile_options=options)
    distiller.fit(X, Y, 4, 1, verbose=0)
    assert distiller.jit_compile
    assert int(distiller.optimizer.iterations.numpy()) == 8


def test_saves_the_student(tmp_path):
    small = student()
    distiller = compiled(teacher(), small, HintDistillation("second"))
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"))
    distiller.fit(X, Y, 8, 1, verbose=0, callbacks=[checkpoint])
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert type(loaded) is type(small)
    assert same(weights_of(small), loaded)
    distiller.export(str(tmp_path / "exported"), verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    assert np.allclose(exported.serve(X), small(X), atol=1e-5)


def test_weights_are_those_of_student_and_losses(tmp_path):
    distillers = []
    for _ in range(2):
        distillers.append(compiled(teacher(), student(), HintDistillation("second")))
    distillers[0].fit(X, Y, 8, 1, verbose=0)
    path = tmp_path / "all.weights.h5"
    distillers[0].save_weights(path)
    other = weights_of(distillers[1].teacher)
    distillers[1].teacher.set_weights([w + 1 for w in other])
    distillers[1].load_weights(path)
    assert same([w + 1 for w in other], distillers[1].teacher)
    assert same(weights_of(distillers[0].student), distillers[1].student)
    projectors = [d.distillation_losses[0].projector for d in distillers]
    assert same(weights_of(projectors[0]), projectors[1])
    names = {layer.name for layer in distillers[0]._flatten_layers()}
    assert "small" in names
    assert "large" not in names


def test_goes_on_after_an_interrupt(tmp_path):
    def fit(*callbacks):
        small = student()
        distiller = compiled(teacher(), small, [LogitsDistillation(), HintDistillation("second")])
        # The projector's first weights are random.
        distiller.distillation_losses[1].projector.kernel.assign(np.full((8, 16), 0.1))
        options = {"verbose": 0, "shuffle": False}
        return distiller.fit(X, Y, 8, 4, callbacks=[*callbacks], **options), small

    _, whole = fit()
    backup = str(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        fit(keras.callbacks.BackupAndRestore(backup), Interrupt(2))
    history, resumed = fit(keras.callbacks.BackupAndRestore(backup))
    assert history.epoch == [2, 3]
    assert are_close(whole, resumed)


def test_layers_are_themselves_again_after_a_step_that_fails():
    small = student()
    distiller = compiled(teacher(), small, HintDistillation("second"))
    with pytest.raises(ValueError, match="expected axis -1"):
        distiller.train_on_batch(X[..., :1], Y)
    assert "call" not in vars(small.get_layer("second"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"student_loss_weight": 1.5}, ValueError, r"\[0, 1\].* Received: 1.5"),
        ({"student_loss_weight": "all"}, TypeError, "student_loss_weight to be a float"),
        ({"distillation_losses": []}, ValueError, "at least one distillation loss"),
        ({"distillation_losses": "kl"}, TypeError, "LogitsDistillation, .* Received: 'kl'"),
        ({"distillation_loss_weights": [1.0, 2.0]}, ValueError, r"1 losses. Received: \[1.0, 2.0"),
        ({"distillation_loss_weights": -1.0}, ValueError, "Received: -1.0"),
        ({"teacher": "large"}, TypeError, "teacher to be a Keras 3 model. Received: 'large'"),
    ],
)
def test_arguments_out_of_range(arguments, error, message):
    given = {"teacher": teacher(), "student": student()}
    given |= {"distillation_losses": LogitsDistillation()} | arguments
    with pytest.raises(error, match=message):
        Distiller(**given)


def test_a_student_with_the_weights_of_its_teacher():
    large = teacher()
    part = keras.Model(large.inputs, large.outputs, name="part")
    with pytest.raises(ValueError, match="'part' and 'large', which share weights"):
        Distiller(large, part, LogitsDistillation())
