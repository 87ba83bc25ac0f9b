import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "prune_file.py"


def test_says_how_to_do_without_a_registry(tmp_path):
    command = [sys.executable, SCRIPT, "--cache_dir", tmp_path]
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 1
    assert "could not be downloaded" in result.stderr
    assert not list(tmp_path.iterdir()), "nothing half downloaded is left"
