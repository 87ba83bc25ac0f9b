import io
import json
import os
import re
import sys

import pytest
from rich.console import Console

import tfsparse
from delegate.packaging import web as package
from tests.benchmarks.scripts import loaded
from tests.delegate import networks
from tfsparse.files import cache_folder


@pytest.fixture
def script():
    with loaded("web") as web:
        yield web


@pytest.fixture
def needed(script):
    """The folders of LiteRT.js and of tfsparse's module."""
    try:
        sys.modules["benchmarks.browser"].executable()
        return script.litert_js(cache_folder()), package.build()
    except OSError as error:
        pytest.skip(str(error))


def test_times_every_runtime_and_compares_outputs(script, needed, tmp_path):
    litert, module = needed
    model = networks.randomize(networks.mobile_net(size=32), 0.8)
    path = tfsparse.convert(model, tmp_path / "small.tflite")
    found = script.measure({"small": path}, 0.1, litert, module)
    (measured,) = found["models"]
    assert measured["name"] == "small"
    assert list(measured["times"]) == list(script.RUNTIMES)
    assert all(len(times) >= 3 and min(times) > 0 for times in measured["times"].values())
    assert 0 <= measured["error"] < 1e-4
    output = io.StringIO()
    script.show(found, Console(file=output, width=160))
    assert re.search(r"small .* [\d.]+ / [\d.]+ .* [\d.]+x", output.getvalue())


def test_times_threads(script, needed, tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    litert, module = needed
    path = tfsparse.convert(networks.randomize(networks.mobile_net(size=32), 0.8), tmp_path / "net")
    runtimes = script.with_threads(2)
    found = script.measure({"net": path}, 0.1, litert, module, runtimes)
    assert list(found["models"][0]["times"]) == list(runtimes)
    output = io.StringIO()
    script.show(found, Console(file=output, width=200))
    assert "tfsparse, 2 threads : one" in output.getvalue()


def test_tells_what_a_page_could_not_do(script, needed, tmp_path):
    litert, module = needed
    path = tmp_path / "unsupported.tflite"
    tfsparse.convert(networks.randomize(networks.around_unknown_operators(), 0.8), path)
    with pytest.raises(RuntimeError, match=r"UnsupportedModelError: cannot run (SIN|COS)"):
        script.measure({"unsupported": path}, 0.1, litert, module)


def test_serves_what_it_is_given_alone(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.txt").write_text("a")
    (tmp_path / "outside.txt").write_text("b")
    with loaded("browser") as browser:
        site = browser.Site({"/in/": tmp_path / "inside", "/job.json": json.dumps(1).encode()})
        assert site.find("/in/a.txt") == b"a"
        assert site.find("/job.json") == b"1"
        assert site.find("/in/../outside.txt") is None
        assert site.find("/outside.txt") is None


def test_speedup_is_the_median_of_rounds_of_five(script):
    baseline = [*[9.0] * 4, 4.0, *[8.0] * 5, *[90.0] * 5]
    candidate = [*[2.0] * 5, *[30.0] * 4, 4.0, *[9.0] * 5]
    assert script.speedup(baseline, candidate) == 2.0


def test_the_suite_leaves_out_what_cannot_be_downloaded(script, monkeypatch, capsys, tmp_path):
    def cached_file(name, folder, sparsity=0.0, **options):
        if name in script.catalogue.PRETRAINED:
            raise OSError("no network")
        assert options["encoding"] == "auto"
        return tmp_path / f"{name}-{sparsity}-{options.get('weights', 'float32')}"

    monkeypatch.setattr(script.catalogue, "cached_file", cached_file)
    script.flags.FLAGS(["web"])
    files = script.suite_files()
    assert list(files) == [
        *(f"mobilenet_v2_padded, {zeros} %" for zeros in (80, 90)),
        *(f"mobilenet_v2, {zeros} %" for zeros in (80, 90)),
        *(f"mobilenet_v2 int8, {zeros} %" for zeros in (80, 90)),
    ]
    assert files["mobilenet_v2 int8, 80 %"].name == "mobilenet_v2-0.8-int8"
    told = capsys.readouterr().err
    for name in script.catalogue.PRETRAINED:
        assert f"{name} is left out, it could not be downloaded: no network" in told
