"""A company's data on its way down to an older schema and up again, on both databases.

That is what an upgrade taken back, and then made after all, does to a company at work.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.storage import schema
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House

_START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_MOVED = {
    "duty": (
        *("deliver_at", "leased_until", "leased_by", "check_at", "notice_at"),
        *("preview_at", "housekeep_at"),
    ),
    "team_file": ("time_claims",),
}
Rows = dict[str, dict[str, list[Any]]]


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> Iterator[House]:
    """A company with lists and time on both sides, an edit, and a job in QuickBooks."""
    made = House(engine, tmp_path, _START, "America/New_York")
    for number, name in enumerate((JOBS[0], JOBS[1], JOBS[2])):
        made.hands.add_time(
            made.persons[PEOPLE[number % 2]],
            "2026-02-2" + str(number + 3),
            60 + number,
            customer=made.jobs[name],
            item=made.items[ITEMS[number % 2]],
            notes=f"entry {number}",
        )
    made.settle()
    made.people.edit_time(made.people.time()[0]["mosaic_id"], description="edited")
    made.quiet()
    assert made.agreement().differences == []
    yield made
    made.close()


def _rows(engine: Engine) -> Rows:
    """Return all rows of all tables, column by column, in one order.

    What moved from `company` to another table is told of both.
    """
    found: Rows = {}
    inspector = sa.inspect(engine)
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        columns = [one["name"] for one in inspector.get_columns(name)]
        table = sa.table(name, *map(sa.column, columns))
        key = inspector.get_pk_constraint(name)["constrained_columns"]
        with engine.begin() as connection:
            rows = connection.execute(sa.select(table).order_by(*key)).all()
        found[name] = {
            column: [row[number] for row in rows]
            for number, column in enumerate(columns)
        }
    for there, moved in _MOVED.items():
        for column in moved if there in found else ():
            found["company"][column] = found[there][column]
    return found


def _of(rows: Rows, shape: Rows) -> Rows:
    """Return of rows what a shape has tables and columns for."""
    return {
        table: {
            column: rows[table][column] for column in columns if column in rows[table]
        }
        for table, columns in shape.items()
        if table in rows
    }


def _revisions() -> list[str]:
    folder = Path(__file__).parents[2] / "migrations"
    script = ScriptDirectory(str(folder))
    return [one.revision for one in script.walk_revisions()][::-1]


def _goes_on(house: House) -> None:
    """Time made on either side is on both, once."""
    before = len(house.people.time())
    house.hands.add_time(
        house.persons[PEOPLE[0]],
        house.file.store.today(),
        45,
        customer=house.jobs[JOBS[0]],
        item=house.items[ITEMS[0]],
        notes="afterwards",
    )
    like = house.people.time()[0]
    house.people.edit_time(like["mosaic_id"], description="edited afterwards")
    house.clock.pass_(minutes=20)
    house.quiet()
    assert house.agreement().differences == []
    assert len(house.people.time()) == before + 1
    texts = [one["description"] for one in house.people.time()]
    assert {"afterwards", "edited afterwards"} <= set(texts)


def test_one_revision_down_and_up_loses_nothing_that_the_older_one_holds(
    house: House, engine: Engine
) -> None:
    """And the company goes on, as after an upgrade that was taken back and made."""
    before = _rows(engine)
    assert sum(len(next(iter(one.values()))) for one in before.values()) > 50

    schema.downgrade(engine, _revisions()[-2])
    older = _rows(engine)
    assert older == _of(before, older)
    app.upgrade(engine, house.settings)

    after = _rows(engine)
    assert after.keys() == before.keys()
    assert _of(after, older) == older
    _goes_on(house)


def test_down_to_the_oldest_and_up_keeps_what_the_oldest_can_hold(
    house: House, engine: Engine
) -> None:
    """Every step by itself."""
    before = _rows(engine)
    for revision in _revisions()[-2::-1]:
        schema.downgrade(engine, revision)
    oldest = _rows(engine)
    assert oldest["record"]["id"] == before["record"]["id"]
    for revision in _revisions()[1:]:
        schema.upgrade(engine, revision)
    app.upgrade(engine, house.settings)

    after = _rows(engine)
    assert after.keys() == before.keys()
    assert _of(after, oldest) == oldest
    _goes_on(house)
