import json
import subprocess
import sys
from pathlib import Path


def test_trials_use_all_devices(tmp_path):
    script = Path(__file__).with_name("mirrored.py")
    command = [sys.executable, script, tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    ways = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"way"')]
    assert [way["way"] for way in ways] == [
        "made for both",
        "two GPUs",
        "smaller models",
        "one of two GPUs",
    ]
    *searches, smaller, one_device = ways
    assert smaller["replicas"] == [2, 2]
    assert one_device["replicas"] == [1]
    for way in searches:
        assert way["replicas"] == [2, 2]  # of the trial and of the last training
        assert way["zeros"] > 0.3
