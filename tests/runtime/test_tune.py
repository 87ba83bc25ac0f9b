"""What `tfsparse.tune` measures is kept, and followed from then on. No test depends on a time."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.converter.single_op import pruned, single_op
from tests.delegate import networks
from tfsparse import flatbuffer
from tfsparse.runtime import timing
from tfsparse.runtime.delegate import delegate_options, native
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.runtime.runtimes import import_runtime
from tfsparse.runtime.tune import Part, Tuning, default_cache

RUNTIMES = pytest.mark.parametrize("runtime", ["litert", "tf"])


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 1, 1, 64), 0.8))))
    return str(path)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The user's tuning cache, which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return default_cache()


def output(interpreter):
    interpreter.allocate_tensors()
    set_random_inputs([interpreter])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@RUNTIMES
def test_a_decision_is_kept_and_followed(model, cache, runtime):
    assert not tfsparse.explain(model, runtime=runtime).tuned
    first = tfsparse.tune(model, runtime=runtime)
    assert (first.measured, first.saved, first.cache) == (True, True, str(cache))
    assert first.default_ms > 0
    assert first.tfsparse_ms > 0
    (part,) = first.parts
    assert part.operators == (0,)

    second = tfsparse.tune(model, runtime=runtime)
    assert (second.measured, second.saved) == (False, True)
    assert second.parts == (Part(0, (0,), part.taken, None),)
    explanation = tfsparse.explain(model, runtime=runtime)
    assert explanation.tuned
    assert [layer.taken for layer in explanation.layers] == [part.taken]
    if not part.taken:
        assert "left by tuning" in explanation.layers[0].reason


@RUNTIMES
def test_the_interpreter_that_measures_is_as_those_that_follow(model, cache, runtime):
    measured = output(tfsparse.Interpreter(model, runtime=runtime, tune=True))
    assert cache.exists()
    np.testing.assert_array_equal(output(tfsparse.Interpreter(model, runtime=runtime)), measured)
    delegate = tfsparse.load_delegate(runtime=runtime, tuning=cache)
    interpreter = import_runtime(runtime).Interpreter(model, experimental_delegates=[delegate])
    np.testing.assert_array_equal(output(interpreter), measured)


@pytest.mark.parametrize("options", [{"tuning": None}, {"auto": False}])
def test_the_cache_can_be_left_unread(model, options):
    tfsparse.tune(model)
    assert tfsparse.explain(model).tuned
    assert not tfsparse.explain(model, options=options).tuned


@pytest.mark.parametrize(
    "change",
    [
        {"num_threads": 2},
        {"options": {"isa": "portable"}},
        {"shapes": (1, 8, 8, 64)},
    ],
)
def test_what_differs_is_measured_by_itself(model, change):
    tfsparse.tune(model)
    found = tfsparse.tune(model, **change)
    assert found.measured or native().isas() == ["portable"]
    assert not tfsparse.tune(model, **change).measured
    assert not tfsparse.tune(model).measured, "both are kept"


@RUNTIMES
def test_threads_may_be_a_number_of_numpy(model, runtime):
    found = tfsparse.tune(model, num_threads=np.int64(2), runtime=runtime)
    assert json.dumps(found.num_threads) == "2"
    tfsparse.Interpreter(model, num_threads=np.int64(2), runtime=runtime).allocate_tensors()
    timing.open_one(model, False, num_threads=np.int64(2), runtime=runtime)
    assert tfsparse.inspect(model, num_threads=np.int64(2)).operators


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("no tuning cache")])
def test_a_cache_that_is_gone_or_damaged_is_made_again(model, cache, damage):
    tfsparse.tune(model)
    damage(cache)
    assert not tfsparse.explain(model).tuned
    found = tfsparse.tune(model)
    assert found.measured
    assert found.saved


def test_a_cache_that_cannot_be_written_is_no_error(model, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = tfsparse.tune(model)
    assert (found.measured, found.saved) == (True, False)
    assert "cannot be written" in str(found)
    output(tfsparse.Interpreter(model, tune=True))


@pytest.mark.parametrize("name", ["file/t.txt", "missing/t.txt", "folder"])
def test_a_given_file_that_cannot_be_written_is_told_before_measuring(
    model, tmp_path, monkeypatch, name
):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr("tfsparse.runtime.tune.native", None)  # nothing is measured
    with pytest.raises(OSError, match=name):
        tfsparse.tune(model, options={"tuning": tmp_path / name})


def test_another_file_is_not_overwritten(model, tmp_path):
    other = tmp_path / "thesis.txt"
    other.write_text("Chapter 1")
    with pytest.raises(ValueError, match="Expected a new file or a tuning cache"):
        tfsparse.tune(model, options={"tuning": other})
    assert other.read_text() == "Chapter 1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auto": False}, "Expected the option auto=True"),
        ({"num_threads": 2}, "Expected the threads as the argument num_threads"),
        ({"isa": "mmx"}, "option isa: expected an instruction set"),
        ({"input_shapes": (1, 5, 5, 64)}, "Expected a shape 1x8x8x64"),
        ({"input_shapes": "1x8x8x64"}, "Expected a shape such as"),
    ],
)
def test_wrong_options(model, options, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.tune(model, options=options)


@pytest.mark.parametrize("shapes", [None, (1, 40, 40, 3), {"image": (1, 48, 48, 3)}])
def test_open_sizes_are_measured_as_they_are_given(tmp_path, shapes):
    path = networks.open_sizes(tmp_path / "open.tflite")
    tfsparse.tune(path, shapes=shapes)
    assert tfsparse.explain(path, shapes=shapes).tuned
    assert tfsparse.explain(path, options={"input_shapes": shapes}).tuned
    assert not tfsparse.explain(path, shapes=(1, 64, 64, 3)).tuned
    assert tfsparse.explain(path).tuned == (shapes is None)


def test_sizes_that_were_assumed_are_told(tmp_path):
    path = networks.open_sizes(tmp_path / "open.tflite")
    for _ in range(2):  # measured, and as the cache has it
        found = tfsparse.tune(path)
        assert found.assumed_shapes == {"image": (1, 224, 224, 3)}
        assert "Taken: image as 1x224x224x3. --shape (shapes=) sets others." in str(found)
    found = tfsparse.tune(path, shapes=(1, 40, 40, 3))
    assert found.assumed_shapes == {}
    assert "--shape" not in str(found)


@pytest.mark.parametrize("shape", [(1, 40, 40, 3), (1, 48, 48, 3)])
def test_benchmarks_follow_what_was_measured_for_their_shapes(tmp_path, monkeypatch, shape):
    path = networks.open_sizes(tmp_path / "open.tflite")
    tfsparse.tune(path, shapes=(1, 40, 40, 3))
    loaded = []

    def load_reporting(*, runtime, **options):
        loaded.append(native().Delegate(delegate_options(runtime, options)))
        return loaded[-1]

    monkeypatch.setattr("tfsparse.runtime.interpreter.load_delegate", load_reporting)
    timing.open_one(path, True, runtime=None, shapes=shape)
    assert loaded[0].report()["tuned"] == (shape == (1, 40, 40, 3))


def test_the_shape_of_the_only_input_may_have_its_name(tmp_path):
    path = networks.open_sizes(tmp_path / "open.tflite")
    shape = (1, 40, 40, 3)
    assert tfsparse.tune(path, shapes=shape).measured
    assert not tfsparse.tune(path, shapes={"image": list(shape)}).measured
    assert tfsparse.explain(path, options={"input_shapes": {"image": shape}}).tuned


def test_a_missing_file_is_told_as_by_the_interpreter():
    with pytest.raises(FileNotFoundError, match="no-such-model"):
        tfsparse.tune("no-such-model.tflite")


def test_a_model_without_any_part_is_not_measured(tmp_path, cache):
    unknown = networks.convert_function(
        tf.cumsum, tmp_path / "cumsum.tflite", tf.TensorSpec([4, 8])
    )
    for _ in range(2):
        found = tfsparse.tune(unknown)
        assert (found.measured, found.saved, found.parts) == (False, False, ())
        assert "Nothing was measured: there is nothing to decide." in str(found)
        assert "Kept" not in str(found)
    assert not cache.exists()
    assert not tfsparse.explain(unknown).tuned


class Delayed:
    """An interpreter whose inferences take some milliseconds more."""

    def __init__(self, interpreter, milliseconds):
        self.interpreter, self.milliseconds = interpreter, milliseconds

    def invoke(self):
        self.interpreter.invoke()
        time.sleep(1e-3 * self.milliseconds)


@pytest.mark.parametrize("faster", [True, False])
def test_the_faster_of_two_is_chosen(model, cache, faster):
    module = import_runtime(None)

    class Borrowed:
        def __init__(self, pointer):
            self._get_native_delegate_pointer = lambda: pointer

    def open_trial(pointer):
        delegates = [] if pointer is None else [Borrowed(pointer)]
        interpreter = module.Interpreter(
            model_path=str(model), num_threads=1, experimental_delegates=delegates
        )
        interpreter.allocate_tensors()
        return Delayed(interpreter, 20 if (pointer is None) == faster else 0)

    cache.parent.mkdir(parents=True)
    options = delegate_options(None, {"tuning": cache})
    _, found = native().tune(options, open_trial)
    assert [part["taken"] for part in found["parts"]] == [faster]
    assert [layer.taken for layer in tfsparse.explain(model).layers] == [faster]


def test_the_table_tells_what_runs_each_part():
    parts = (Part(0, (0, 1, 2, 5), True, 2.5), Part(0, (7,), False, 0.9))
    text = str(Tuning("a/m.tflite", "t.txt", True, True, 2, 8.0, 3.2, {}, parts))
    assert "0-2, 5     tfsparse  2.50x" in text
    assert "7          TFLite    0.90x" in text
    assert "m.tflite: tfsparse runs 1 of 2 parts that it can run." in text
    assert "TFLite's default 8.00 ms, tfsparse 3.20 ms (2 threads)." in text
    assert "Kept in t.txt." in text


def test_a_lower_median_that_is_not_used_has_its_reason():
    # The medians of a busy machine may contradict the ratios within each round.
    parts = (Part(0, (0,), False, 0.99),)
    text = str(Tuning("m.tflite", "t.txt", True, True, 1, 134.0, 88.5, {}, parts))
    assert "tfsparse 88.5 ms, not used: no clear gain within the rounds (1 thread)." in text
