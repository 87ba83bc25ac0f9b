"""Packages that a search needs, which tfsparse itself does not."""

import importlib.util

_INSTALLED_BY = {
    "optuna": "'tfsparse[search]'",
    "cmaes": "'tfsparse[search]'",
    "scipy": "scipy",
    "torch": "torch",
}


def require(package, user):
    """Raises an ImportError that says what to install, unless a package is installed.

    Args:
        package: Name of the package.
        user: String, what needs it: the start of a sentence.
    """
    if importlib.util.find_spec(package) is None:
        raise ImportError(f"{user} needs {package}: pip install {_INSTALLED_BY[package]}")
