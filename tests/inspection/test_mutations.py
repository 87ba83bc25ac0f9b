"""Damaged files are refused with a message, or inspected: nothing crashes, nothing hangs."""

import pytest

import tfsparse
from tests.converter.test_mutations import dense, sparse
from tests.mutations import how_many, mutations
from tfsparse.inspection import delegate

MESSAGES = ("Expected a TFLite file", "The TFLite file is damaged")


def refusal(path):
    """What `inspect` says against a file; empty if it can be inspected, shown and written."""
    try:
        found = tfsparse.inspect(path)
    except ValueError as error:
        return str(error)
    assert str(found)
    assert found.to_json()
    return ""


@pytest.mark.parametrize("build", [dense, sparse])
def test_a_damaged_file_is_refused_or_inspected(tmp_path, monkeypatch, build):
    path = tmp_path / "model.tflite"
    data = build()
    unasked = delegate.Answer({}, None, "", problem="not asked")
    ask, asked, outcomes = delegate.ask, 0, set()
    for name, damaged in mutations(data, how_many(200) // 2, seed=1):
        path.write_bytes(damaged)
        # A process for each would take minutes.
        monkeypatch.setattr(delegate, "ask", lambda *_, **__: unasked)
        message = refusal(path)
        outcomes.add(message == "")
        assert not message or (message.startswith(MESSAGES) and str(path) in message), (
            f"{name}: {message}"
        )
        if not message and asked < how_many(200) // 50:
            asked += 1
            monkeypatch.setattr(delegate, "ask", ask)
            assert refusal(path) == "", name
    assert outcomes == {True, False}
