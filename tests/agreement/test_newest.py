"""Both sides change the same field: the later change wins, if anybody knows which."""

from __future__ import annotations

import pytest

from qbwc_server.storage import tables
from tests.agreement.house import House
from tests.agreement.test_findings import in_quickbooks, mosaic, quickbooks


def agreed(house: House) -> tuple[str, int]:
    """Return an entry of an hour that both sides have: its TxnID and its number."""
    txn_id = in_quickbooks(house, "meeting")
    in_quickbooks(house, "meeting", minutes=90)
    house.settle_for(minutes=65)
    return txn_id, next(
        one["mosaic_id"] for one in mosaic(house) if one["hours"] == "1.0"
    )


def hours(house: House) -> tuple[list[int], list[str]]:
    """Return what both sides have, QuickBooks in minutes."""
    here = sorted(row["minutes"] for row in quickbooks(house))
    return here, sorted(one["hours"] for one in mosaic(house))


def settled(house: House) -> None:
    """Wait longer than any rule does."""
    for _ in range(3):
        house.settle_for(minutes=65)


def test_of_three_edits_between_two_readings_nobody_knows_the_latest(
    house: House,
) -> None:
    """Mosaic's hours at ten, QuickBooks' at five past, and an approval at ten past."""
    txn_id, number = agreed(house)
    house.people.edit_time(number, hours=3.0)
    house.clock.pass_(minutes=5)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=5)
    house.people.edit_time(number, billable=False)
    settled(house)
    assert hours(house) == ([90, 480], ["1.5", "3.0"])
    (asked,) = house.rows(tables.record, tables.record.c.state == "conflict")
    assert asked.reason == (
        "Both sides changed the duration and nobody knows which was later."
        " Say which side is right."
    )


def test_mosaics_later_edit_wins(house: House) -> None:
    """It had been read after QuickBooks' edit, and did not show it."""
    txn_id, number = agreed(house)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=10)
    house.work()
    house.clock.pass_(minutes=10)
    house.people.edit_time(number, hours=3.0)
    house.clock.pass_(minutes=5)
    house.work()
    settled(house)
    assert hours(house) == ([90, 180], ["1.5", "3.0"])
    assert house.open() == []


def test_quickbooks_later_edit_wins(house: House) -> None:
    """Mosaic's had been read before it was made."""
    txn_id, number = agreed(house)
    house.people.edit_time(number, hours=3.0)
    house.clock.pass_(minutes=6)
    house.work()
    house.clock.pass_(minutes=10)
    house.hands.edit_time(txn_id, minutes=480)
    settled(house)
    assert hours(house) == ([90, 480], ["1.5", "8.0"])
    assert house.open() == []


def test_an_approval_after_both_edits_does_not_make_mosaics_the_later(
    house: House,
) -> None:
    """Its stamp moves, and its hours were there before."""
    txn_id, number = agreed(house)
    house.people.edit_time(number, hours=3.0)
    house.clock.pass_(minutes=6)
    house.work()
    house.clock.pass_(minutes=10)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=5)
    house.people.edit_time(number)
    settled(house)
    assert hours(house) == ([90, 480], ["1.5", "8.0"])


@pytest.mark.parametrize("ahead", [-90, 90])
def test_an_office_clock_that_is_wrong_decides_nothing(
    house: House, ahead: int
) -> None:
    """Behind, it would make QuickBooks' edit the earlier, ahead the later one."""
    txn_id, number = agreed(house)
    house.file.store.clock = lambda: house.clock.now.timestamp() + ahead * 60
    house.people.edit_time(number, hours=3.0)
    house.clock.pass_(minutes=6)
    house.work()
    house.clock.pass_(minutes=1)
    house.hands.edit_time(txn_id, minutes=480)
    settled(house)
    assert hours(house) == ([90, 480], ["1.5", "3.0"])
