"""Trains a tiny model with each callback; run by test_keras_versions.py in a process of its own.

Prints a line of JSON: the version of Keras, for each callback what it has logged last and the
fraction of zeros, or of channels without weights, that the model has; what a distillation logs, and
the zeros that it leaves; and how many ranges of activations there are after a training for int8.
"""

import json

import keras
import numpy as np

import tfsparse
from tfsparse.quantize.value_ranges import trained_ranges

X = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype(np.float32)
Y = np.arange(16) % 3

CALLBACKS = {
    "gradual": lambda: tfsparse.GradualPruning(0.5),
    "rigl": lambda: tfsparse.RigL(0.5, scope="pointwise", frequency=2),
    "pattern": lambda: tfsparse.PatternPruning(),
    "channels": lambda: tfsparse.ChannelPruning("bn_gamma", 0.5),
    "dcp": lambda: tfsparse.DiscriminationAwareChannelPruning(
        0.5, data=(X, Y), num_auxiliary_losses=1, samples=8, batch_size=8, stage_steps=1
    ),
}


def build():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="spatial")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01, use_ema=True), loss)
    return model


def reached(name, model):
    """The zeros that the callback is to leave, as a fraction."""
    layer = model.get_layer("spatial" if name == "pattern" else "pointwise")
    zero = layer.kernel.numpy() == 0
    return float(zero.all(axis=(0, 1, 2)).mean() if name in ("channels", "dcp") else zero.mean())


def distilled():
    """What a training with a teacher logs, and the zeros of its student."""
    student = build()
    losses = [tfsparse.distill.LogitsDistillation(), tfsparse.distill.HintDistillation("pointwise")]
    distiller = tfsparse.distill.Distiller(build(), student, losses)
    distiller.compile("adam", student.loss)
    options = {"verbose": 0, "callbacks": [CALLBACKS["gradual"]()], "validation_data": (X, Y)}
    history = distiller.fit(X, Y, 4, 2, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, **options)
    return {"logs": sorted(history.history), "zeros": reached("gradual", student)}


def main():
    results = {"keras": keras.__version__}
    for name, make in CALLBACKS.items():
        model, logged = build(), {}
        for _ in range(2):  # the second with the step that the first has compiled
            history = model.fit(X, Y, 4, 2, verbose=0, callbacks=[make()], validation_data=(X, Y))
            logged = {key: values[-1] for key, values in history.history.items()}
        key = "pruning_ratio" if name in ("channels", "dcp") else "sparsity"
        results[name] = [logged[key], reached(name, model)]
    results["distilled"] = distilled()
    model, callbacks = build(), [CALLBACKS["gradual"](), tfsparse.QuantizationAwareTraining()]
    model.fit(X, Y, 4, 2, verbose=0, callbacks=callbacks, validation_data=(X, Y))
    results["ranges"] = len(trained_ranges(model))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
