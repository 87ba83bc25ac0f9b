import pytest

from tfsparse.search import requirements


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(requirements._INSTALLED_BY, "no_such_package", "'tfsparse[search]'")
    with pytest.raises(ImportError, match=r"^A search needs no_such_package: pip install 'tfspa"):
        requirements.require("no_such_package", "A search")


def test_an_installed_package_raises_nothing():
    requirements.require("numpy", "A search")
