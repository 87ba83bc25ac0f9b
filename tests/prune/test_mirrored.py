import json
import subprocess
import sys
from pathlib import Path


def test_replicas_hold_the_same_zeros_in_every_step():
    script = Path(__file__).with_name("mirrored.py")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    ways = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"way"')]
    assert len(ways) == 8
    for way in ways:
        assert way == {
            "way": way["way"],
            "steps": 12,
            "held": True,
            "replicas": [0.5, 0.5],
            "equal": True,
            "logged": 0.5,
        }
