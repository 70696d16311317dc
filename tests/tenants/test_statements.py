"""Every statement of server and worker says for which company it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import stamina
from sqlalchemy.engine import Engine

from qbwc_server.companies import logins, registry
from qbwc_server.decisions import bulk, listing
from qbwc_server.decisions.bulk import Filter, Said
from qbwc_server.onboarding import forecast
from qbwc_server.standing import to_see, who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
)
from tests.agreement.house import House
from tests.agreement.talk import Trouble
from tests.agreement.test_findings import in_mosaic, in_quickbooks
from tests.tenants.statements import TENANT, Statements

_MOVED = set(tables.duty.c.keys()) & set(tables.company.c.keys())
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    """A company that is not the only one, nor the first."""
    engine = make_engine(sqlite_url)
    first = House(engine, tmp_path, NOW, "America/New_York")
    with engine.begin() as connection:  # it is housekept at another time
        connection.execute(
            tables.duty.update().values(housekeep_at=None, preview_at=None)
        )
    made = House(engine, tmp_path, NOW, "America/New_York")
    with stamina.set_testing(True, attempts=3, cap=True):
        yield made
    first.close()
    made.close()
    engine.dispose()


def test_every_statement_of_a_whole_run_says_for_which_company_it_is(
    house: House, tmp_path: Path
) -> None:
    """Lists and time, both ways, with lost answers, a restored backup and a preview."""
    statements = Statements(house.company.id)
    statements.listen(house.engine)
    backup = tmp_path / "backup.qbw"

    house.settle()
    in_quickbooks(house, "one")
    in_mosaic(house, "two")
    house.settle_for(hours=2)
    house.hands.back_up(backup)
    house.hands.rename("Customer", house.jobs["Acme"], "Acme Ltd")
    house.hands.set_active("Customer", house.jobs["Bolt:Garage"], is_active=False)
    in_mosaic(house, "three")
    house.work()
    house.connect(Trouble("receiveResponseXML", 2))
    house.clock.pass_(minutes=20)
    house.settle_for(hours=13)
    house.people.time()
    house.hands.restore(backup)
    house.settle_for(hours=25)
    house.accept()
    house.quiet()
    _choose(house)
    who, now = house.company.username, house.clock()
    logins.check(house.engine, house.keys, who, "wrong", peer="192.0.2.9", now=now)
    with company_reading(house.engine, house.company.id) as connection:
        to_see.of(connection, registry.get(connection, house.company.id))

    assert statements.wrong == []
    assert {name for name, _ in statements.seen} == TENANT
    assert len(statements.distinct) > 100
    # What moved to `duty` and `team_file` is written nowhere else.
    moved = [tables.company.c[name] for name in (*_MOVED, "time_claims")]
    with house.engine.begin() as connection:
        kept = {value for row in connection.execute(sa.select(*moved)) for value in row}
    assert kept == {None, "none"}


def _choose(house: House) -> None:
    """Look at everything as a person does, and say something of each record."""
    company = house.stored()
    forecast.make(house.engine, company, house.settings, house.clock)
    said: tuple[Said, ...] = ("unlink", "match", "undo", "none", "undo")
    for what in said:
        bulk.say(
            house.engine,
            company,
            what,
            Filter("jobs"),
            by="person",
            clock=house.clock,
            share=True,
        )
    with company_transaction(house.engine, company.id) as connection:
        who_must_act.counts(connection, company.id)
        for group in listing.GROUPS:
            listing.page(connection, company, group)


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(tables.record),
        sa.select(tables.record).where(tables.record.c.id == 1),
        sa.select(tables.record).where(
            sa.or_(tables.record.c.company_id == 2, tables.record.c.id == 1)
        ),
        sa.select(tables.record).where(tables.record.c.company_id == 1),
        sa.select(tables.record.c.id)
        .join(tables.job, tables.job.c.record_id == tables.record.c.id)
        .where(tables.record.c.company_id == 2),
        sa.select(tables.record).where(
            tables.record.c.company_id == 2,
            sa.exists().where(tables.job.c.record_id == tables.record.c.id),
        ),
        tables.job.update().values(summary=""),
        tables.job.delete().where(tables.job.c.id == 1),
        sa.text("SELECT * FROM record"),
    ],
    ids=[
        *("no condition", "only an id", "either", "another's", "a loose join"),
        *("a loose subquery", "update", "delete", "text"),
    ],
)
def test_a_statement_that_does_not_say_it_would_be_found(
    engine: Engine, statement: Any
) -> None:
    """The negative control, one mistake at a time; the company is number 2."""
    statements = Statements(2)
    statements.listen(engine)
    with engine.begin() as connection:
        connection.execute(statement)

    assert len(statements.wrong) == 1
