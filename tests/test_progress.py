"""How far long work has come, where stderr is no terminal."""

import pytest

from tfsparse import progress


@pytest.mark.parametrize(
    ("seconds", "lines"), [(0, ["Reading: 0 of 2", "Reading: 1 of 2"]), (60, [])]
)
def test_plain_lines_off_a_terminal(capsys, monkeypatch, seconds, lines):
    monkeypatch.setattr(progress, "SECONDS", seconds)
    assert list(progress.track(["a", "b"], "Reading")) == ["a", "b"]
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", lines)
