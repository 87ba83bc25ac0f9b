"""The commands that README.md and the pages of docs/ show exist, with the flags they are given."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
]
COMMANDS = sorted({line for block in BLOCKS for line in block.splitlines()})


def of(program):
    return [command for command in COMMANDS if command.startswith(f"{program} ")]


@pytest.mark.parametrize("command", of("make"))
def test_make_knows_its_commands(command):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    result = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_make_demo_knows_its_flags():
    source = (ROOT / "tfsparse" / "zoo" / "demo.py").read_text()
    flags = re.findall(r"--(\w+)", " ".join(of("make demo")))
    assert flags
    for flag in flags:
        assert f'"{flag}"' in source


@pytest.mark.parametrize("script", sorted({shlex.split(command)[1] for command in of("python")}))
def test_scripts_know_their_flags(script):
    shown = subprocess.run(
        [sys.executable, script, "--helpfull"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for flag in re.findall(r"--(\w+)", " ".join(of(f"python {script}"))):
        listed = rf"^\s+--(\[no\])?{flag}:"
        assert re.search(listed, shown, re.MULTILINE), f"{script} has no {flag}"
    assert script in shown, "its help shows how to call it"


@pytest.mark.parametrize("command", of("tfsparse"))
def test_the_command_knows_its_flags(command):
    _, name, *arguments = shlex.split(command)
    module = importlib.import_module(f"tfsparse.command_line.{name.replace('-', '_')}")
    module.FLAGS.unparse_flags()
    module.FLAGS.set_gnu_getopt(True)
    assert len(module.FLAGS(["tfsparse", *arguments])) > 1, "flags, and what to work on"


def test_no_other_commands_are_shown():
    known = [*of("make"), *of("python"), *of("tfsparse")]
    # Every installation runs the last, tests/delegate/test_bazel.py those of bazel; the first needs
    # Debian.
    assert [command for command in COMMANDS if command not in known] == [
        "apt-get download gcompris-qt-data",
        "bazel build //:libtfsparse_delegate.so",
        "bazel test --config=aarch64 //...",
        "bazel test //...",
        "pip install .",
    ]
