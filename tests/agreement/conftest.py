"""Houses: each history has a database or, in PostgreSQL, a company of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import stamina
import structlog
from sqlalchemy.engine import Engine

from qbwc_server.storage.database import make_engine
from tests.agreement.house import START, House, MakeHouse, Settled
from tests.agreement.seeds import seeded


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


@pytest.fixture(scope="session")
def _settled() -> Iterator[dict[tuple[datetime, str], Settled]]:
    """What histories begin with, by its moment and zone: each begins with a copy."""
    made: dict[tuple[datetime, str], Settled] = {}
    yield made
    for one in made.values():
        one.file.close()


@pytest.fixture
def make_house(
    sqlite_url: str, tmp_path: Path, _settled: dict[tuple[datetime, str], Settled]
) -> Iterator[MakeHouse]:
    """A function that makes a house with a database of its own, the last one kept."""
    template = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()
    path = tmp_path / "history.db"
    used: list[Engine] = []

    def open_copy(database: bytes) -> Engine:
        for engine in used:
            engine.dispose()
        used.clear()
        for rest in ("", "-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        path.write_bytes(database)
        engine = make_engine(f"sqlite:///{path}")
        # What dies here is a process, not a computer: nothing has to reach the disk.
        sa.event.listen(engine, "connect", _careless)
        used.append(engine)
        return engine

    def make(now: datetime, zone: str) -> House:
        # Each history begins with the lists on both sides: that is done once.
        if (now, zone) not in _settled:
            with seeded(0):
                first = House(open_copy(template), tmp_path, now, zone)
                first.settle()
            _settled[now, zone] = first.as_settled(path)
            first.close()
        begun = _settled[now, zone]
        return House(open_copy(begun.database), tmp_path, now, zone, begun)

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


@pytest.fixture
def new_house(engine: Engine, tmp_path: Path) -> Iterator[House]:
    """A house of which nothing was read yet, on each of the databases."""
    house = House(
        engine, tmp_path, datetime(2026, 3, 2, 15, 0, tzinfo=UTC), "America/New_York"
    )
    yield house
    house.close()


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house in New York whose lists are on both sides, without time."""
    made = make_house(START, "America/New_York")
    made.settle()
    yield made
    made.close()
