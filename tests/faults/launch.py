"""Runs the product's own commands, with faults built in from outside.

    python -m tests.faults.launch NAME serve --port 8000

starts the command in a process of its own and starts it again whenever it ends, as the
supervisor of a real machine does. What is to go wrong stands in `faults.json` in the
folder named by FAULTS_FOLDER, and may change while the processes run.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg.errors
import sqlalchemy as sa

import qbwc_server
from qbwc_server import app
from qbwc_server.cli import main as commands
from qbwc_server.storage import away
from qbwc_server.worker import loop
from tests.faults import rules
from tests.faults.points import HANDS_ON, points

_ROOT = str(Path(qbwc_server.__file__).parent) + os.sep
_PAUSE, _BETWEEN_LOOKS = 0.2, 0.15
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Faults:
    """What is to go wrong in this process, as the file says now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._points = points()
        self._seen: set[str] = set()
        self._dice = random.Random(os.getpid())

    def now(self) -> datetime:
        """Return this moment by a clock that may be wrong."""
        return datetime.now(UTC) + timedelta(seconds=self._said("clock", 0.0))

    def commit(self, commit: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a commit that may fail, or be the last act of this process."""

        def broken(connection: Any) -> None:
            name = self._caller()
            self._record(name)
            time.sleep(self._said("slow", 0.0))
            if self._dice.random() < self._said("fail", 0.0):
                raise _not_serializable(connection)
            self._die(name, "before")
            commit(connection)
            self._die(name, "after")

        return broken

    def _said(self, name: str, default: Any) -> Any:
        try:
            said = json.loads((self._folder / "faults.json").read_text())
        except (OSError, ValueError):
            return default
        return said.get(name, default)

    def _caller(self) -> str:
        """Return the name of the place in the program whose transaction this is."""
        frame: FrameType | None = sys._getframe(2)
        nearest = ""
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(_ROOT) and not path.endswith(HANDS_ON):
                inside = path.removeprefix(_ROOT)
                known = self._points.get((inside, frame.f_lineno))
                if known is not None:
                    return known
                nearest = nearest or f"{inside}:{frame.f_lineno}"
            frame = frame.f_back
        return nearest

    def _record(self, name: str) -> None:
        if name not in self._seen:
            self._seen.add(name)
            with (self._folder / "points.txt").open("a") as file:
                file.write(name + "\n")

    def _die(self, name: str, when: str) -> None:
        if [name, when] not in self._said("die", []):
            return
        try:
            # Of several processes at this place only the first one dies.
            (self._folder / "deaths" / f"{name} {when}").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def _not_serializable(connection: Any) -> sa.exc.OperationalError:
    reason: Exception = psycopg.errors.SerializationFailure("could not serialize")
    if connection.dialect.name == "sqlite":
        import sqlite3

        reason = sqlite3.OperationalError("database is locked")
    return sa.exc.OperationalError("COMMIT", {}, reason)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _run(folder: Path, arguments: list[str]) -> None:
    faults = Faults(folder)
    app.utc_now = faults.now
    away._PAUSE_SECONDS = _BETWEEN_LOOKS
    loop._SECONDS_BETWEEN_LOOKS = 1
    connection = sa.engine.Connection
    connection._commit_impl = faults.commit(  # type: ignore[assignment, method-assign]
        connection._commit_impl
    )
    rules.switch_off(os.environ.get("FAULTS_RULE", ""))
    commands(arguments)


def supervise(folder: Path, name: str, arguments: list[str]) -> None:
    """Run a command for ever; its process' number is in NAME.pid."""
    _end_with_parent()
    while True:
        pid = os.fork()
        if pid == 0:
            _end_with_parent()
            os.setpgid(0, 0)
            try:
                _run(folder, arguments)
            except SystemExit as ended:
                os._exit(int(ended.code or 0) if isinstance(ended.code, int) else 1)
            os._exit(0)
        (folder / f"{name}.pid").write_text(str(pid))
        os.waitpid(pid, 0)
        with (folder / "ended.txt").open("a") as file:
            file.write(f"{name}\n")
        time.sleep(_PAUSE)


if __name__ == "__main__":
    supervise(Path(os.environ["FAULTS_FOLDER"]), sys.argv[1], sys.argv[2:])
