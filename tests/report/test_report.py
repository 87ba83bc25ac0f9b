"""The page of `tfsparse report`: what it says, and what a browser makes of it."""

import base64
import html
import io
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

import tfsparse
from tests.converter.single_op import pruned, run, single_op
from tfsparse import flatbuffer
from tfsparse.command_line import main as command
from tfsparse.formatting import byte_size
from tfsparse.inspection import delegate
from tfsparse.inspection.inspect import inspect
from tfsparse.report import pictures, times, write
from tfsparse.runtime import benchmark

EVIL = "<script>alert('tensor')</script>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def save(path, weights, name=b"y"):
    """Writes a model of one operator whose output has a name."""
    model = single_op(weights)
    model.subgraphs[0].tensors[3].name = name
    path.write_bytes(flatbuffer.serialize(model))
    return path


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A dense file and the sparse one of the same weights."""
    folder = tmp_path_factory.mktemp("report")
    name = f"{EVIL}{'a_long_name_without_a_space;' * 20}".encode()
    dense = save(folder / "<b>dense&.tflite", pruned((64, 1, 1, 96), 0.8), name)
    # Its encoding has a name that is wider than its column: "float32, CSR, 4x1x1x1 blocks".
    return [str(dense), tfsparse.convert(dense, folder / "sparse.tflite", encoding=(4, 1))]


@pytest.fixture(scope="module")
def pages(paths):
    """The pages of the sparse file and of both, measured, by their number of files."""
    found = {}
    for files in (1, 2):
        out = write.write_report(paths[-files:], f"{paths[1]}.html", seconds=0.1)
        with open(out, encoding="utf-8") as file:
            found[files] = file.read()
    return found


@pytest.fixture(scope="module")
def page(pages):
    """The page of both files."""
    return pages[2]


def text_of(page):
    return html.unescape(
        re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    )


def test_it_says_what_inspect_found(paths, page):
    text = " ".join(text_of(page).split())
    for path in paths:
        found = inspect(path)
        assert byte_size(found.totals.file_bytes) in text
        assert f"{100 * found.totals.sparsity:.0f} %" in text
    assert "64\u00d71\u00d71\u00d796" in text
    assert "CSR" in text
    assert "x as fast as TFLite" in text
    assert "no weights are stored sparse" in text
    assert text.count("µs") >= 4, "both files as they are and dense"


def test_it_is_self_contained(page):
    assert not re.search(r"https?://|@import|<script|<link(?! rel=\"icon\" href=\"data:)", page)
    assert all(url.startswith("data:") for url in re.findall(r"url\(([^)]*)\)", page))


def test_names_are_escaped(page):
    assert EVIL not in page
    assert "<b>" not in page
    assert html.escape(EVIL, quote=False).split("alert")[0] in page
    assert "<b>dense&.tflite" in text_of(page)


def test_tables_have_headings(page):
    for table in re.findall(r"<table.*?</table>", page, re.S):
        headings = re.findall(r"<th scope=\"col\"", table.split("</thead>")[0])
        assert headings
        for row in re.findall(r"<tr.*?</tr>", table.split("</thead>")[1], re.S):
            assert len(re.findall(r"<t[hd][ >]", row)) == len(headings)
            assert '<th scope="row"' in row


def test_without_measuring_there_are_no_times(paths, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert command.main(["report", paths[1], "-o", str(out), "--nomeasure", "--pictures", "0"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    text = text_of(out.read_text())
    assert "Not run: no times" in text
    assert "Times are of" not in text
    assert "data:image" not in out.read_text()


@pytest.mark.parametrize("arguments", [[], ["a.tflite", "b.tflite", "c.tflite"]])
def test_one_or_two_files_are_expected(arguments, capsys):
    assert command.main(["report", *arguments]) == 2
    assert "Expected one or two .tflite files." in capsys.readouterr().err


def test_a_damaged_file_leaves_no_page(tmp_path, capsys):
    (tmp_path / "model.tflite").write_bytes(b"no model")
    out = tmp_path / "page.html"
    assert command.main(["report", str(tmp_path / "model.tflite"), "-o", str(out)]) == 1
    assert "model.tflite" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_dense_twin_has_no_zeros_and_the_same_other_weights(tmp_path, dtype):
    weights = pruned((64, 96), 0.8, dtype)
    source = tfsparse.convert(save(tmp_path / "a.tflite", weights), tmp_path / "b.tflite")
    times.write_dense_twin(source, tmp_path / "twin.tflite")
    model = flatbuffer.read(tmp_path / "twin.tflite")
    (found,) = [
        flatbuffer.constant(model, t) for t in model.subgraphs[0].tensors if t.name == b"weights"
    ]
    assert np.count_nonzero(found) == found.size
    np.testing.assert_array_equal(found[weights != 0], weights[weights != 0])
    run(tfsparse.Interpreter(tmp_path / "twin.tflite"))


def test_a_file_and_its_dense_twin_are_measured_by_one_process(paths, monkeypatch):
    """Which runs them in turn: what else the machine does slows both."""
    run, commands = subprocess.run, []
    monkeypatch.setattr(
        delegate.subprocess, "run", lambda one, **kw: (commands.append(one), run(one, **kw))[1]
    )
    found = times.measure(paths[1], benchmark.machine(), 0.1)
    assert len(commands) == 1
    ((seconds, dense_seconds),) = found.layers.values()
    assert min(seconds, dense_seconds) > 0


def test_a_file_without_pictures_has_no_heading_for_them(paths, tmp_path):
    dense = save(tmp_path / "no_zeros.tflite", pruned((64, 1, 1, 96), 0))
    out = write.write_report([dense, paths[1]], tmp_path / "page.html", measure=False)
    with open(out, encoding="utf-8") as file:
        galleries = file.read().partition("Where the weights are")[2].partition("<footer")[0]
    assert "no_zeros.tflite" not in galleries
    assert "sparse.tflite" in galleries


def test_layers_that_correspond_stand_in_one_row(paths):
    one, other = [
        write.content_of(inspect(path), None, 0).layers for path in paths
    ]  # of equal keys
    assert [len(row) for row in write.aligned(one)] == [1]
    assert write.aligned(one, other) == [[one[0], other[0]]]
    assert write.aligned(one, []) == [[one[0], None]]


def test_pictures_show_what_is_kept():
    kept = np.zeros((8, 3, 3, 4), bool)
    kept[2, 1, 0, 3] = True
    shown = pictures.matrix(kept)
    assert shown.shape == (8, 36)
    assert shown[2].sum() == shown.sum() == 1
    assert pictures.matrix(kept[:1], channels_last=True).shape == (4, 9)
    large = np.random.default_rng(0).random((300, 1000)) < 0.25
    shares = pictures.density(large)
    assert shares.shape == (256, 256)
    assert shares.mean() == pytest.approx(0.25, abs=0.01)
    url = pictures.png_url(np.array([[0, 1, 0.5]]))
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        np.testing.assert_array_equal(picture, [[(0, 0), (0, 255), (0, 128)]], "gray and alpha")


# Cells of a row that meet, and cells that something sticks out of to the right.
FRAME = """<body><iframe id="page" style="width: {width}px; height: 2000px; border: 0" src="{name}">
</iframe><script>
page.onload = () => {{
  const root = page.contentDocument.documentElement;
  document.body.dataset.hidden = root.scrollWidth - root.clientWidth;
  document.body.dataset.width = root.clientWidth;
  document.body.dataset.requests =
    page.contentWindow.performance.getEntriesByType("resource").length;
  document.body.dataset.scripts = page.contentDocument.scripts.length;
  let collisions = 0;
  for (const row of root.querySelectorAll("tbody tr")) {{
    const cells = [...row.children].map(cell => [cell, cell.getBoundingClientRect()]);
    for (const [cell, box] of cells) {{
      for (const child of cell.querySelectorAll("*")) {{
        collisions += child.getBoundingClientRect().right > box.right + 1;
        const text = document.createRange();
        text.selectNodeContents(child);
        // Lines that are cut show no more than fits.
        collisions += !child.closest(".line") && text.getBoundingClientRect().right > box.right + 1;
      }}
      for (const [other, its] of cells)
        collisions += cell !== other && box.left + 1 < its.right && its.left + 1 < box.right
          && box.top + 1 < its.bottom && its.top + 1 < box.bottom;
    }}
  }}
  document.body.dataset.collisions = collisions;
}};
</script></body>"""


@pytest.mark.skipif(not CHROMIUM, reason="needs a browser: apt-get install chromium")
@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("width", [390, 900, 1280])
def test_in_a_browser(pages, tmp_path, width, files):
    """No errors, no requests, nothing to scroll sideways; the browser's own go to a dead proxy."""
    (tmp_path / "page.html").write_text(pages[files], encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width, name="page.html"))
    command = (
        f"{CHROMIUM} --headless --no-sandbox --disable-gpu --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--hide-scrollbars --allow-file-access-from-files --proxy-server=127.0.0.1:9 "
        f"--enable-logging=stderr --user-data-dir={tmp_path}/profile --window-size=1400,2000 "
        "--dump-dom"
    )
    done = subprocess.run(
        [*command.split(), f"file://{tmp_path}/frame.html"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (body,) = re.findall(r"<body[^>]*>", done.stdout)
    assert f'data-width="{width}"' in body
    assert 'data-hidden="0"' in body
    assert 'data-collisions="0"' in body
    assert 'data-requests="0"' in body
    assert 'data-scripts="0"' in body
    assert "CONSOLE" not in done.stderr
