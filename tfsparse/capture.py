"""Captures the output of a block of code, from Python and native code."""

import contextlib
import io
import logging
import os
import sys
import tempfile
import threading
import warnings

# Descriptors and streams belong to the process: two captures that overlap would restore each
# other's file instead of the terminal.
_LOCK = threading.RLock()
# Their handlers may hold a stream that is neither `sys.stderr` nor a descriptor, as in notebooks.
_LOGGERS = ("absl", "tensorflow")


@contextlib.contextmanager
def captured_output():
    """Captures stdout and stderr, Python's and native code's, and silences warnings.

    Output of other threads of the process is captured, too. A closed stdout or stderr stays
    closed.

    Yields:
        A function that returns what has been printed so far.

    Example:

    >>> with captured_output() as printed:
    ...     os.write(2, b"native code")
    ...     text = printed()
    """
    with _LOCK, contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile())
        # One file description under all writers, so that their output stays in order.
        writer = stack.enter_context(open(os.dup(log.fileno()), "w", buffering=1, errors="replace"))
        for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
            stack.enter_context(_redirected(fd, log.fileno(), stream))
        stack.enter_context(_replaced("stdout", writer))
        stack.enter_context(_replaced("stderr", writer))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for name in _LOGGERS:
            stack.enter_context(_only_errors(logging.getLogger(name)))

        def printed():
            writer.flush()
            size = os.fstat(log.fileno()).st_size
            return os.pread(log.fileno(), size, 0).decode(errors="replace")

        yield printed


@contextlib.contextmanager
def _redirected(fd, target, stream):
    """Makes a descriptor another name of `target` for the block; leaves a closed one alone."""
    _flush(stream)
    try:
        saved = os.dup(fd)
    except OSError:
        yield
        return
    try:
        os.dup2(target, fd)
        yield
    finally:
        _flush(stream)
        os.dup2(saved, fd)
        os.close(saved)


@contextlib.contextmanager
def _replaced(name, writer):
    """Makes `sys.stdout` or `sys.stderr` write to `writer` for the block."""
    original = getattr(sys, name)
    stream = _Stream(writer)
    setattr(sys, name, stream)
    try:
        yield
    finally:
        setattr(sys, name, original)
        # A log handler that was made meanwhile keeps the stream.
        stream.target = original


class _Stream(io.TextIOBase):
    """Text stream whose target can change."""

    def __init__(self, target):
        self.target = target

    def write(self, text):
        """Writes to the target, if there is one."""
        if self.target is not None:
            self.target.write(text)
        return len(text)

    def flush(self):
        """Flushes the target."""
        _flush(self.target)


def _flush(stream):
    # None without a console, ValueError when closed, OSError when nobody reads the other end.
    with contextlib.suppress(AttributeError, ValueError, OSError):
        stream.flush()


@contextlib.contextmanager
def _only_errors(logger):
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
