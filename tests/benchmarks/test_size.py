import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "size.py"


def test_names_what_there_is():
    command = [sys.executable, SCRIPT, "no-such-network"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "is none of conformer" in result.stdout + result.stderr
