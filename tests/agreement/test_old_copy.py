"""A backup of our own database is put back, and both sides are ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.operations import database_restored
from qbwc_server.storage import tables
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House

pytestmark = pytest.mark.in_turn

_START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> Iterator[House]:
    """A company with a little time on both sides."""
    made = House(engine, tmp_path, _START, "America/New_York")
    _work(made, "first", "2026-02-25")
    _work(made, "second", "2026-02-26")
    made.quiet()
    yield made
    made.close()


def _work(house: House, text: str, day: str) -> str:
    return house.hands.add_time(
        house.persons[PEOPLE[0]],
        day,
        60,
        customer=house.jobs[JOBS[0]],
        item=house.items[ITEMS[0]],
        notes=text,
    )


def _backup(engine: Engine) -> Callable[[], None]:
    """Keep all rows; return what puts them back."""
    every = tables.metadata.sorted_tables
    with engine.begin() as connection:
        kept = {
            table.name: [
                dict(row._mapping) for row in connection.execute(sa.select(table))
            ]
            for table in every
        }

    def restore() -> None:
        with engine.begin() as connection:
            for table in reversed(every):
                connection.execute(table.delete())
            for table in every:
                if kept[table.name]:
                    connection.execute(table.insert(), kept[table.name])

    return restore


def _add_in_mosaic(house: House, text: str) -> None:
    house.people.calls_back = True
    like = house.people.time()[0]
    house.people.add_time(
        like["member_id"],
        house.file.store.today(),
        0.75,
        project=like["project_id"],
        phase=like["phase_id"],
        category=like["standard_work_category_id"],
        text=text,
        billable=False,
    )


def _change_both_sides(house: House) -> None:
    _work(house, "made in QuickBooks", house.file.store.today())
    _add_in_mosaic(house, "made in Mosaic")
    rows = house.file.store.all("SELECT * FROM time_entry WHERE notes = 'first'")
    house.hands.edit_time(rows[0]["txn_id"], minutes=90)
    there = [one for one in house.people.time() if one["description"] == "second"]
    house.people.edit_time(there[0]["mosaic_id"], description="second, edited")
    _settle_at_once(house)
    assert house.agreement().differences == []


def _settle_at_once(house: House) -> None:
    """Settle without waiting for the schedule: a backup is put back within minutes."""
    with house.engine.begin() as connection:
        connection.execute(tables.company.update().values(next_read_at=None))
    house.settle()


def _texts(house: House) -> tuple[list[str], list[str]]:
    rows = house.file.store.all("SELECT notes FROM time_entry")
    return (
        sorted(row["notes"] for row in rows),
        sorted(one["description"] for one in house.people.time()),
    )


def test_what_came_after_the_backup_is_not_made_twice(
    house: House, engine: Engine
) -> None:
    """Neither what was made nor what was edited, on either side."""
    restore = _backup(engine)
    _change_both_sides(house)
    before = _texts(house)
    assert len(before[0]) == len(before[1]) == 4

    restore()
    database_restored.declare(engine, now=house.clock(), who="operator")
    _settle_at_once(house)
    house.quiet()

    assert _texts(house) == before
    assert house.agreement().differences == []
    _work(house, "afterwards", house.file.store.today())
    house.clock.pass_(minutes=20)
    house.quiet()
    assert house.agreement().differences == []
    assert len(house.people.time()) == 5


def test_a_write_that_waited_at_the_backup_is_not_done_a_second_time(
    house: House, engine: Engine
) -> None:
    """QuickBooks has the entry since; the job of the backup does not make another."""
    _add_in_mosaic(house, "on its way")
    house.clock.pass_(minutes=20)
    house.work()
    waiting = [job for job in house.unfinished_jobs() if job.action == "add"]
    assert waiting
    restore = _backup(engine)
    house.quiet()
    before = _texts(house)

    restore()
    database_restored.declare(engine, now=house.clock(), who="operator")
    house.quiet()

    assert _texts(house) == before
    assert house.agreement().differences == []


def test_without_that_word_something_would_be_made_twice(
    house: House, engine: Engine
) -> None:
    """The negative control of the tests above."""
    restore = _backup(engine)
    _change_both_sides(house)
    before = _texts(house)

    restore()
    _settle_at_once(house)

    assert len(_texts(house)[1]) > len(before[1])
