"""Keeping TensorFlow's chatter off the terminal."""

import contextlib
import io
import os
import sys
import tempfile
import warnings


@contextlib.contextmanager
def quiet():
    """Hides what the block prints, from Python and from native code; shows it if the block fails.

    TensorFlow writes to file descriptor 2 itself, before any setting of its own can stop it, so
    the descriptor is what is redirected. Python's `sys.stdout` is replaced too, but descriptor 1
    is left alone: a progress display bound to it goes on.

    Example:

    >>> with quiet():
    ...     import tensorflow
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    printed = io.StringIO()
    failed = False
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            with contextlib.redirect_stdout(printed), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                log.seek(0)
                sys.stderr.write(printed.getvalue() + log.read().decode(errors="replace"))
