"""The process that converts to int8: what its end means. Its conversions are in test_int8.py."""

import subprocess

import numpy as np
import pytest

from tfsparse.converter import int8_conversion


@pytest.mark.parametrize(
    ("returncode", "message"),
    [
        (-11, r"calibration crashed \(SIGSEGV\).* build them with unroll=True"),
        (-6, r"calibration crashed \(SIGABRT\)"),
        (-9, r"calibration was killed \(SIGKILL\), as happens where memory is short"),
        (1, "^ValueError: at the end\n"),
    ],
)
def test_why_a_process_failed(tmp_path, monkeypatch, returncode, message):
    printed = "Traceback\nValueError: at the end\n"
    done = subprocess.CompletedProcess([], returncode, "", printed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(RuntimeError, match=message) as caught:
        int8_conversion.in_a_process(tmp_path, "serve", [{"x": np.zeros(1)}])
    assert printed.strip() in str(caught.value)


def test_what_tensorflow_raises_is_the_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"^SavedModel file does not exist"):
        int8_conversion.in_a_process(str(tmp_path), "serve", [{"x": np.zeros(1)}])
