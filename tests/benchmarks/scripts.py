"""Imports scripts of benchmarks/ as modules."""

import contextlib
import importlib
import sys

from absl import flags


@contextlib.contextmanager
def loaded(name):
    """A script by its name, until the end: other scripts define flags of the same names."""
    known = set(flags.FLAGS)
    yield importlib.import_module(f"benchmarks.{name}")
    for flag in set(flags.FLAGS) - known:
        delattr(flags.FLAGS, flag)
    for module in [module for module in sys.modules if module.split(".")[0] == "benchmarks"]:
        del sys.modules[module]
