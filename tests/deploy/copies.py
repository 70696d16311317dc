"""An installation without containers: its database, and the scripts that copy it.

The n-th program that a script runs can be made to go wrong. "before 3" and "after 3":
the script is killed there, as when a machine loses power; "within 3": the program gets
a part of what it reads, and then the script is killed; "fails 3": the program writes a
part of what it should, and says that it failed; "short 3": it does not even say it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.storage.database import make_engine
from tests.conftest import SECRET, Clock
from tests.storage import installation
from tests.storage.own_postgres import tools
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PROGRAMS = ("psql", "pg_dump", "pg_restore", "qbwc-server")
_SHIM = """#!/bin/sh
# {name}, as the script calls it.
echo "{name} $*" >>"$CUT/calls"
number=$(grep -c . "$CUT/calls")
at=$(cat "$CUT/at")
case $at in
  "before $number") ;;
  "within $number")
    cat >"$CUT/read"
    head -c $(($(wc -c <"$CUT/read") / 2)) "$CUT/read" | {program} "$@" ;;
  "fails $number" | "short $number") {program} "$@" 2>"$CUT/said" | head -c -5000 ;;
  *) {program} "$@" ;;
esac
done=$?
case $at in
  "fails $number")
    echo "error: no room" >&2
    exit 1 ;;
  "short $number") ;;
  *" $number") kill -9 "$(cat "$CUT/pid")" ;;
esac
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
        return all(copied is not None for _, copied, _ in self.companies)


class Installation:
    """A database with two companies, and what its operator has at hand.

    `owner` is its owner's login; without `fill` nothing is put into it.
    """

    def __init__(
        self, url: str, folder: Path, *, owner: str | None = None, fill: bool = True
    ) -> None:
        self.url = make_url(url)
        self._owner = self.url.set(username=owner or self.url.username)
        self.folder = folder
        self.name = str(self.url.database)
        self.keys = SECRET
        engine = make_engine(url)
        for number, name in enumerate(("Alice & Co", "Bob's") if fill else ()):
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
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in PROGRAMS:
            program = str(tools() / name)
            if name == "qbwc-server":
                program = f"{sys.executable} -m qbwc_server"
            shim = self._bin / name
            shim.write_text(_SHIM.format(name=name, program=program))
            shim.chmod(0o700)

    def run(
        self, *words: str, cut: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/; `cut` says what goes wrong where."""
        begun = self.begin(*words, cut=cut, **more)
        out, err = begun.communicate(timeout=60)
        return subprocess.CompletedProcess(words, begun.returncode, out, err)

    def begin(self, *words: str, cut: str = "", **more: str) -> subprocess.Popen[str]:
        """Begin what `run` runs."""
        (self.folder / "calls").write_text("")
        (self.folder / "at").write_text(cut)
        script, *rest = words
        line = 'echo $$ >"$CUT/pid"; exec sh "$@"'
        return subprocess.Popen(
            ["sh", "-c", line, "-", str(ROOT / "deploy" / script), *rest],
            cwd=self.folder,
            env={
                "PATH": f"{self._bin}:{tools()}:/usr/bin:/bin",
                "PGHOST": str(self.url.query.get("host", self.url.host)),
                "PGPORT": str(self.url.port or 5432),
                "PGUSER": str(self.url.username),
                "PGDATABASE": self.name,
                "CUT": str(self.folder),
                "PYTHONPATH": str(ROOT),
                "QBWC_DATABASE_URL": self._owner.render_as_string(hide_password=False),
                "QBWC_DATA_DIR": str(self.folder),
                "QBWC_SECRET_KEY": self.keys,
                **more,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def backup(self) -> str:
        """Make one; return the file's name."""
        done = self.run("backup", "one.dump")
        assert done.returncode == 0, done.stderr
        return "one.dump"

    def dump(self, file: str, *words: str) -> None:
        """Have pg_dump write a file."""
        server = self.url.render_as_string(hide_password=False)
        path = str(self.folder / file)
        done = installation.run(server, "pg_dump", "-Fc", "-f", path, *words)
        assert done.returncode == 0, done.stderr

    def calls(self) -> list[str]:
        """Return what the last script has run."""
        return (self.folder / "calls").read_text().splitlines()

    def asked(
        self, statement: str, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Ask as the administrator, in a database of that name."""
        with self._in(database) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def does(self, statement: str, database: str | None = None) -> None:
        """Do something as the administrator, in ours or in a database of that name."""
        with self._in(database or self.name) as connection:
            connection.exec_driver_sql(statement)

    def tells(self, statement: str) -> None:
        """Say something to the server itself."""
        self.does(statement, "postgres")

    @contextmanager
    def _in(self, database: str) -> Iterator[Connection]:
        engine = sa.create_engine(
            self.url.set(database=database),
            poolclass=sa.pool.NullPool,
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            yield connection

    def state(self) -> State:
        """Return what stands under the database's name."""
        with self._in(self.name) as connection:
            return State(_oid(connection), *_content(connection))

    def databases(self) -> list[str]:
        """Return the names of ours that there are, beside the live one."""
        found = self.asked("SELECT datname FROM pg_database ORDER BY 1")
        return [one for (one,) in found if one.startswith(f"{self.name}_")]

    def remove(self) -> None:
        """Take away what has come beside."""
        for name in self.databases():
            self.tells(f'DROP DATABASE "{name}" WITH (FORCE)')


def _oid(connection: Connection) -> int:
    query = "SELECT oid FROM pg_database WHERE datname = current_database()"
    return int(connection.exec_driver_sql(query).scalar_one())


def _content(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        tuple(tuple(row) for row in connection.exec_driver_sql(query))
        for query in (
            "SELECT name, copied::text, mosaic_key FROM company ORDER BY id",
            "SELECT company_id, what FROM audit ORDER BY company_id, id",
        )
    ]


def until_waiting(asked: Callable[[str], list[tuple[Any, ...]]]) -> int:
    """Return the process that waits for a lock, when one does."""
    query = "SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'object'"
    until(lambda: asked(query) != [])
    return int(asked(query)[0][0])
