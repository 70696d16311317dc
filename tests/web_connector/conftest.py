"""A desk for each test: company, company file, and our server on a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.quickbooks import write_gate
from qbwc_server.settings import Settings
from qbwc_server.storage.database import make_engine
from tests.conftest import SECRET, Clock
from tests.web_connector.desk import Desk, serving
from tests.web_connector.timesheet import Timesheet
from tests.web_connector.writing import Hours


@pytest.fixture
def new_desk(
    engine: Engine,
    keys: Keys,
    clock: Clock,
    settings: Settings,
    new_company: Callable[..., NewCompany],
) -> Iterator[Callable[..., Desk]]:
    """A function that sets up a desk for a company of its own, without a socket."""
    made: list[Desk] = []

    def make(name: str = "Alice & Co") -> Desk:
        made.append(Desk(engine, keys, clock, settings, new_company(name)))
        return made[-1]

    yield make
    for one in made:
        one.file.close()


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A desk whose server is reached over a socket."""
    made = new_desk()
    with serving(made.wsgi):
        yield made


@pytest.fixture
def sqlite_desk(
    sqlite_url: str, keys: Keys, clock: Clock, tmp_path: Path
) -> Iterator[Desk]:
    """A desk on SQLite only, for what does not depend on the database."""
    engine = make_engine(sqlite_url)
    company = registry.add(
        engine, keys, name="Alice", mosaic_url="", mosaic_team="1", now=clock()
    )
    settings = Settings(
        data_dir=tmp_path, database_url=sqlite_url, secret_key=SecretStr(SECRET)
    )
    made = Desk(engine, keys, clock, settings, company)
    with serving(made.wsgi):
        yield made
    made.file.close()
    engine.dispose()


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    """A kind that is written, for this test only."""
    return Hours(monkeypatch)


@pytest.fixture
def timesheet(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Timesheet:
    """Time entries of a desk whose company file is known and was read.

    What is in Mosaic is made up here and linked to nothing; what the gate makes of
    links and equal hours is tried with both sides, in tests/agreement.
    """
    monkeypatch.setattr(write_gate, "take_back", lambda *given: list(given[2]))
    desk.read_all()
    return Timesheet(desk)


@pytest.fixture
def no_look_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes leave without a look at their entries, as if those changed right after."""
    monkeypatch.setattr(write_gate, "look_first", lambda *_: False)
