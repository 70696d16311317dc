"""Houses to begin histories with: settled once, and then copied for each history."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.storage.database import make_engine
from tests.agreement.files import Second, add_second
from tests.agreement.house import House, Settled
from tests.agreement.seeds import seeded

Begun = dict[tuple[datetime, str, int], tuple[bytes, Settled]]
"""What histories begin with, by moment, zone and how many company files there are.

The first is a copy of the SQLite file.
"""


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
            worked_on = tuple(one for one in begun.second.jobs if ":" in one)
            house.second = Second(house, worked_on, begun.second)
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


def _careless(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
