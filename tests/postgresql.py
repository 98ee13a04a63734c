"""A PostgreSQL server of the tests' own, from the system's package, on a socket in a temporary folder."""

from __future__ import annotations

import glob
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

from mobilebench.core.temporary import own_prefix, remove_left

GUARDED = "guarded"
"""A user who needs a password; all others need none."""
PASSWORD = "s3cret/p:w"
_START_SECONDS = 60
_PREFIX = "mobilebench-pg-"
_GUARD = '"$@" & read -r _; kill -QUIT $! 2>/dev/null; wait'
"""Runs a program until standard input is closed, which also happens when the process that holds it is killed."""


class Server:
    """It ends with this process. Unless `fsync`, its data are not written to disk at once, which only a crash of the
    system shows."""

    def __init__(self, *, fsync: bool = False) -> None:
        remove_left(_PREFIX)
        self._fsync = fsync
        self.folder = Path(tempfile.mkdtemp(prefix=own_prefix(_PREFIX)))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.RLock()
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "admin", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        rules = f"local all {GUARDED} scram-sha-256\nlocal all all trust\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules)
        self.start()
        self.execute(f"CREATE USER {GUARDED} PASSWORD '{PASSWORD}'")

    def url(self, name: str, user: str = "admin", password: str | None = None) -> str:
        """The URL of a database."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{user}{secret}@/{name}?host={self.folder}"

    def create(self, template: str | None = None) -> str:
        """Create a database, empty or like another one; returns its URL."""
        name = f"d{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        import psycopg

        where = f"host={self.folder} user=admin dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server, after a stop in another thread has ended."""
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._start()

    def _start(self) -> None:
        import psycopg

        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self._fsync else "off",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [*self._as_user, "sh", "-c", _GUARD, "sh", _program("postgres")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-D", str(self.folder / "data"), *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(f"host={self.folder} user=admin dbname=postgres").close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)

    def stop(self, how: str = "fast") -> None:
        """Stop the server: `fast` ends its sessions, `immediate` also leaves out the orderly end."""
        with self._turn:
            self._run("pg_ctl", "stop", "-D", str(self.folder / "data"), "-m", how, "-w")
            if self._process is not None:
                self._process.communicate()

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, _program(program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


def _program(name: str) -> str:
    """Debian keeps the server's programs in a folder for each version."""
    found = shutil.which(name) or max(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), default=None)
    assert found, f"`scripts/system-packages.sh postgresql` installs {name}"
    return found
