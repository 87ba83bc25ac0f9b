"""What README.md shows works as it stands."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_examples_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(8, 3, 2),
            keras.layers.Conv2D(16, 1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    names = {"model": model, "x": np.ones((4, 8, 8, 3)), "y": np.ones((4, 2))}
    for code in re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), names)
    assert np.mean(model.layers[1].kernel.numpy() == 0) == pytest.approx(0.8, abs=0.01)
    names["interpreter"].allocate_tensors()
    assert "CONV_2D" in capsys.readouterr().out


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_links_within_the_repository_lead_somewhere(target):
    assert (ROOT / target).exists()
