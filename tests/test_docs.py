"""What the pages in docs/ show works as it stands."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import tfsparse

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def small_classifier():
    x = inputs = keras.Input((8, 8, 3))
    for _ in range(2):
        x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(8, 1)(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def arguments_table(page):
    table = r"^\| argument \|.*\n.*\n((?:\|.*\n)+)"
    return re.search(table, page.read_text(), re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_examples_run_in_order(page, tmp_path, monkeypatch):
    code = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = small_classifier()
    fit = model.fit
    monkeypatch.setattr(model, "fit", lambda *args, epochs, **kwargs: fit(*args, **kwargs))
    x = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    y = np.arange(8) % 2
    names = {"keras": keras, "tfsparse": tfsparse, "model": model, "loss": model.loss}
    names |= {"x": x, "y": y, "x_train": x, "x_val": x, "y_val": y}
    for example in code:
        exec(compile(example, page.name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", list(filter(arguments_table, PAGES)), ids=lambda page: page.stem)
def test_tables_of_arguments_name_arguments(page):
    text = page.read_text()
    modules = (tfsparse, tfsparse.distill)
    public = [getattr(m, name) for m in modules for name in m.__all__ if f"{name}`" in text]
    known = {name for one in public if callable(one) for name in inspect.signature(one).parameters}
    for row in arguments_table(page)[1].splitlines():
        for name in re.findall(r"`(\w+)`", row.split("|")[1]):
            assert name in known, f"no {name}"


def build_site(folder, config=ROOT / "mkdocs.yml"):
    command = [sys.executable, "-m", "mkdocs", "build", "-f", config, "-d", folder]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_dead_link(tmp_path):
    pytest.importorskip("mkdocs", reason="needs mkdocs: pip install 'tfsparse[docs]'")
    result = build_site(tmp_path / "site")
    assert result.returncode == 0, result.stderr
    # Every page has its place, else the build had failed; and every public name its entry.
    assert {path.stem for path in (tmp_path / "site").glob("*.html")} >= {p.stem for p in PAGES}
    reference = (tmp_path / "site" / "reference.html").read_text()
    modules = [getattr(tfsparse, name) for name in tfsparse._MODULES]
    names = [name for module in modules for name in module.__all__]
    for name in {*tfsparse.__all__, *names} - {*tfsparse._MODULES}:
        assert re.search(rf'id="tfsparse\.([\w.]+\.)?{name}"', reference), name


def test_a_dead_link_stops_the_site(tmp_path):
    pytest.importorskip("mkdocs", reason="needs mkdocs: pip install 'tfsparse[docs]'")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](format.md#nothing), [gone](gone.md)\n")
    (tmp_path / "docs" / "format.md").write_text("# Format\n")
    config = re.sub(r"(?m)^nav:.*", "", (ROOT / "mkdocs.yml").read_text(), flags=re.DOTALL)
    (tmp_path / "mkdocs.yml").write_text(config)
    result = build_site(tmp_path / "site", tmp_path / "mkdocs.yml")
    assert result.returncode != 0
    assert "gone.md" in result.stderr
    assert "#nothing" in result.stderr
