import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

import tfsparse
from tfsparse.zoo import architectures

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "decisions.py"


def run(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def decisions():
    specification = importlib.util.spec_from_file_location("decisions", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["decisions"] = module
    known = set(flags.FLAGS)
    specification.loader.exec_module(module)
    yield module
    for name in set(flags.FLAGS) - known:  # Other benchmarks have flags of the same names.
        delattr(flags.FLAGS, name)


def test_shows_what_each_load_decided(tmp_path):
    model = architectures.small_mobilenet_v2((32, 32, 3), 3)
    path = tfsparse.convert(model, tmp_path / "tiny.tflite")
    result = run(path, "--loads", 2, "--seconds", 0.1, "--json", tmp_path / "loads.json")
    row = re.search(r"│ tiny.tflite +│ ([012]) of 2 │ +([12]) │ +([\d.]+) │", result.stdout)
    assert row, result.stdout + result.stderr
    (loads,) = json.loads((tmp_path / "loads.json").read_text()).values()
    assert [load["busy"] for load in loads] == [False, True]
    assert sum(bool(load["taken"]) for load in loads) == int(row.group(1))
    assert "of 2 loads run slower than 0.95" in result.stdout


@pytest.mark.parametrize(
    ("speedup", "possible", "code"),
    [
        (2.0, None, 0),  # taken, and right
        (1.0, 1.1, 0),  # left, hardly a loss
        (1.0, 1.2, 1),  # left, a loss
        (1.2, 1.4, 0),  # taken in part
        (0.9, None, 1),  # taken, and slower
    ],
)
def test_fails_where_a_promise_is_broken(decisions, speedup, possible, code):
    load = decisions.Load(busy=False, taken=(), speedup=speedup, possible=possible)
    assert decisions.summary([load]) == code


def test_one_load_of_twenty_may_miss(decisions):
    good = decisions.Load(busy=False, taken=(1,), speedup=1.5, possible=None)
    missed = decisions.Load(busy=True, taken=(), speedup=1.0, possible=1.5)
    assert decisions.summary([good] * 19 + [missed]) == 0
    assert decisions.summary([good] * 18 + [missed] * 2) == 1


def test_twenty_networks_of_every_kind(decisions):
    names = [case.name for case in decisions.CASES]
    assert len(set(names)) == 20


def test_names_what_there_is():
    result = run("no-such-network")
    assert result.returncode == 1
    assert "Expected files or some of mobilenet_v1-0" in result.stdout + result.stderr
