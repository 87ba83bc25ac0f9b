import sys

import optuna
import pytest

from tfsparse.search.storage import open_storage


def test_sqlite_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"path of a file.*Received a URL of: sqlite\..*locks"):
        open_storage("sqlite:///study.db")


def test_other_databases_are_refused_without_showing_passwords():
    with pytest.raises(ValueError, match=r"Received a URL of: mysql\+pymysql\.") as error:
        open_storage("mysql+pymysql://me:secret@host/studies")
    assert "secret" not in str(error.value)


def test_a_path_where_no_file_can_be_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        open_storage(tmp_path / "none" / "study.log")


def test_the_driver_of_postgresql_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(ImportError, match=r"pip install 'tfsparse\[search\]'"):
        open_storage("postgresql://host/studies")


def test_all_that_open_a_file_share_its_studies(tmp_path):
    storage = open_storage(tmp_path / "study.log")
    storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "one")
    again = open_storage(str(tmp_path / "study.log"))
    assert [study.study_name for study in again.get_all_studies()] == ["one"]
