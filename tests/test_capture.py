import logging
import os
import subprocess
import sys
import threading
import warnings

import pytest

from tfsparse.capture import captured_output


def chatter():
    print("from Python")
    print("a Python error", file=sys.stderr)
    os.write(1, b"from native code\n")
    os.write(2, b"a native error\n")
    warnings.warn("a warning", stacklevel=1)
    logging.getLogger("tensorflow").warning("a logged warning")


def test_nothing_reaches_the_terminal_and_all_is_kept_in_order(capfd):
    print("before")
    with captured_output() as printed:
        chatter()
        text = printed()
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")
    assert text == "from Python\na Python error\nfrom native code\na native error\n"


def interrupted():
    with captured_output():
        chatter()
        raise KeyboardInterrupt


def test_an_exception_passes_and_the_terminal_is_back(capfd):
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    os.write(1, b"native\n")
    print("Python", file=sys.stderr)
    assert capfd.readouterr() == ("native\n", "Python\n")


def test_captures_nest(capfd):
    with captured_output() as outer:
        with captured_output() as inner:
            print("inner")
            assert inner() == "inner\n"
        print("outer")
        assert outer() == "outer\n"
    assert capfd.readouterr() == ("", "")


def test_captures_in_two_threads_do_not_mix(capfd):
    def work(name, texts):
        for _ in range(20):
            with captured_output() as printed:
                os.write(2, name.encode())
                texts.add(printed())

    texts = {"a": set(), "b": set()}
    threads = [threading.Thread(target=work, args=item) for item in texts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end")
    assert texts == {"a": {"a"}, "b": {"b"}}
    assert capfd.readouterr() == ("", "end")


def test_a_log_handler_made_meanwhile_writes_to_the_terminal_afterwards(capfd):
    with captured_output() as printed:
        logger = logging.Logger("made meanwhile")
        logger.addHandler(logging.StreamHandler())
        logger.warning("hidden")
        assert printed() == "hidden\n"
    logger.warning("shown")
    assert capfd.readouterr() == ("", "shown\n")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nothing lists the descriptors")
def test_no_descriptor_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    with captured_output():
        chatter()
    assert len(os.listdir("/proc/self/fd")) == before


CLOSED = """
import os, sys
from tfsparse.capture import captured_output
{close}
with captured_output() as printed:
    print("hidden")
    os.write(2, b"hidden")
    assert printed() == "hidden\\nhidden", printed()
os.write(2, b"done")
"""


@pytest.mark.parametrize(
    "close", ["os.close(1)", "sys.stdout.close()", "sys.stdout = None; os.close(1)"]
)
def test_a_closed_stdout_is_no_obstacle(close):
    result = subprocess.run([sys.executable, "-c", CLOSED.format(close=close)], capture_output=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"done")
