"""What QuickBooks has and our program cannot read is neither written nor forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from qbwc_server.kinds import time_entry
from qbwc_server.qbxml.values import minutes_from_duration
from qbwc_server.records import due
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.test_findings import (
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
)

HOUR_AND_A_HALF = 90


@contextmanager
def unreadable(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have our program fail on every duration of an hour and a half."""
    good = minutes_from_duration

    def fails(text: str) -> int:
        if good(text) == HOUR_AND_A_HALF:
            raise ValueError(f"not a duration: {text!r}")
        return good(text)

    with patch.context() as patched:
        patched.setattr(time_entry, "minutes_from_duration", fails)
        yield


def days(house: House, many: int) -> None:
    """Let days pass, with everything that is looked at again meanwhile."""
    for _ in range(many):
        house.clock.pass_(days=1)
        with company_transaction(house.engine, house.company.id) as connection:
            due.look_at_all(connection, house.company.id, house.clock())
        house.connect()
        house.work()


def test_it_waits_for_support_however_often_it_is_looked_at_and_then_goes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is in Mosaic until it can be read; then all of it is, by itself."""
    with unreadable(monkeypatch):
        in_quickbooks(house, minutes=HOUR_AND_A_HALF)
        in_quickbooks(house, minutes=60)
        days(house, 8)
        assert [float(one["hours"]) for one in mosaic(house)] == [1.0]
        (waits,) = [row for row in house.rows(tables.record) if row.unread]
        assert waits.state == "refused"
        assert "not a duration" in waits.reason
    house.clock.pass_(days=8)
    house.quiet()
    assert sorted(float(one["hours"]) for one in mosaic(house)) == [1.0, 1.5]
    assert {row.state for row in house.rows(tables.record)} == {"in_sync"}


def test_a_linked_one_is_written_by_nobody_until_it_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mosaic's edit meanwhile waits, and both edits arrive afterwards."""
    txn_id = in_quickbooks(house)
    house.quiet()
    with unreadable(monkeypatch):
        house.clock.pass_(hours=1)
        house.hands.edit_time(txn_id, minutes=HOUR_AND_A_HALF)
        house.connect()
        house.work()
        assert linked(house).state == "refused"
        house.people.edit_time(mosaic(house)[0]["mosaic_id"], description="more")
        days(house, 2)
        assert linked(house).state == "refused"
        assert [one["notes"] for one in quickbooks(house)] == ["work"]
        assert [float(one["hours"]) for one in mosaic(house)] == [1.0]
    house.clock.pass_(days=8)
    house.quiet()
    assert linked(house).state == "in_sync"
    assert [(one["minutes"], one["notes"]) for one in quickbooks(house)] == [
        (90, "more")
    ]
    assert [(float(one["hours"]), one["description"]) for one in mosaic(house)] == [
        (1.5, "more")
    ]


def test_one_that_is_deleted_before_it_was_read_is_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QuickBooks says so by its TxnID; no more has to be known of it."""
    with unreadable(monkeypatch):
        txn_id = in_quickbooks(house, minutes=HOUR_AND_A_HALF)
        days(house, 1)
        assert linked(house).state == "refused"
        house.hands.delete_time(txn_id)
        days(house, 2)
        assert linked(house).state == "gone"
    assert mosaic(house) == []
