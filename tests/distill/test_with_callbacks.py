"""Callbacks given to the `fit` of a distiller change its student, and nothing else."""

import keras
import numpy as np
import pytest

import tfsparse
from tests.distill.networks import data, same, student, teacher, weights_of
from tests.prune.interrupt import Interrupt
from tfsparse.distill import AttentionTransfer, Distiller, HintDistillation, LogitsDistillation
from tfsparse.keras_models import student_of
from tfsparse.quantize.value_ranges import trained_ranges

X, Y = data()


def distiller(small, *, use_ema=False):
    losses = [LogitsDistillation(), HintDistillation("second")]
    model = Distiller(teacher(), small, losses)
    optimizer = keras.optimizers.Adam(0.01, use_ema=use_ema)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def kernels(model):
    return [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]


CALLBACKS = {
    "gradual": lambda: tfsparse.GradualPruning(0.5, scope="all"),
    "rigl": lambda: tfsparse.RigL(0.5, scope="all", frequency=2),
    "pattern": lambda: tfsparse.PatternPruning(),
    "channels": lambda: tfsparse.ChannelPruning("l1", 0.5),
    "taylor": lambda: tfsparse.ChannelPruning("taylor", 0.5, data=(X, Y)),
    "dcp": lambda: tfsparse.DiscriminationAwareChannelPruning(
        0.5, data=(X, Y), num_auxiliary_losses=1, samples=8, batch_size=8, stage_steps=1
    ),
}


def zeros(name, small):
    """The zeros that a callback is to leave, as a fraction."""
    if name in ("gradual", "rigl"):
        return np.mean(np.concatenate([kernel.ravel() == 0 for kernel in kernels(small)]))
    kernel = small.get_layer("spatial").kernel.numpy()
    cut = name != "pattern"
    return (kernel == 0).all(axis=(0, 1, 2)).mean() if cut else (kernel == 0).mean()


@pytest.mark.parametrize("name", CALLBACKS)
def test_prunes_the_student_only(name):
    small = student()
    model = distiller(small, use_ema=True)
    large, projector = model.teacher, model.distillation_losses[1].projector
    before = weights_of(large)
    model.fit(X, Y, 8, 4, verbose=0, callbacks=[CALLBACKS[name]()])
    assert zeros(name, small) == pytest.approx(5 / 9 if name == "pattern" else 0.5, abs=0.02)
    assert same(before, large)
    assert np.count_nonzero(projector.kernel.numpy()) == 8 * 16


def test_values_are_shared_by_the_weights_of_the_student():
    small = student()
    sharing = tfsparse.WeightSharing(bits=2)
    distiller(small).fit(X, Y, 8, 1, verbose=0, callbacks=[sharing])
    assert max(len(np.unique(kernel)) for kernel in kernels(small)) <= 4


def test_prunes_one_shot():
    small = student()
    model = distiller(small)
    before = weights_of(model.teacher)
    tfsparse.GradualPruning(0.5, scope="all").apply(model)
    assert zeros("gradual", small) == pytest.approx(0.5, abs=0.02)
    assert same(before, model.teacher)


def test_a_scope_sees_the_layers_of_the_student():
    seen = []

    def scope(layer):
        seen.append(layer)
        return True

    small = student()
    distiller(small).fit(X, Y, 8, 1, verbose=0, callbacks=[tfsparse.GradualPruning(scope=scope)])
    assert set(seen) <= set(small.layers)
    with pytest.raises(ValueError, match="Layers of model 'small' that can be pruned: spatial"):
        tfsparse.GradualPruning(scope={"projector": 0.5}).apply(distiller(small))


def test_a_pruned_student_keeps_its_zeros():
    small = student()
    tfsparse.GradualPruning(0.5, scope="all").apply(small)
    zero = [kernel == 0 for kernel in kernels(small)]
    schedule = tfsparse.ConstantSparsity(0.5)
    keep = tfsparse.GradualPruning(schedule=schedule, scope="all")
    distiller(small).fit(X, Y, 8, 2, verbose=0, callbacks=[keep])
    assert all(np.array_equal(a, b == 0) for a, b in zip(zero, kernels(small), strict=True))


def test_goes_on_with_the_zeros_after_an_interrupt(tmp_path):
    def fit(small, *callbacks):
        pruning = tfsparse.GradualPruning(0.5, scope="all", frequency=1)
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        callbacks = [pruning, backup, *callbacks]
        return distiller(small).fit(X, Y, 8, 4, verbose=0, callbacks=callbacks)

    with pytest.raises(KeyboardInterrupt):
        fit(student(), Interrupt(3))
    small = student()
    history = fit(small)
    assert history.epoch == [3]
    assert zeros("gradual", small) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("first_alone", [True, False])
def test_warns_of_zeros_that_would_grow_again(first_alone):
    # In trainings of the student alone as well as in those with its teacher.
    small = student()
    small.compile("adam", "sparse_categorical_crossentropy")
    models = [small, distiller(small)] if first_alone else [distiller(small), small]
    models[0].fit(X, Y, 16, 1, verbose=0, callbacks=[tfsparse.GradualPruning(0.5)])
    with pytest.warns(UserWarning, match=r"Pruned layers \(1\) train without masks"):
        models[1].fit(X, Y, 16, 1, verbose=0)
    models[1].fit(X, Y, 16, 1, verbose=0)  # once is enough


def test_trains_for_int8(tmp_path):
    small = student()
    model = distiller(small)
    before = weights_of(model.teacher)
    keep = tfsparse.GradualPruning(0.5, scope="all")
    callbacks = [keep, tfsparse.QuantizationAwareTraining()]
    model.fit(X, Y, 8, 4, verbose=0, callbacks=callbacks, validation_data=(X, Y))
    assert "call" not in vars(small)
    assert trained_ranges(small)
    assert same(before, model.teacher)
    assert zeros("gradual", small) == pytest.approx(0.5, abs=0.02)
    path = tfsparse.convert(model, tmp_path / "small.tflite", weights="int8")
    assert {"int8"} <= {str(t.dtype) for t in tfsparse.inspect(path).tensors}


def test_rounding_reaches_the_compared_layers():
    # The distillation loss of a step is that of the rounded student.
    small, losses = student(), []
    for callbacks in ([], [tfsparse.QuantizationAwareTraining(freeze_batchnorm=0.0)]):
        small.get_layer("norm").trainable = False
        model = Distiller(teacher(), small, AttentionTransfer("first"))
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        history = model.fit(X, Y, 32, 1, verbose=0, callbacks=callbacks).history
        losses.append(history["distillation_loss"][0])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def test_converts_the_student(tmp_path):
    small = student()
    sizes = [
        len((tmp_path / tfsparse.convert(model, tmp_path / f"{model.name}.tflite")).read_bytes())
        for model in (small, distiller(small))
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.skipif(not hasattr(keras, "distillation"), reason="Keras 3.12 has the first Distiller")
def test_prunes_the_student_of_keras_own_distiller():
    small, large = student(), teacher()
    model = keras.distillation.Distiller(large, small, keras.distillation.LogitsDistillation())
    model.compile("adam", "sparse_categorical_crossentropy")
    before = weights_of(large)
    callbacks = [tfsparse.GradualPruning(0.5, scope="all")]
    model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks)
    assert zeros("gradual", small) == pytest.approx(0.5, abs=0.02)
    assert same(before, large)


def test_the_student_of_other_distillers():
    small = student()
    assert student_of(small) is small
    assert student_of(Distiller(teacher(), small, LogitsDistillation())) is small

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.teacher, self.student = teacher(), small

    assert student_of(Own()) is small
