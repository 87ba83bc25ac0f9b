import io

import pytest
from rich.console import Console

import tfsparse
from tests.benchmarks.scripts import loaded
from tests.delegate import networks
from tfsparse.files import cache_folder


@pytest.fixture
def script():
    with loaded("web_sparse_mode") as module:
        yield module


def test_compares_files_in_litert_js(script, tmp_path):
    model = networks.randomize(networks.mobile_net(size=32), 0.8)
    models = {"as it is": model, "symmetric": tfsparse.symmetric_padding(model)}
    files = {
        name: tfsparse.convert(one, tmp_path / f"{name}.tflite") for name, one in models.items()
    }
    try:
        found = script.compare(files, 0.1, script.web.litert_js(cache_folder()))
    except OSError as error:
        pytest.skip(str(error))
    first, second = found["networks"]
    assert first["sparse"] == 0
    assert "tfsparse.symmetric_padding" in first["reason"]
    assert max(first["error"], second["error"]) < 1e-4
    assert min(first["faster"], second["faster"]) > 0
    output = io.StringIO()
    script.show(found, Console(file=output, width=250))
    assert "as it is" in output.getvalue()
    assert "of 2 agree" in output.getvalue()


@pytest.mark.parametrize(
    ("sparse", "error", "agrees"),
    [(30, 1e-6, True), (30, 0.0, False), (0, 0.0, True), (0, 1e-6, False)],
)
def test_agrees_where_outputs_differ_just_if_it_is_predicted(script, sparse, error, agrees):
    assert script.agrees({"sparse": sparse, "error": error}) == agrees
