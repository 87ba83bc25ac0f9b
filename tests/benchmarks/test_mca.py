import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delegate.cpp import CrossBuild

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mca.py"


# By machine: the cores, and how many times its bound a loop may take. On x86-64 there is no goal:
# the limit is what g++ 12 makes of it today.
EXPECTED = {
    "aarch64": ({"cortex-a55", "cortex-a76", "cortex-x1", "neoverse-n1"}, 1.15),
    "x86_64": ({"haswell", "skylake", "znver2", "znver3", "znver4"}, 1.7),
}


@pytest.mark.parametrize("machine", EXPECTED)
def test_inner_loops_are_near_their_bound_on_every_core(machine):
    missing = CrossBuild.missing(machine)
    if not shutil.which("llvm-mca-19"):
        missing.append("llvm-19")
    if missing:
        pytest.skip(f"nothing to ask: apt-get install {' '.join(missing)}")
    command = [sys.executable, SCRIPT, "--machine", machine]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    cells = (line.split("│")[1:-1] for line in result.stdout.splitlines() if line.startswith("│"))
    rows = [[cell.strip() for cell in row] for row in cells]
    cores, at_most = EXPECTED[machine]
    assert {row[2] for row in rows} == cores
    for channels, pixels, core, _, cycles, loads, products, ratio in rows:
        assert float(cycles) >= max(float(loads), float(products))
        assert float(ratio) <= at_most, (channels, pixels, core)
