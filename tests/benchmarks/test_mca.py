import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delegate.cpp import CrossBuild

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mca.py"


def test_inner_loops_are_near_their_bound_on_every_core():
    missing = CrossBuild.missing("aarch64")
    if not shutil.which("llvm-mca-19"):
        missing.append("llvm-19")
    if missing:
        pytest.skip(f"nothing to ask: apt-get install {' '.join(missing)}")
    result = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    cells = (line.split("│")[1:-1] for line in result.stdout.splitlines() if line.startswith("│"))
    rows = [[cell.strip() for cell in row] for row in cells]
    assert {row[2] for row in rows} == {"cortex-a55", "cortex-a76", "cortex-x1", "neoverse-n1"}
    for channels, pixels, core, _, cycles, loads, products, ratio in rows:
        assert float(cycles) >= max(float(loads), float(products))
        assert float(ratio) <= 1.15, (channels, pixels, core)
