import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.quantize.value_ranges import ValueRanges, trained_ranges
from tfsparse.search.training import Data, Settings, Trainer
from tfsparse.search.variants import copy_of, teacher_of
from tfsparse.zoo.evaluation import accuracy


def test_steps_of_arrays_and_of_datasets():
    x, y = np.zeros((10, 2)), np.zeros(10)
    assert Data((x, y), (x, y), 4).steps == 3
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(5)
    assert Data(dataset, dataset).steps == 2
    endless = dataset.repeat()
    with pytest.raises(ValueError, match="number of batches is known"):
        _ = Data(endless, dataset).steps


def test_the_sample_has_all_classes_of_sorted_data():
    y = np.arange(8).repeat(500)
    x = {"first": y[:, None], "second": -y}
    sampled, labels = Data((x, y), (x, y)).sample
    assert len(labels) == 256
    assert set(labels) == set(range(8))
    np.testing.assert_array_equal(sampled["first"][:, 0], labels)
    np.testing.assert_array_equal(sampled["second"], -labels)


@pytest.mark.parametrize("has_teacher", [False, True])
def test_the_model_is_pruned_as_planned_and_trains_on(trained, has_teacher):
    dense, (x, y) = trained
    before, model = dense.get_weights(), copy_of(dense)
    data = Data((x, y), (x, y), 32)
    trainer = Trainer(data, dense.optimizer, dense if has_teacher else None)
    settings = Settings(learning_rate=0.5)
    trainer.fine_tune(model, {"wide": 0.75, "narrow": 0.5, "stem": 0.0}, settings, 2)
    zeros = {
        name: np.mean(model.get_layer(name).kernel.numpy() == 0)
        for name in ("stem", "wide", "narrow", "head")
    }
    assert zeros == {"stem": 0, "wide": 0.75, "narrow": 0.5, "head": 0}
    assert not np.array_equal(model.get_layer("head").kernel, dense.get_layer("head").kernel)
    for now, then in zip(dense.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_int8_is_evaluated_as_its_file_computes(trained, tmp_path):
    dense, (x, y) = trained
    model, reports = copy_of(dense), []
    trainer = Trainer(Data((x, y), (x, y), 32), dense.optimizer, dense, is_int8=True)

    def tune(epochs):
        return trainer.fine_tune(
            model,
            {"wide": 0.75},
            Settings(learning_rate=0.5),
            epochs,
            report=lambda epoch, found: reports.append((epoch, found)),
        )

    found, _ = tune(2)
    assert [epoch for epoch, _ in reports] == [1, 2]
    assert reports[1][1] == found
    path = tfsparse.convert(model, tmp_path / "model.tflite", weights="int8")
    assert found["accuracy"] == pytest.approx(accuracy(path, x, y), abs=0.02)
    assert found["loss"] != model.evaluate(x, y, verbose=0)[0]
    assert np.mean(model.get_layer("wide").kernel.numpy() == 0) == 0.75
    # Another training forgets the ranges of this one.
    ranges = ValueRanges.of(model)
    ranges.update({ranges.names[0]: [tf.constant([-1e9, 1e9])]})
    tune(1)
    assert max(high for _, high in trained_ranges(model).values()) < 1e6


def test_examples_for_calibration_are_batches_of_inputs():
    x, y = {"first": np.zeros((200, 2)), "second": np.ones(200)}, np.zeros(200)
    (batch,) = Data((x, y), (x, y)).examples
    assert batch["first"].shape == (100, 2)
    dataset = tf.data.Dataset.from_tensor_slices((x["first"], y)).batch(60)
    assert [len(batch) for batch in Data(dataset, dataset, 60).examples] == [60, 60]


def test_only_classifiers_learn_from_the_dense_model(trained):
    dense = trained[0]
    assert teacher_of(dense, copy_of(dense)) is dense
    assert teacher_of(dense, dense) is None
    regression = copy_of(dense)
    regression.compile("sgd", "mse")
    assert teacher_of(regression, copy_of(regression)) is None
