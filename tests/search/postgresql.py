"""A PostgreSQL server for tests, with a database of its own in a temporary folder."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

# Where Debian has them, by version.
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
INITDB = shutil.which("initdb") or next((str(f / "initdb") for f in FOLDERS[::-1]), None)
NOT_INSTALLED = None if INITDB else "no PostgreSQL: apt-get install postgresql"


@contextlib.contextmanager
def server():
    """Yields the URL of the database. The server listens to a socket in its folder only."""
    with tempfile.TemporaryDirectory(prefix="tfsparse-postgresql-") as folder:
        identity = {}
        if os.geteuid() == 0:  # The server refuses to run as root.
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

        def run(name, *arguments):
            command = [Path(INITDB).with_name(name), f"--pgdata={folder}/data", *arguments]
            result = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, **identity
            )
            assert result.returncode == 0, result.stdout + result.stderr

        run("initdb", "--username=postgres", "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "start", "--wait", f"--log={folder}/log", f"--options={options}")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--mode=immediate")
