"""The page of examples/web and its server."""

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "examples" / "web"


@pytest.fixture
def address(tmp_path):
    """Of a running server of a copy of the page, beside a file that is not for it."""
    if shutil.which("node") is None:
        pytest.skip("no Node.js: apt-get install nodejs")
    (tmp_path / "outside.txt").write_text("secret")
    site = tmp_path / "site"
    shutil.copytree(WEB, site, ignore=shutil.ignore_patterns("node_modules", "models"))
    (site / "models").mkdir()
    for name in ("b, 90% zeros.tflite", "a.tflite", "notes.txt"):
        (site / "models" / name).write_text(name)
    environment = os.environ | {"PORT": "0"}
    with subprocess.Popen(
        ["node", "serve.js"], cwd=site, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        yield server.stdout.readline().strip()
        server.terminate()


def get(address):
    """Status, type and body."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, None, b""


def test_serves_the_page_and_lists_the_models(address):
    status, kind, body = get(f"{address}/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"page.js" in body
    assert get(f"{address}/page.js")[:2] == (200, "text/javascript")
    names = json.loads(get(f"{address}/models.json")[2])
    assert names == ["a.tflite", "b, 90% zeros.tflite"]
    assert get(f"{address}/models/b,%2090%25%20zeros.tflite")[2] == b"b, 90% zeros.tflite"


def test_serves_nothing_else_and_goes_on(address):
    for wrong in (
        "..%2Foutside.txt",
        "%2e%2e/outside.txt",
        "%",
        "models/b, 90%",
        "absent",
        "models",
    ):
        assert get(f"{address}/{wrong.replace(' ', '%20')}")[0] == 404
    assert get(f"{address}/")[0] == 200


def test_the_script_finds_its_elements():
    used = set(re.findall(r'element\("(\w+)"\)', (WEB / "page.js").read_text()))
    present = set(re.findall(r'id="(\w+)"', (WEB / "index.html").read_text()))
    assert used
    assert used <= present


def test_uses_the_measured_version_of_litert():
    needed = json.loads((WEB / "package.json").read_text())["dependencies"]["@litertjs/core"]
    script = (WEB.parents[1] / "benchmarks" / "web.py").read_text()
    assert f'LITERT = "@litertjs/core@{needed}"' in script
