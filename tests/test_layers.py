"""No folder of tfsparse/ imports one that stands above it in docs/building.md."""

import ast
from pathlib import Path

import pytest

import tfsparse

PACKAGE = Path(tfsparse.__file__).parent
# From the top down. Modules that no line names are at the bottom.
FLOORS = (
    {"command_line", "__main__"},
    {"zoo", "report"},
    {"__init__"},
    {"prune"},
    {"converter"},
    {"inspection"},
    {"runtime", "graph", "calibration"},
    {"flatbuffer"},
)
FILES = sorted(PACKAGE.rglob("*.py"))


def floor(part):
    return next((i for i, parts in enumerate(FLOORS) if part in parts), len(FLOORS))


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
    own = path.relative_to(PACKAGE).with_suffix("").parts
    if own == ("__init__",):
        return  # It names everything, and imports it on first use.
    for module in imports(path):
        # `import tfsparse` asks for the public names.
        part = module.partition(".")[2].partition(".")[0] or "__init__"
        assert floor(own[0]) <= floor(part), module


def test_only_the_pruning_of_files_imports_the_converter_and_the_runtime():
    for path in (PACKAGE / "prune").rglob("*.py"):
        if "files" not in path.parts:
            found = {module.split(".")[1] for module in imports(path)}
            assert not found & {"converter", "runtime", "inspection"}, path
