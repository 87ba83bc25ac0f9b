"""What README.md shows works as it stands."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    return [line for block in blocks("sh") for line in block.splitlines()]


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
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), names)
    assert np.mean(model.layers[1].kernel.numpy() == 0) == pytest.approx(0.8, abs=0.01)
    names["interpreter"].allocate_tensors()
    assert "CONV_2D" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [command for command in commands() if command.startswith("make")]
)
def test_make_knows_its_commands(command):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    result = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "command", [command for command in commands() if command.startswith("python")]
)
def test_scripts_know_their_flags(command):
    _, script, *arguments = shlex.split(command)
    shown = subprocess.run(
        [sys.executable, script, "--helpfull"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for flag in (argument for argument in arguments if argument.startswith("--")):
        listed = rf"^\s+--(\[no\])?{flag[2:]}:"
        assert re.search(listed, shown, re.MULTILINE), f"{script} has no {flag}"
    assert script in shown, "its help shows how to call it"


@pytest.mark.parametrize(
    "command", [command for command in commands() if command.startswith("tfsparse")]
)
def test_the_command_knows_its_flags(command):
    _, name, *arguments = shlex.split(command)
    module = importlib.import_module(f"tfsparse.command_line.{name}")
    module.FLAGS.unparse_flags()
    module.FLAGS.set_gnu_getopt(True)
    assert len(module.FLAGS(["tfsparse", *arguments])) > 1, "flags, and what to work on"


def test_the_demo_knows_its_flags():
    source = (ROOT / "tfsparse" / "demo.py").read_text()
    flags = re.findall(r"--(\w+)", " ".join(c for c in commands() if c.startswith("make demo")))
    assert flags
    for flag in flags:
        assert f'"{flag}"' in source


def test_no_other_commands_are_shown():
    rest = [c for c in commands() if not c.startswith(("make ", "python ", "tfsparse "))]
    # Every installation runs the first, tests/delegate/test_bazel.py the others.
    assert rest == [
        "pip install .",
        "bazel build //:libtfsparse_delegate.so",
        "bazel test //...",
        "bazel test --config=aarch64 //...",
    ]


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_links_within_the_repository_lead_somewhere(target):
    assert (ROOT / target).exists()
