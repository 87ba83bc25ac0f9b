import os
import stat

import pytest

from tfsparse.files import check_writable, write_atomically


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    write_atomically(path, b"n", b"ew")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["model.tflite"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()
    write_atomically(tmp_path / "model.tflite", b"")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("other", "model.tflite")}
    assert len(modes) == 1


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError("no space left")

    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.tflite"]


def test_the_check_leaves_no_trace(tmp_path):
    assert check_writable(tmp_path / "model.tflite") == str(tmp_path / "model.tflite")
    assert os.listdir(tmp_path) == []


def test_a_relative_path_is_returned_as_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_writable("model.tflite") == "model.tflite"


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("missing/model.tflite", FileNotFoundError, "no directory .*missing'. Create it first"),
        ("file/model.tflite", FileNotFoundError, "no directory"),
        (".", IsADirectoryError, "Expected the path of a file"),
        ("new/", IsADirectoryError, "Expected the path of a file"),
        ("", IsADirectoryError, "Expected the path of a file"),
        ("/dev/null", OSError, "not a regular file"),
        ("/proc/model.tflite", OSError, "Cannot write '/proc/model.tflite'"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path, monkeypatch, path, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(error, match=message):
        check_writable(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="Cannot write"):
        check_writable(tmp_path / "model.tflite")
