"""A backup of our own database is put back, and both sides are ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.decisions import restored
from qbwc_server.operations import database_restored
from qbwc_server.standing import who_must_act
from qbwc_server.storage import tables, which_copy
from qbwc_server.storage.database import company_transaction
from tests.agreement.begun import kept_house
from tests.agreement.copies import copy_of
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House
from tests.conftest import Kept

pytestmark = pytest.mark.in_turn


@pytest.fixture
def house(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[House]:
    """A company with a little time on both sides."""
    with kept_house(engine, tmp_path, kept_databases, "a_little", _a_little) as made:
        yield made


def _a_little(house: House) -> None:
    _work(house, "first", "2026-02-25")
    _work(house, "second", "2026-02-26")
    house.quiet()


def _work(house: House, text: str, day: str) -> str:
    return house.hands.add_time(
        house.persons[PEOPLE[0]],
        day,
        60,
        customer=house.jobs[JOBS[0]],
        item=house.items[ITEMS[0]],
        notes=text,
    )


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
    restore = copy_of(engine)
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
    restore = copy_of(engine)
    house.quiet()
    before = _texts(house)

    restore()
    database_restored.declare(engine, now=house.clock(), who="operator")
    house.quiet()

    assert _texts(house) == before
    assert house.agreement().differences == []


def test_what_came_after_a_backup_that_nobody_spoke_of_is_not_made_twice(
    house: House, engine: Engine
) -> None:
    """The program notices by itself that the database is an earlier moment."""
    if engine.dialect.name == "sqlite":
        pytest.skip("of an embedded database nothing is noticed: it is to be said")
    restore = copy_of(engine)
    _change_both_sides(house)
    before = _texts(house)

    restore()
    _settle_at_once(house)
    house.quiet()

    assert _texts(house) == before
    assert house.agreement().differences == []
    said = [row for row in house.rows(tables.audit) if row.what == "database restored"]
    assert [row.who for row in said] == [database_restored.BY_ITSELF]


def test_without_that_word_something_would_be_made_twice(
    house: House, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the tests above: nobody says it, and nothing notices."""
    monkeypatch.setattr(which_copy, "_look", lambda *_: True)
    restore = copy_of(engine)
    _change_both_sides(house)
    before = _texts(house)

    restore()
    _settle_at_once(house)

    assert len(_texts(house)[1]) > len(before[1])


def _new_on_both_sides(house: House, engine: Engine) -> Callable[[], None]:
    """Have an hour on both sides that the copy does not know; return what restores."""
    _work(house, "", "2026-02-27")
    house.quiet()
    restore = copy_of(engine)
    _work(house, "", house.file.store.today())
    house.clock.pass_(minutes=20)
    house.quiet()
    assert len(_minutes(house)[0]) == len(_minutes(house)[1]) == 4
    return restore


def _minutes(house: House) -> tuple[list[int], list[int]]:
    rows = house.file.store.all("SELECT minutes FROM time_entry")
    return (
        sorted(row["minutes"] for row in rows),
        sorted(round(float(one["hours"]) * 60) for one in house.people.time()),
    )


def _newest(house: House) -> tuple[str, int]:
    """Return the TxnID and the number of the hour that the copy does not know."""
    rows = house.file.store.all("SELECT txn_id FROM time_entry ORDER BY number")
    return rows[-1]["txn_id"], max(one["mosaic_id"] for one in house.people.time())


def _asked(house: House) -> list[Any]:
    return [
        row
        for row in house.rows(tables.record, tables.record.c.restored == "copy")
        if row.state == "refused"
    ]


def _declared(house: House, engine: Engine, restore: Callable[[], None]) -> None:
    restore()
    database_restored.declare(engine, now=house.clock(), who="operator")
    house.quiet()


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
@pytest.mark.parametrize("then", ["made equal", "both meant"])
def test_what_was_edited_while_the_server_was_down_is_asked(
    house: House, engine: Engine, side: str, then: str
) -> None:
    """Both forms of an hour are unknown to the copy; neither is made on the other."""
    restore = _new_on_both_sides(house, engine)
    txn_id, mosaic_id = _newest(house)
    if side == "quickbooks":
        house.hands.edit_time(txn_id, minutes=90)
    else:
        house.people.edit_time(mosaic_id, hours=1.5)
    before = _minutes(house)

    _declared(house, engine, restore)

    assert _minutes(house) == before
    one, other = _asked(house)
    for row, its in ((one, other), (other, one)):
        assert its.name in row.reason
        assert "the duration" in row.reason
        assert who_must_act.of(row).who == "customer"
        assert who_must_act.of(row).why.startswith("Our restored database")
    if then == "made equal":
        house.hands.edit_time(txn_id, minutes=90)
        house.people.edit_time(mosaic_id, hours=1.5)
    else:
        both = [one.id, other.id]
        with company_transaction(engine, house.company.id) as connection:
            restored.say(
                connection,
                house.company.id,
                both,
                back=True,
                by="bookkeeper",
                now=house.clock(),
            )
    house.quiet()
    house.quiet()
    many = 4 if then == "made equal" else 5
    here, there = _minutes(house)
    assert here == there
    assert len(here) == many
    assert _asked(house) == []


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
def test_what_was_deleted_while_the_server_was_down_is_not_put_back(
    house: House, engine: Engine, side: str
) -> None:
    """It is asked about, and goes where it was deleted by hand."""
    restore = _new_on_both_sides(house, engine)
    txn_id, mosaic_id = _newest(house)
    if side == "quickbooks":
        house.hands.delete_time(txn_id)
    else:
        house.people.delete_time(mosaic_id)
    before = _minutes(house)

    _declared(house, engine, restore)

    assert _minutes(house) == before
    (row,) = _asked(house)
    assert "deleted" in row.reason
    assert who_must_act.of(row).who == "customer"
    if side == "quickbooks":
        house.people.delete_time(mosaic_id)
    else:
        house.hands.delete_time(txn_id)
    house.quiet()
    here, there = _minutes(house)
    assert here == there == [60, 60, 60]
    assert _asked(house) == []


def test_what_came_from_mosaic_and_is_not_there_is_not_made_there(
    house: House, engine: Engine
) -> None:
    """QuickBooks' entry has our ExternalGUID, which the copy does not know."""
    restore = copy_of(engine)
    _add_in_mosaic(house, "")
    _settle_at_once(house)
    house.quiet()
    _, mosaic_id = _newest(house)
    house.people.delete_time(mosaic_id)
    before = _minutes(house)

    _declared(house, engine, restore)

    assert _minutes(house) == before
    (row,) = _asked(house)
    assert row.reason.startswith("It came from Mosaic")


def test_what_is_new_in_mosaic_since_the_copy_is_added_without_a_word(
    house: House, engine: Engine
) -> None:
    """Nothing was deleted in QuickBooks, so it can be nothing that was there."""
    restore = copy_of(engine)
    _add_in_mosaic(house, "")

    _declared(house, engine, restore)

    here, there = _minutes(house)
    assert here == there
    assert _asked(house) == []
