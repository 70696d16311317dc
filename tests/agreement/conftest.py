"""Houses: each history has a database or, in PostgreSQL, a company of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina
import structlog
from sqlalchemy.engine import Engine

from qbwc_server.storage.database import make_engine
from tests.agreement.begun import Begun, Houses
from tests.agreement.files import add_second
from tests.agreement.house import START, House, MakeHouse


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
def _begun() -> Iterator[Begun]:
    """What histories begin with: each begins with a copy."""
    made: Begun = {}
    yield made
    for _, one in made.values():
        one.file.close()


@pytest.fixture
def make_house(sqlite_url: str, tmp_path: Path, _begun: Begun) -> Iterator[MakeHouse]:
    """A function that makes a house with a database of its own, the last one kept."""
    template = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()
    made = Houses(tmp_path, template, _begun)
    yield made
    made.close()


@pytest.fixture
def make_house_in_postgres(postgres_url: str, tmp_path: Path) -> Iterator[MakeHouse]:
    """A function that makes a house with a company of its own in PostgreSQL."""
    engine = make_engine(postgres_url)

    def make(now: datetime, zone: str, *, files: int = 1) -> House:
        house = House(engine, tmp_path, now, zone)
        if files > 1:
            house.settle()
            add_second(house)
        return house

    yield make
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
