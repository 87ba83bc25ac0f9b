"""No folder of tfsparse/ imports one that stands above it in docs/building.md."""

import ast
from pathlib import Path

import pytest

import tfsparse

PACKAGE = Path(tfsparse.__file__).parent
# From the top down. Modules that no line names are at the bottom.
FLOORS = (
    {"command_line", "__main__"},
    {"search"},
    {"zoo", "report"},
    {"__init__"},
    {"prune.files"},
    {"converter"},
    {"inspection"},
    {"factorization"},
    {"runtime", "calibration"},
    {"gradients"},
    {"quantize"},
    {"distill"},
    {"prune"},
    {"graph"},
    {"packing"},
    {"flatbuffer"},
)
FILES = sorted(PACKAGE.rglob("*.py"))


def floor(module):
    """The floor of a module, whose name is without the package's."""
    # `import tfsparse` asks for the public names.
    parts = (module or "__init__").split(".")
    names = ".".join(parts[:2]), parts[0]
    return next((i for i, floor in enumerate(FLOORS) if floor & set(names)), len(FLOORS))


def imports(path):
    """Yields the modules, and names, of tfsparse that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfsparse"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] == "tfsparse")


def test_every_folder_has_its_floor():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_imported_from_above(path):
    own = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    if own == "__init__":
        return  # It names everything, and imports it on first use.
    for module in imports(path):
        assert floor(own) <= floor(module.partition(".")[2]), module
