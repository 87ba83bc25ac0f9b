"""Recalibration of the statistics of BatchNormalization."""

from contextlib import ExitStack, contextmanager
from itertools import groupby, islice

import numpy as np
import tensorflow as tf

from tfsparse.annotations import Examples, Model
from tfsparse.arguments import check_int
from tfsparse.keras_models import keras_of, walk
from tfsparse.prune.batches import check_finite, slices, stored


def recalibrate_batchnorm(
    model: Model,
    representative_dataset: Examples,
    *,
    batches: int | None = None,
    batch_size: int = 128,
) -> None:
    """Estimates the statistics of all BatchNormalization layers again.

    Pruning changes the distribution of a layer's outputs, but not the statistics of the
    BatchNormalization after it. New statistics recover much of the accuracy that one-shot pruning
    loses. They need no labels and no training.

    The new statistics are the means of the batches' means and variances, weighted by the number of
    examples; the moving averages of `fit` depend mostly on the last batches. BatchNormalization
    runs as in training, all other layers as in inference. Frozen BatchNormalization
    (`trainable=False`) is recalibrated as well. Nothing else changes: not the weights, `momentum`
    or `trainable`. After an exception the old statistics are restored.

    Args:
        model: Built Keras 3 or tf_keras model. One without BatchNormalization is left as it is.
        representative_dataset: Calibration data, inputs as in inference: an array (or a list or
            dict of arrays, as in `fit`), a `tf.data.Dataset`, a `PyDataset` (in tf_keras a
            `Sequence`), another iterable of batches, or a function that returns one of these. Of
            a tuple such as `(x, y)`, be it the dataset or a batch, only the first element is used.
            Arrays are shuffled with a fixed seed. Functional and Sequential models also take
            iterables of single examples.
        batches: Int, number of batches to use; by default all.
        batch_size: Int, examples in a batch, for arrays and single examples.

    Raises:
        TypeError: `model` is no Keras model, or the dataset none of the above.
        ValueError: The model is not built or calls none of its BatchNormalization layers, the
            dataset is empty or without end or has NaN or infinity, or `batches` or `batch_size` is
            no positive int.

    Example:

    ```python
    tfsparse.GradualPruning(final_sparsity=0.5).apply(model)
    tfsparse.recalibrate_batchnorm(model, x_train, batches=20)
    ```
    """
    keras = keras_of(model)
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} is not built, so it has no statistics yet. Call "
            "model.build(input_shape), or the model on a batch, first."
        )
    if batches is not None:
        check_int("batches", batches)
    check_int("batch_size", batch_size)
    norms = [x for x, _ in walk(model) if isinstance(x, keras.layers.BatchNormalization)]
    if not norms:
        return
    number = 0
    data = _inputs(model, representative_dataset, batch_size, batches is None)
    with ExitStack() as stack:
        estimates = [stack.enter_context(_Estimate(norm)) for norm in norms]
        for inputs in islice(data, batches):
            number += 1
            check_finite(inputs, "representative_dataset")
            with _eager_functions():
                model(inputs, training=False)
    if not number:
        raise ValueError(
            "Expected at least one batch in representative_dataset. Received: "
            f"{representative_dataset!r}"
        )
    if not any(estimate.examples for estimate in estimates):
        raise ValueError(
            f"Expected model {model.name!r} to call its BatchNormalization layers in inference. "
            f"It called none of {', '.join(norm.name for norm in norms)}."
        )
    for estimate in estimates:
        estimate.assign()


@contextmanager
def _eager_functions():
    """Runs a `call` that is a `tf.function` eagerly: its trace calls the layers as they were."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


class _Estimate:
    """The mean of the batches' statistics of a layer that runs as in training.

    As a context manager it changes the layer, and restores it at the end.
    """

    def __init__(self, layer):
        self.examples = 0
        self._layer = layer
        self._statistics = layer.moving_mean, layer.moving_variance
        self._sums = [np.zeros(variable.shape) for variable in self._statistics]

    def __enter__(self):
        layer = self._layer
        self._before = [variable.numpy() for variable in self._statistics]
        self._momentum, self._trainable, self._call = layer.momentum, layer.trainable, layer.call
        layer.momentum = 0.0  # The moving statistics become those of the last batch.
        layer.call = self._train
        if not self._trainable:
            layer.trainable = True
        return self

    def __exit__(self, *_):
        layer = self._layer
        layer.momentum = self._momentum
        del layer.call  # the attribute of the instance; the method of the class remains
        if not self._trainable:
            layer.trainable = False
        self._set(self._before)

    def assign(self):
        """Gives the layer its new statistics, if it was called at all."""
        if self.examples:
            self._set([total / self.examples for total in self._sums])

    def _train(self, inputs, training=None, **options):
        outputs = self._call(inputs, training=True, **options)
        # In each call, not after the batch: a model may call a layer several times.
        self.examples += int(inputs.shape[0])
        for total, variable in zip(self._sums, self._statistics, strict=True):
            total += int(inputs.shape[0]) * variable.numpy().astype(np.float64)
        return outputs

    def _set(self, values):
        for variable, value in zip(self._statistics, values, strict=True):
            variable.assign(value.astype(np.float32))


def _inputs(model, data, batch_size, to_the_end):
    """Yields the inputs of each batch."""
    data = data() if callable(data) else data
    data = data[0] if isinstance(data, tuple) else data
    if isinstance(data, str) or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        raise TypeError(
            "Expected representative_dataset to be an array, a tf.data.Dataset, a PyDataset, "
            "another iterable of batches or examples, or a function that returns one. Received: "
            f"{data!r}"
        )
    shapes, leaves = _input_shapes(model), tf.nest.flatten(data)
    if len(leaves) == (len(shapes) or len(leaves)) and all(hasattr(x, "shape") for x in leaves):
        yield from slices(data, batch_size)
        return
    if (
        to_the_end
        and isinstance(data, tf.data.Dataset)
        and data.cardinality() == tf.data.INFINITE_CARDINALITY
    ):
        raise ValueError(
            f"Expected a representative_dataset that ends, or the number of batches to take. "
            f"Received: {data}, which repeats without end."
        )
    items = (item[0] if isinstance(item, tuple) else item for item in stored(data))
    yield from _batched(items, shapes, batch_size)


def _batched(items, shapes, batch_size):
    """Yields batches, and examples of one shape that follow each other together in batches."""
    for is_example, alike in groupby(items, lambda item: _example_shapes(item, shapes)):
        if not is_example:
            yield from alike
            continue
        while chosen := list(islice(alike, batch_size)):
            yield tf.nest.map_structure(lambda *arrays: np.stack(arrays), *chosen)


def _example_shapes(item, shapes):
    """Returns the shapes of an example, which has no dimension of the batch; of a batch, None."""
    found = [tuple(getattr(array, "shape", ())) for array in tf.nest.flatten(item)]
    is_example = len(found) == len(shapes) and all(
        len(own) == len(shape) - 1
        and all(b in (None, a) for a, b in zip(own, shape[1:], strict=True))
        for own, shape in zip(found, shapes, strict=True)
    )
    return tuple(found) if is_example else None


def _input_shapes(model):
    """The shapes of a model's inputs, with None where they are open; of some models none."""
    try:
        return [tuple(x.shape) for x in getattr(model, "inputs", None) or ()]
    except ValueError:  # Keras 3.1, of a sequential model with a layer of unknown output shape
        return []
