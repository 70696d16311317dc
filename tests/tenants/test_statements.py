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

from qbwc_server import choices, foresight, listing, models, needs
from qbwc_server.choices import Filter, Said
from qbwc_server.database import company_transaction, make_engine
from tests.agreement.house import House
from tests.agreement.talk import Trouble
from tests.agreement.test_findings import in_mosaic, in_quickbooks
from tests.tenants.statements import TENANT, Statements

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    """A company that is not the only one, nor the first."""
    engine = make_engine(sqlite_url)
    first = House(engine, tmp_path, NOW, "America/New_York")
    with engine.begin() as connection:  # it is housekept at another time
        connection.execute(
            models.company.update().values(housekeep_at=None, preview_at=None)
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

    assert statements.wrong == []
    assert {name for name, _ in statements.seen} == TENANT
    assert len(statements.distinct) > 100


def _choose(house: House) -> None:
    """Look at everything as a person does, and say something of each record."""
    company = house.stored()
    foresight.make(house.engine, company, house.settings, house.clock)
    said: tuple[Said, ...] = ("unlink", "match", "undo", "none", "undo")
    for what in said:
        choices.say(
            house.engine,
            company,
            what,
            Filter("jobs"),
            by="person",
            clock=house.clock,
            share=True,
        )
    with company_transaction(house.engine, company.id) as connection:
        needs.counts(connection, company.id)
        for group in listing.GROUPS:
            listing.page(connection, company, group)


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(models.record),
        sa.select(models.record).where(models.record.c.id == 1),
        sa.select(models.record).where(
            sa.or_(models.record.c.company_id == 2, models.record.c.id == 1)
        ),
        sa.select(models.record).where(models.record.c.company_id == 1),
        sa.select(models.record.c.id)
        .join(models.job, models.job.c.record_id == models.record.c.id)
        .where(models.record.c.company_id == 2),
        sa.select(models.record).where(
            models.record.c.company_id == 2,
            sa.exists().where(models.job.c.record_id == models.record.c.id),
        ),
        models.job.update().values(summary=""),
        models.job.delete().where(models.job.c.id == 1),
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
