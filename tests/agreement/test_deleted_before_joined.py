"""One of two equal hours is deleted just before both are taken for one: it is asked.

Somebody sees his hours on both sides, deletes one of them, and links what kept them
apart. Nobody has read the deletion yet.
"""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions import gone, linking
from qbwc_server.kinds.tombstone import Word
from qbwc_server.operations import database_restored
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks, quickbooks, set_values
from tests.agreement.test_lost_posts import let_it_settle

SIDES = ("quickbooks", "mosaic")


def _ann(house: House) -> Any:
    (row,) = house.rows(
        tables.record,
        tables.record.c.kind == "employee",
        tables.record.c.quickbooks_id == house.persons["Ann Lee"],
    )
    return row


def _link_ann(house: House, member: int | None) -> None:
    row, word = _ann(house), linking.Word("bookkeeper", house.clock(), "Same person.")
    with company_transaction(house.engine, house.company.id) as connection:
        if member is None:
            linking.unlink(connection, house.company.id, row.id, word)
        else:
            linking.link(connection, house.company.id, row.id, member, word)


def _typed_apart(house: House) -> tuple[int, int]:
    """Have an hour typed on both sides while nobody knows who Ann is in Mosaic."""
    member = int(_ann(house).mosaic_id)
    _link_ann(house, None)
    in_quickbooks(house, "", day=day(house, 0), minutes=480)
    number = typed_in_mosaic(house)
    let_it_settle(house)
    return member, number


def _delete(house: House, side: str, number: int) -> None:
    house.clock.pass_(seconds=5)
    if side == "mosaic":
        house.people.delete_time(number)
    else:
        house.hands.delete_time(quickbooks(house)[0]["txn_id"])
    house.clock.pass_(seconds=5)


def _asked(house: House, side: str, happens: str = "") -> Any:
    """Delete one of two equal hours, link Ann, and return the record that asks.

    Perhaps our own database was put back just before, or it never went live yet.
    """
    if happens == "goes live":
        set_values(house, mode="preview", both_known_at=None, first_known_at=None)
    member, number = _typed_apart(house)
    if happens == "restored":
        database_restored.declare(house.engine, now=house.clock(), who="operator")
    _delete(house, side, number)
    if happens == "goes live":
        set_values(house, mode="live")
    _link_ann(house, member)
    house.work()
    house.settle_for(minutes=65)
    house.settle_for(days=3)
    (row,) = time_records(house)
    assert row.state == "refused"
    assert "about when it was taken for one" in row.reason
    return row


@pytest.mark.parametrize(
    ("side", "happens"),
    [
        *(("quickbooks", ""), ("mosaic", "")),
        *(("quickbooks", "restored"), ("quickbooks", "goes live")),
    ],
)
@pytest.mark.parametrize("word", [*Word])
def test_what_was_deleted_before_the_join_asks_whether_it_is(
    house: House, side: str, word: Word, happens: str
) -> None:
    """Deleted: gone from both. Not deleted: it is on both sides once.

    Mosaic is read first after our database was put back, and where it goes live: then
    they are not joined.
    """
    row = _asked(house, side, happens)
    with company_transaction(house.engine, house.company.id) as connection:
        gone.say(connection, row, word, by="eve", now=house.clock())
    house.settle_for(minutes=65)
    house.settle_for(days=2)
    many = 0 if word is Word.DELETED else 1
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == many


@pytest.mark.parametrize("side", SIDES)
def test_what_is_deleted_after_both_were_seen_is_deleted(
    house: House, side: str
) -> None:
    """Then it was one hour when somebody deleted it."""
    member, number = _typed_apart(house)
    _link_ann(house, member)
    let_it_settle(house)
    house.settle_for(minutes=65)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 1
    _delete(house, side, number)
    house.settle_for(minutes=65)
    house.settle_for(days=3)
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == []


def test_what_was_on_both_sides_before_it_went_live_is_not_kept_in_mind(
    house: House,
) -> None:
    """Once both sides have shown it again; and nobody has to see it."""
    set_values(house, mode="preview", both_known_at=None, first_known_at=None)
    in_quickbooks(house, "", day=day(house, 0), minutes=480)
    typed_in_mosaic(house)
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    (kept,) = house.rows(tables.joined)
    assert (kept.how, kept.seen_at) == ("before", kept.at)
    set_values(house, mode="live")
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert house.rows(tables.joined) == []
