import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accuracy.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_run_is_measured_once_and_shown_in_the_table(pictures, tmp_path):
    arguments = ("--width", 2, "--epochs", 1, "--data", pictures, "--json", tmp_path / "out")
    result = run("gradual", "gradual-distill", *arguments)
    assert result.returncode == 0, result.stderr
    distilled, path = sorted((tmp_path / "out").glob("*.json"))
    assert path.name == "resnet20-2-strides2-1epochs-gradual-seed0.json"
    found = json.loads(path.read_text())
    imitation = json.loads(distilled.read_text())
    assert imitation["method"] == "gradual-distill"
    assert imitation["sparsity"] == found["sparsity"]
    # The network that it imitates is kept for other runs, but is no result that was asked for.
    (weights,) = (tmp_path / "out" / "weights").iterdir()
    assert weights.name == "resnet20-2-strides2-1epochs-dense-seed0.weights.h5"
    distilled.unlink()
    assert found["accuracy"] in (0, 0.5, 1)
    # 20 layers and 2 shortcuts at a tenth, the stem's 54 weights as they are.
    assert found["sparsity"] == pytest.approx(0.9, abs=0.02)
    assert 0 < found["macs"] < 0.25 * 40_550_000 / 64
    assert found["data"] == "pictures"
    assert len(found["epoch_accuracy"]) == 1

    written = path.stat().st_mtime_ns
    assert run("gradual", *arguments).returncode == 0
    assert path.stat().st_mtime_ns == written

    (path.parent / "other.json").write_text(
        json.dumps({**found, "method": "dense", "accuracy": 0.5, "sparsity": 0.0})
    )
    path.write_text(json.dumps({**found, "accuracy": 0.25}))
    (path.parent / "seed1.json").write_text(json.dumps({**found, "accuracy": 0.75, "seed": 1}))
    lines = run("--table", path.parent).stdout.splitlines()
    assert lines[0].startswith("resnet20, width 2, 1 epochs, pictures, ")
    assert lines[3] == (
        "python benchmarks/accuracy.py dense gradual --network resnet20 --width 2 "
        "--stem_strides 2 --epochs 1 --seeds 0,1"
    )
    dense, gradual = lines[8:10]
    assert dense.startswith("| dense | 50.0 % | +0.0 |  | 0% |")
    assert gradual.startswith("| gradual | 50.0 % (25.0 to 75.0) | +0.0 |  | 89% |")
    assert gradual.endswith("| 2 |")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["magic"], "Expected methods, of dense, symmetric-padding.*Received: magic"),
        ([], "Received: none"),
        (["dense", "--seeds", "a"], "--seeds takes ints. Received: a"),
        (["dense", "--data", "nowhere", "--json", "nowhere"], "Received: 'nowhere'"),
    ],
)
def test_says_what_is_wrong_with_its_arguments(arguments, message, tmp_path):
    result = run(*arguments)
    assert result.returncode == 1
    assert any(re.search(message, text) for text in (result.stdout, result.stderr)), result.stderr
    assert "Traceback" not in result.stderr
