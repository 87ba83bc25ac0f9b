"""Imports scripts of benchmarks/ as modules."""

import contextlib
import importlib
import sys
from pathlib import Path
from unittest import mock

from absl import flags

FOLDER = Path(__file__).parents[2] / "benchmarks"


@contextlib.contextmanager
def loaded(name):
    """A script by its name, until the end: other scripts define flags of the same names."""
    known = set(flags.FLAGS)
    # Scripts import their neighbours.
    with mock.patch.object(sys, "path", [str(FOLDER), *sys.path]):
        yield importlib.import_module(f"benchmarks.{name}")
    for flag in set(flags.FLAGS) - known:
        delattr(flags.FLAGS, flag)
    for module in [module for module in sys.modules if module.split(".")[0] == "benchmarks"]:
        del sys.modules[module]
