"""What each side did to an entry is told in its history, in names; old ids find it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc_server.kinds.kind import Seen
from qbwc_server.kinds.time_entry import SeenTime
from qbwc_server.quickbooks import time_records
from qbwc_server.records import history, links, transitions
from qbwc_server.records.told import seen, trouble
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.hours import time_records as records_of_time
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import (
    edited_in_mosaic,
    in_mosaic,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_one_or_two import type_on_both_sides
from tests.agreement.test_restores import luis_works, marked, say, worked

WRITTEN_HERE = "changed in QuickBooks to what Mosaic has"
WRITTEN_THERE = "changed in Mosaic to what QuickBooks has"


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house in New York whose lists are on both sides, and all of its time."""
    made = make_house(START, "America/New_York")
    made.quiet()
    yield made
    made.close()


def events(house: House, row: Any) -> list[Any]:
    """Return what a record's history tells, in order."""
    event = tables.record_event
    return house.rows(event, event.c.record_id == row.id)


def only(house: House, row: Any, what: str) -> Any:
    """Return the one event of a record's history that tells something."""
    (found,) = [one for one in events(house, row) if one.what == what]
    return found


def led_to(house: House, value: object) -> list[tuple[str, int]]:
    """Return to which records a former id leads, as support's view has it."""
    query = sa.text("SELECT side, record_id FROM support_former_ids WHERE value = :it")
    with company_reading(house.engine, house.company.id) as connection:
        rows = connection.execute(query, {"it": str(value)}).all()
    return [(row.side, row.record_id) for row in rows]


def test_a_move_and_longer_hours_in_quickbooks_are_told_in_names(house: House) -> None:
    """Who put it on the other job, and what we wrote to Mosaic by that."""
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    house.hands.edit_time(
        txn_id, customer_id=house.jobs["Bolt:Garage"], minutes=90, notes="other work"
    )
    house.settle_for(minutes=65)
    row = linked(house)
    changed = {
        "minutes": {"before": "1:00", "after": "1:30"},
        "job": {"before": "Acme:House", "after": "Bolt:Garage"},
        "notes": {"before": "work", "after": "other work"},
    }
    told = only(house, row, seen.CHANGED["quickbooks"])
    assert (told.by, told.detail) == ("quickbooks", {"changed": changed})
    ours = only(house, row, WRITTEN_THERE)
    assert ours.by == history.US
    assert ours.detail["mosaic_id"] == row.mosaic_id
    job = ours.detail["changed"]["job"]
    assert (job["before"], job["after"]) == ("House / House", "Garage / Garage")
    assert ours.detail["changed"]["minutes"] == changed["minutes"]
    assert all(one.what != seen.CHANGED["mosaic"] for one in events(house, row))


def test_a_change_in_mosaic_is_told_and_what_we_wrote_for_it(house: House) -> None:
    """With the TxnID, the job and the exchange of what we wrote."""
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=2.0)
    house.settle_for(minutes=65)
    row = linked(house)
    changed = {"minutes": {"before": "1:00", "after": "2:00"}}
    told = only(house, row, seen.CHANGED["mosaic"])
    assert (told.by, told.detail) == ("mosaic", {"changed": changed})
    ours = only(house, row, WRITTEN_HERE)
    (job,) = house.rows(tables.job, tables.job.c.action == "mod")
    assert ours.by == history.US
    assert ours.detail["changed"] == changed
    assert ours.detail["txn_id"] == txn_id
    assert (ours.detail["job"], ours.detail["exchange"]) == (job.id, job.exchange_id)
    assert all(one.what != seen.CHANGED["quickbooks"] for one in events(house, row))


def test_an_entry_that_we_added_tells_its_txn_id_and_what_it_is(house: House) -> None:
    """An auditor names exactly this id."""
    in_mosaic(house)
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    row = linked(house)
    told = only(house, row, "added to QuickBooks")
    (entry,) = quickbooks(house)
    assert told.by == history.US
    assert told.detail["txn_id"] == row.quickbooks_id == entry["txn_id"]
    assert told.detail["number"] == row.txn_number
    assert told.detail["entry"] == f"{row.day} Ann Lee 1:00 Acme:House"


@pytest.mark.parametrize("state", ["unsure", "ready"])
def test_a_change_of_ours_that_nobody_answered_is_not_a_persons(
    house: House, state: str
) -> None:
    """It is read before its answer comes; one that never left is somebody's."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    edited_in_mosaic(house)
    row = linked(house)
    shown = Seen(
        row.quickbooks_id,
        row.name,
        {**row.quickbooks, "notes": "more"},
        "99",
        row.time_modified,
        60,
        row.parent_id,
    )
    with company_transaction(house.engine, house.company.id) as connection:
        if state == "unsure":
            which = sa.select(sa.func.max(tables.exchange.c.id)).scalar_subquery()
            of_job = tables.job.update().where(tables.job.c.action == "mod")
            connection.execute(of_job.values(state=state, exchange_id=which))
        time_records.keep_quickbooks(
            connection, row.company_id, [SeenTime(shown)], now=house.clock()
        )
    told = seen.AS_SENT if state == "unsure" else seen.CHANGED
    found = only(house, row, told["quickbooks"])
    assert found.detail["changed"] == {"notes": {"before": "work", "after": "more"}}


def test_a_conflict_is_told_when_it_arises_and_when_it_is_over(house: House) -> None:
    """Once each, however often it is looked at meanwhile."""
    set_values(house, policy="ask")
    txn_id = in_quickbooks(house)
    house.settle_for(minutes=65)
    house.hands.edit_time(txn_id, minutes=90)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=2.0)
    for _ in range(3):
        house.settle_for(minutes=65)
    row = linked(house)
    assert (row.state, row.trouble) == ("conflict", "conflict")
    began = only(house, row, trouble.BEGAN["conflict"])
    assert began.detail == {"why": row.reason}
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=1.5)
    house.settle_for(minutes=65)
    row = linked(house)
    assert (row.state, row.trouble) == ("in_sync", None)
    assert only(house, row, trouble.OVER["conflict"]).id > began.id


def test_what_is_locked_is_told_once(house: House) -> None:
    """However often it is planned again; and again when it was over meanwhile."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    for state in ("locked", "locked", "pending", "locked", "in_sync", "locked"):
        row = linked(house)
        with company_transaction(house.engine, house.company.id) as connection:
            transitions.rest(
                connection,
                row.company_id,
                [row],
                state,
                "Invoiced.",
                now=house.clock(),
                tries_over=True,
            )
    began, over = trouble.BEGAN["locked"], trouble.OVER["locked"]
    told = [one.what for one in events(house, row) if one.what in {began, over}]
    assert told == [began, over, began]
    assert events(house, row)[-1].detail == {"why": "Invoiced."}


def test_entries_that_were_joined_are_found_by_the_records_number(house: House) -> None:
    """Support was told a record that is not there any more."""
    type_on_both_sides(house)
    (row,) = records_of_time(house)
    joined = next(one for one in events(house, row) if "joined with" in one.what)
    assert joined.detail["txn_id"] == row.quickbooks_id
    assert joined.detail["mosaic_id"] == row.mosaic_id
    assert led_to(house, joined.detail["record"]) == [("record", row.id)]


def test_a_person_who_was_linked_to_somebody_else_is_found_by_it(house: House) -> None:
    """Whose hours landed on whom is asked by the number that was there."""
    (row,) = house.rows(
        tables.record, tables.record.c.quickbooks_id == house.persons["Ann Lee"]
    )
    with company_transaction(house.engine, house.company.id) as connection:
        links.unlink(connection, row, why="wrong", by="eve", now=house.clock())
    assert led_to(house, row.mosaic_id) == [("mosaic", row.id)]


def test_an_entry_that_a_restored_backup_took_is_found_by_its_txn_id(
    house: House,
) -> None:
    """It is added again under another one; a paycheck names the one that it had."""
    house.persons["Luis Ruiz"] = house.hands.add("Employee", "Luis Ruiz")
    house.settle()
    restore = worked(house)
    before = luis_works(house, 90)
    house.settle_for(minutes=65)
    restore()
    (row,) = marked(house, "missing")
    say(house, [row], back=True)
    (row,) = [one for one in records_of_time(house) if "Luis" in one.name]
    assert row.quickbooks_id != before
    assert led_to(house, before) == [("quickbooks", row.id)]
    added = only(house, row, "added to QuickBooks")
    assert added.detail["txn_id"] == row.quickbooks_id


def test_a_renamed_and_deleted_job_is_told(house: House) -> None:
    """Lists are people's alone; nothing is written there."""
    house.hands.rename("Customer", house.jobs["Bolt:Garage"], "Carport")
    house.settle_for(minutes=65)
    (row,) = house.rows(
        tables.record, tables.record.c.quickbooks_id == house.jobs["Bolt:Garage"]
    )
    told = only(house, row, seen.CHANGED["quickbooks"])
    assert told.detail == {
        "changed": {"name": {"before": "Garage", "after": "Carport"}}
    }
    ours = only(house, row, seen.AS_SENT["mosaic"])
    assert (ours.by, ours.detail) == (history.US, told.detail)
    only(house, row, WRITTEN_THERE)
    house.hands.delete("Customer", house.jobs["Bolt:Garage"])
    house.settle_for(minutes=65)
    only(house, row, "deleted by a person in QuickBooks")
