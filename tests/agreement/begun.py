"""Houses to begin histories with: settled once, and then copied for each history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.storage.database import make_engine
from tests.agreement.files import ZONE, Second, add_second
from tests.agreement.house import House, Settled
from tests.agreement.seeds import seeded
from tests.conftest import Kept

Pair = tuple[House, House]
_NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
Begun = dict[tuple[datetime, str, int], tuple[bytes, Settled]]
"""What histories begin with, by moment, zone and how many company files there are.

The first is a copy of the SQLite file.
"""


@contextmanager
def kept_house(
    engine: Engine,
    folder: Path,
    kept: Kept,
    name: str,
    begin: Callable[[House], None],
) -> Iterator[House]:
    """Give a house as `begin` leaves it, which is done once."""
    settled: Settled | None = kept.put(engine, name)
    house = House(engine, folder, _NOW, ZONE, settled)
    if settled is None:
        begin(house)
        kept.keep(engine, name, house.as_settled())
    yield house
    house.close()


@contextmanager
def kept_pair(
    engine: Engine,
    folder: Path,
    kept: Kept,
    name: str,
    begin: Callable[[House], House],
) -> Iterator[Pair]:
    """Give two files of a team as `begin` leaves them, which is done once.

    It is given the first one, of which nothing was read yet, and returns the second.
    """
    begun: tuple[Settled, Settled] | None = kept.put(engine, name)
    one, two = begun or (None, None)
    first = House(engine, folder, _NOW, ZONE, one)
    if two is None:
        second = begin(first)
        kept.keep(engine, name, (first.as_settled(), second.as_settled()))
    else:
        second = Second(first, _worked_on(two), two)
    first.second = second
    yield first, second
    second.file.close()
    first.close()


class Houses:
    """Makes houses on SQLite, one after the other: the last one is there.

    One engine serves all of them, so that no statement is compiled anew for each.
    """

    def __init__(self, folder: Path, template: bytes, begun: Begun) -> None:
        self._folder = folder
        self._template = template
        self._begun = begun
        self._path = folder / "history.db"
        self._engine = make_engine(f"sqlite:///{self._path}")
        # What dies here is a process, not a computer: nothing has to reach the disk.
        sa.event.listen(self._engine, "connect", _careless)

    def __call__(self, now: datetime, zone: str, *, files: int = 1) -> House:
        """Return a house whose lists are on both sides, as those of its team are."""
        key = (now, zone, files)
        if key not in self._begun:
            with seeded(0):
                self._begun[key] = self._settle(now, zone, files)
        database, begun = self._begun[key]
        house = House(self._copy(database), self._folder, now, zone, begun)
        if begun.second is not None:
            house.second = Second(house, _worked_on(begun.second), begun.second)
        return house

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def _settle(self, now: datetime, zone: str, files: int) -> tuple[bytes, Settled]:
        house = House(self._copy(self._template), self._folder, now, zone)
        house.settle()
        if files > 1:
            add_second(house)
        begun = house.as_settled()
        if house.second is not None:
            begun.second = house.second.as_settled()
        house.close()
        with self._engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._path.read_bytes(), begun

    def _copy(self, database: bytes) -> Engine:
        self._engine.dispose()
        for rest in ("", "-wal", "-shm"):
            path = self._path.with_name(self._path.name + rest)
            path.unlink(missing_ok=True)
        self._path.write_bytes(database)
        return self._engine


def _worked_on(begun: Settled) -> tuple[str, ...]:
    return tuple(one for one in begun.jobs if ":" in one)


def _careless(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
