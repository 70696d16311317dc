"""A PostgreSQL of its own, from the wheel, that may be killed and started again."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from qbwc_server.cli.demo_processes import free_port
from tests.storage.own_postgres import tools
from tests.waiting import until

_USER = "pgserver"
_MOST_SECONDS = 60
SMALL = (
    *("fsync=off", "max_connections=200", "shared_buffers=16MB"),
    *("max_wal_size=8MB", "min_wal_size=2MB", "checkpoint_timeout=30s"),
    *("unix_socket_directories=", "restart_after_crash=on", "jit=off"),
)
"""For a test: little memory and disk; what a crash of the machine loses, is lost."""


class Postgres:
    """One server on one port; `folder` is to be readable by another user.

    `like` is a server that runs, of which this one is to be a standby. `binaries` are
    its programs, those of the newest version if they are not given.
    """

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = SMALL,
        binaries: Path | None = None,
        *,
        like: Postgres | None = None,
    ) -> None:
        self._settings = settings
        self.port = free_port()
        self._bin = binaries or tools()
        self._data = folder / "data"
        folder.mkdir(exist_ok=True)
        self._log = (folder / "postgres.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            _ensure_user()
            self._data.mkdir(mode=0o700)
            shutil.chown(self._data, _USER)
            self._as = {"user": _USER}
        made: list[str | Path] = [
            *(self._bin / "initdb", "-N", "-A", "trust", "-U", "postgres"),
            *("-E", "utf8", "--locale=C", "--wal-segsize=1", "-D", self._data),
        ]
        if like is not None:
            made = [
                *(self._bin / "pg_basebackup", "-R", "-c", "fast", "-D", self._data),
                *("-h", "127.0.0.1", "-p", str(like.port), "-U", "postgres"),
            ]
        subprocess.run(
            made,
            check=True,
            stdout=self._log,
            stderr=self._log,
            cwd="/",
            **self._as,
        )

    @property
    def pid(self) -> int | None:
        """The number of its process, None if it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it lets somebody in."""

        def lets_in() -> bool:
            if self.pid is None:
                # What a killed one has left may need a moment to go away.
                options = [word for one in self._settings for word in ("-c", one)]
                self._process = subprocess.Popen(
                    [
                        *(self._bin / "postgres", "-D", self._data),
                        *("-h", "127.0.0.1", "-p", str(self.port), *options),
                    ],
                    stdout=self._log,
                    stderr=self._log,
                    cwd="/",
                    **self._as,
                )
            with contextlib.suppress(psycopg.Error):
                self._connect().close()
                return True
            return False

        until(lets_in, "PostgreSQL", seconds=_MOST_SECONDS)

    def set(self, *settings: str) -> None:
        """Have it start with more settings from now on, as "name=value"."""
        self._settings = (*self._settings, *settings)

    def recovers(self, other: Postgres) -> None:
        """Have it begin with what another one has now, to be recovered from there."""
        shutil.rmtree(self._data)
        self._data.mkdir(mode=0o700)
        if self._as:
            shutil.chown(self._data, _USER)
        whence = ("-h", "127.0.0.1", "-p", str(other.port), "-U", "postgres")
        subprocess.run(
            [self._bin / "pg_basebackup", *whence, "-c", "fast", "-D", self._data],
            check=True,
            stdout=self._log,
            stderr=self._log,
            cwd="/",
            **self._as,
        )
        (self._data / "recovery.signal").touch()

    def create(self, database: str) -> None:
        """Make a database."""
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())

    def has_all_of(self, primary: Postgres) -> bool:
        """Tell of a standby whether it has all that its primary has committed."""
        with primary._connect() as connection:
            (until,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone()  # type: ignore[misc]
        with self._connect() as connection:
            (there,) = connection.execute(
                "SELECT coalesce(pg_last_wal_replay_lsn() >= %s, false)", [until]
            ).fetchone()  # type: ignore[misc]
        return bool(there)

    def wait_for(self, standbys: str) -> None:
        """Have each commit wait for standbys, by their names."""
        with self._connect() as connection:
            statement = f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'"
            connection.execute(statement.encode())
            connection.execute("SELECT pg_reload_conf()")

    def take_over(self) -> None:
        """Have a standby be the primary from now on."""
        with self._connect() as connection:
            connection.execute("SELECT pg_promote()")

    def kill(self) -> None:
        """Kill it with signal 9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def kill_backend(self) -> None:
        """Kill the process of one of its connections: all others end with it."""
        with contextlib.suppress(psycopg.Error), self._connect() as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type ="
                " 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
            ).fetchone()
        if found is not None:
            os.kill(found[0], signal.SIGKILL)

    def cut_politely(self) -> None:
        """End all other connections as an administrator does (57P01)."""
        with contextlib.suppress(psycopg.Error), self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                " backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def stop(self) -> None:
        """Stop it for good."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
            connect_timeout=3,
        )


def _ensure_user() -> None:
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        subprocess.run(["useradd", "-s", "/bin/false", _USER], check=True)
