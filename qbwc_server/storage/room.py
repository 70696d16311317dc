"""Whether the database can still take an answer of QuickBooks, which may be large.

SQLite's disk is ours and can be looked at. PostgreSQL tells no login of ours how full
its disk is, and a small commit goes well long after the last table could grow. So it is
had to lay a temporary file of that size where its tables are, which goes away with the
statement: no row, no commit and no journal, and it needs no right.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

LEAST = 16 * 1024 * 1024
"""Bytes: less than a large answer of QuickBooks takes, and it could not be kept."""
_SECONDS_BETWEEN_LOOKS = 30.0
_SECONDS_WHILE_FULL = 5.0
_DISK_FULL, _NO_SUCH_FILES = "53100", "53400"
_NO_SPACE = "No space left on device"
_IN_FILES = "SET LOCAL work_mem = '64kB'"
"""So that what a statement holds is held in a file."""
_BESIDE_THE_TABLES = "SET LOCAL temp_tablespaces = ''"
_EACH = 8000
_LAY = (
    f"WITH laid AS MATERIALIZED (SELECT repeat('x', {_EACH}) AS one"  # noqa: S608 - our own numbers
    f" FROM generate_series(1, {LEAST // _EACH + 1})) SELECT count(one) FROM laid"
)


@dataclass(frozen=True, slots=True)
class Room:
    """What the database can take.

    `free` is in bytes, of PostgreSQL never more than `LEAST`. A standby is `read_only`.
    """

    free: int
    read_only: bool = False

    @property
    def is_full(self) -> bool:
        """Tell whether a large answer might not be kept."""
        return self.free < LEAST and not self.read_only


def look(engine: Engine) -> Room:
    """Return how much room there is now.

    Raises:
        SQLAlchemyError: the database is not usable.
    """
    with engine.connect() as connection:
        return look_last(connection)


def look_last(connection: Connection) -> Room:
    """Return the same in a transaction, which can do nothing more after it."""
    if connection.dialect.name == "sqlite":
        return Room(_of_file(connection))
    if connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on":
        return Room(0, read_only=True)
    try:
        connection.exec_driver_sql(_IN_FILES)
        connection.exec_driver_sql(_BESIDE_THE_TABLES)
        connection.exec_driver_sql(_LAY)
    except DBAPIError as error:
        if is_full(error):
            return Room(0)
        if getattr(error.orig, "sqlstate", None) != _NO_SUCH_FILES:
            raise
        # The login may lay no file so large (temp_file_limit): nothing is known.
    return Room(LEAST)


def is_full(error: SQLAlchemyError) -> bool:
    """Tell whether an error says that PostgreSQL's disk is full.

    While it is, no connection can be made either; that error has no code, only words.
    """
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == _DISK_FULL or _NO_SPACE in str(cause)


class Looks:
    """Looks at the room for whoever asks, however often: PostgreSQL writes for it."""

    def __init__(
        self, engine: Engine, *, watch: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._watch = watch
        self._turn = threading.Lock()
        self._found = Room(LEAST)
        self._until: float | None = None

    def room(self) -> Room:
        """Return what was found half a minute ago at most, soon again while it is full.

        Raises:
            SQLAlchemyError: the database is not usable.
        """
        if self._engine.dialect.name == "sqlite":
            return look(self._engine)
        with self._turn:
            now = self._watch()
            if self._until is None or now >= self._until:
                self._found = look(self._engine)
                full = self._found.is_full
                pause = _SECONDS_WHILE_FULL if full else _SECONDS_BETWEEN_LOOKS
                self._until = now + pause
            return self._found


def disk_of_embedded(engine: Engine) -> int | None:
    """Return the bytes free on the disk of an embedded database; None of any other.

    A small commit may still fit where an answer of QuickBooks does not any more.
    """
    path = engine.url.database
    if engine.dialect.name != "sqlite" or path in {None, "", ":memory:"}:
        return None
    return shutil.disk_usage(Path(str(path)).absolute().parent).free


def _of_file(connection: Connection) -> int:
    """Return what a file of SQLite can take: its own limit and the disk."""
    most, used, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("max_page_count", "page_count", "freelist_count", "page_size")
    )
    inside = (most - used + free) * size
    disk = disk_of_embedded(connection.engine)
    return inside if disk is None else min(inside, disk)
