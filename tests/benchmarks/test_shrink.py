import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "shrink.py"


def run(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_network_has_fewer_parameters_and_macs_and_the_same_outputs():
    result = run("resnet20", "--seconds", 0.1)
    assert result.returncode == 0, result.stderr
    pair = r"│ +([\d.]+) → +([\d.]+) "
    row = re.search(rf"resnet20 +{pair * 3}│ +[\d.]+ │ +(\S+) │", result.stdout)
    parameters, smaller, cost, cheaper, _, _, difference = map(float, row.groups())
    assert smaller < 0.3 * parameters
    assert cheaper < 0.3 * cost
    assert difference < 1e-5


def test_names_what_there_is():
    result = run("no-such-network")
    assert result.returncode == 1
    assert "is none of resnet20" in result.stdout + result.stderr
