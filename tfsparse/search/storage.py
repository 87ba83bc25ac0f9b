"""Where a study keeps its trials, so that several processes and machines can work on it."""

import os
import re
import warnings
import zlib

from tfsparse.arguments import check_int
from tfsparse.files import check_writable
from tfsparse.search.requirements import require

_MAX_RETRIES = 1
# The default of SQLAlchemy depends on its version.
_DRIVER = "psycopg2"
# A number that nothing else in the database should use.
_LOCK = zlib.crc32(b"tfsparse.search.storage")


def open_storage(location, *, heartbeat_interval=60):
    """Opens the storage of studies. All processes that open the same one share its studies.

    A file needs no server. It has a line for each change, and may be on a network drive that
    several machines share. If a process is killed, its trial stays unfinished.

    With PostgreSQL, each process reports that it is alive. If one is killed, its trial is marked as
    failed when it has not reported for two intervals and another process starts a trial. It is
    tried again once, with the same parameters.

    Args:
        location: Path of a file, which is created if there is none, or the URL of a PostgreSQL
            database: `"postgresql://user:password@host/database"`. A driver other than psycopg2 can
            be named as SQLAlchemy does: `"postgresql+pg8000://..."`.
        heartbeat_interval: Int, seconds between two reports of a process to PostgreSQL.

    Returns:
        An `optuna.storages.BaseStorage`, for `optuna.create_study`.

    Raises:
        ImportError: Optuna or the driver of PostgreSQL is not installed.
        OSError: The file cannot be written.
        ValueError: It is the URL of something else, or an argument is out of its range.
    """
    check_int("heartbeat_interval", heartbeat_interval)
    location = os.fspath(location)
    scheme = re.match(r"([\w+]+)://", location)
    if scheme is None:
        return _open_file(location)
    if scheme[1] == "postgresql":
        location = location.replace("://", f"+{_DRIVER}://", 1)
    if location.startswith("postgresql+"):
        return _open_postgresql(location, heartbeat_interval)
    # Only the scheme: the rest may hold a password.
    message = (
        "Expected the path of a file, such as 'study.log', or the URL of a PostgreSQL database, "
        f"'postgresql://user:password@host/database'. Received a URL of: {scheme[1]}."
    )
    if scheme[1].startswith("sqlite"):
        message += (
            " SQLite locks its file as a whole, so that trials fail when several processes share "
            "a study, and does not work on all network drives."
        )
    raise ValueError(message)


def _open_file(path):
    require("optuna", "A search")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(check_writable(path)))


def _open_postgresql(url, heartbeat_interval):
    require("optuna", "A search")
    import sqlalchemy
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    except ImportError as error:
        raise ImportError("PostgreSQL needs its driver: pip install 'tfsparse[search]'") from error
    # One process at a time: two that create the tables fail.
    with engine.begin() as connection, warnings.catch_warnings():
        connection.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        # Heartbeats have been experimental since Optuna 2.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            url,
            # Connections that the server has closed are opened again.
            engine_kwargs={"pool_pre_ping": True},
            heartbeat_interval=heartbeat_interval,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(_MAX_RETRIES),
        )
