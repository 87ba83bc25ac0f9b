"""Python processes that import what this one imports."""

import os
import sys

# Where this package was found.
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def command(module, *arguments):
    """The command that runs a module as `python -m` does, with the import path of this process.

    `python -m` itself would put the working directory first, where a file such as `random.py` hides
    a module of Python's, and would leave out what a program has added to `sys.path`. What is in the
    working directory is found only if `sys.path` names it other than by "".

    Args:
        module: Name of the module.
        *arguments: Strings, which it finds in `sys.argv`.

    Returns:
        A list of strings for `subprocess.run`.
    """
    paths = [os.path.abspath(path) for path in sys.path if path]
    if _ROOT not in paths:
        paths.insert(0, _ROOT)
    code = (
        f"import sys; sys.path[:] = {paths!a}; import runpy; "
        f"runpy.run_module({module!a}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code, *arguments]
