import re

import numpy as np
import pytest

from tfsparse.runtime import timing
from tfsparse.zoo import architectures, catalogue, demo


def run(*arguments):
    demo.FLAGS.unparse_flags()
    demo.FLAGS(["demo", *arguments])
    demo.main([])


@pytest.fixture
def quick(monkeypatch):
    """The demo in seconds: a network of two blocks, also in place of the large one."""
    monkeypatch.setattr(demo, "SECONDS", 0.1)
    monkeypatch.setattr(timing, "WARM_UP_SECONDS", 0.01)
    small = architectures.MobileNetV2Size(16, ((6, 16, 2, 2),), 192)
    monkeypatch.setattr("tfsparse.zoo.architectures.mobilenet_v2.SMALL", small)
    monkeypatch.setattr(
        catalogue, "build", lambda name, sparsity: architectures.small_mobilenet_v2((8, 8, 3), 10)
    )


def numbers(line):
    return [float(number) for number in re.findall(r"\d+\.\d+", line)]


def test_prints_one_table_and_what_it_means(quick, tmp_path, capfd):
    models = tmp_path / "models"
    run("--epochs=1", "--sparsity=0.7", f"--output_dir={models}")
    out, err = capfd.readouterr()
    assert err == "", "TensorFlow's chatter stays off the terminal"
    assert "\x1b" not in out, "plain text off a terminal"

    lines = [line.strip() for line in out.splitlines()]
    dense = next(line for line in lines if line.startswith("dense, "))
    sparse = next(line for line in lines if line.startswith("70% zeros, "))
    assert len(numbers(dense)) == 4, "accuracy, file, gzip, latency"
    assert len(numbers(sparse)) == 5, "and speed-up"
    assert numbers(sparse)[1] < numbers(dense)[1], "the sparse file is smaller"
    assert any(line.startswith("90% zeros, ") for line in lines)
    for column in ("accuracy", "file", "gzip", "latency", "speed-up"):
        assert re.search(rf"^{column} +[A-Z]\w+", out, re.MULTILINE), f"{column} is explained"

    assert sorted(path.name for path in models.iterdir()) == [
        "mobilenet_v2-80%.tflite",
        "mobilenet_v2-90%.tflite",
        "mobilenet_v2-dense.tflite",
        "small-dense.tflite",
        "small-sparse.tflite",
    ]


def test_fails_where_the_delegate_predicts_something_else(monkeypatch):
    answers = {"default": [1, 2, 3], "delegate": [1, 2, 4]}
    monkeypatch.setattr(timing, "open_pair", lambda *_, num_threads: answers)
    monkeypatch.setattr(demo, "predict", lambda name, pictures: np.array(answers[name]))
    demo.FLAGS(["demo"])
    with pytest.raises(RuntimeError, match="other classes for 1 of 3 pictures"):
        demo.checked_predictions("model.tflite", np.zeros((3, 8, 8, 1)))


def test_an_unknown_dataset_is_said():
    with pytest.raises(FileNotFoundError, match="digits, fashion"):
        run("--dataset=mnits")
