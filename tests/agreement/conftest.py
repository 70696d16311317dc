"""Houses: each history has a database or, in PostgreSQL, a company of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import stamina
import structlog
from sqlalchemy.engine import Engine

from qbwc_server.database import make_engine
from tests.agreement.house import House, MakeHouse


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Let retries of reads happen at once, and nobody write logs."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50),
    )
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
    structlog.configure(**before)


@pytest.fixture
def make_house(sqlite_url: str, tmp_path: Path) -> Iterator[MakeHouse]:
    """A function that makes a house with a database of its own, the last one kept."""
    template = Path(sqlite_url.removeprefix("sqlite:///"))
    used: list[Engine] = []

    def make(now: datetime, zone: str) -> House:
        path = tmp_path / "history.db"
        for engine in used:
            engine.dispose()
        used.clear()
        for rest in ("", "-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        shutil.copyfile(template, path)
        engine = make_engine(f"sqlite:///{path}")
        # What dies here is a process, not a computer: nothing has to reach the disk.
        sa.event.listen(engine, "connect", _careless)
        used.append(engine)
        return House(engine, tmp_path, now, zone)

    yield make
    for engine in used:
        engine.dispose()


def _careless(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]


@pytest.fixture
def make_house_in_postgres(postgres_url: str, tmp_path: Path) -> Iterator[MakeHouse]:
    """A function that makes a house with a company of its own in PostgreSQL."""
    engine = make_engine(postgres_url)
    yield lambda now, zone: House(engine, tmp_path, now, zone)
    engine.dispose()
