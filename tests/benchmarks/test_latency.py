import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfsparse
from tests.delegate import networks as networks_of_tests
from tfsparse.zoo import architectures, catalogue

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "latency.py"


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.tflite"
    return tfsparse.convert(architectures.small_mobilenet_v2((16, 16, 1), 3), path)


@pytest.mark.parametrize("runtime", ["tf", "litert"])
def test_compares_a_file_in_text_and_json(model, tmp_path, runtime):
    out = tmp_path / "out.json"
    result = run(model, "--runtime", runtime, "--num_threads", 2, "--seconds", 0.2, "--json", out)
    assert result.returncode == 0, result.stderr
    assert "tiny.tflite" in result.stdout
    assert "TFLite default" in result.stdout
    assert "threads: 2" in result.stdout
    assert result.stderr == "", "no chatter"
    written = json.loads(out.read_text())
    assert written["num_threads"] == 2
    assert written["cpu"]
    (row,) = written["results"]
    lower, upper = row["comparison"]["speedup_quartiles"]
    assert 0 < lower <= row["comparison"]["speedup"] <= upper
    assert row["difference"] < 1e-4


@pytest.fixture
def cache(model, tmp_path, monkeypatch):
    """A function that puts the tiny model into a cache folder under another's name."""
    monkeypatch.setattr(catalogue, "build", lambda *_: None)
    monkeypatch.setattr(
        tfsparse, "convert", lambda _, path, **options: Path(path).write_bytes(content)
    )
    content = Path(model).read_bytes()
    return lambda name, *args: catalogue.cached_file(name, tmp_path, *args)


def test_takes_named_networks_from_the_cache_at_each_sparsity(cache, tmp_path):
    for sparsity in (0.7, 0.95):
        cache("mobilenet_v1", sparsity)
    result = run(
        "mobilenet_v1", "--sparsity", "0.7,0.95", "--seconds", 0.1, "--cache_dir", tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "mobilenet_v1-70" in result.stdout
    assert "mobilenet_v1-95" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux")
def test_the_suite_shows_what_is_promised_beside_what_is_measured(cache, tmp_path):
    cache("mobilenet_v2", 0.8)
    out = tmp_path / "out.json"
    result = run(
        *("--suite", "mobilenet_v2-80", "*-threads", "--seconds", 0.1),
        *("--isa", "portable", "--json", out, "--cache_dir", tmp_path),
    )
    assert result.returncode == 0, result.stderr
    assert "1.9x " in result.stdout
    assert "1.7x " in result.stdout
    assert "tfsparse is limited to portable. TFLite's default has no option" in result.stdout
    whole, threads = json.loads(out.read_text())["results"]
    assert whole["name"] == "mobilenet_v2-80"
    assert whole["case"]["at_least"] == 1.9
    assert whole["loading_cost"]["peak"] > 0
    assert threads["case"]["baseline"] == "one thread"
    assert threads["loading_cost"] is None


def test_takes_a_pretrained_network_from_the_cache(model, tmp_path):
    folder = tmp_path / catalogue.MEDIAPIPE.replace("==", "-") / "mediapipe" / "modules" / "pose"
    folder.mkdir(parents=True)
    (folder / "pose_detection.tflite").write_bytes(Path(model).read_bytes())
    result = run("pose_detection", "--seconds", 0.1, "--cache_dir", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "pose_detection" in result.stdout


def test_says_where_a_network_could_not_be_downloaded(tmp_path):
    result = run("pose_detection", "--cache_dir", tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert result.returncode == 1
    assert "mediapipe==0.10.21 could not be downloaded" in result.stderr
    assert "Traceback" not in result.stderr


def test_says_which_sizes_it_assumed(tmp_path):
    path = networks_of_tests.open_sizes(tmp_path / "open.tflite")
    result = run(path, "--seconds", 0.1)
    assert result.returncode == 0, result.stderr
    assert "image as 1x224x224x3" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mobilenet"],
            "'mobilenet' is neither a file nor one of conformer, convnext_tiny",
        ),
        (["--sparsity", "much"], "--sparsity takes fractions such as 0.8,0.9"),
        (["--sparsity", "80"], "--sparsity takes fractions from 0 to below 1"),
        (["--suite", "alexnet*"], "Expected names of cases, of mobilenet_v2-80, "),
        (["--num_threads", "0"], "--num_threads=0"),
        (["--runtime", "torch"], "--runtime=torch"),
    ],
)
def test_says_what_is_wrong_with_its_arguments(arguments, message):
    result = run(*arguments)
    assert result.returncode == 1
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_help_has_an_example():
    assert "python benchmarks/latency.py mobilenet_v1" in run("--help").stdout
