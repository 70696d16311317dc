"""Hours of both sides that differ in billable alone: one question for all."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions import billable
from qbwc_server.kinds.conflict import of_billable_alone
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.hours import time_records
from tests.agreement.house import House
from tests.agreement.test_findings import in_mosaic, in_quickbooks, mosaic, quickbooks


def asked(house: House) -> billable.Differing:
    """Return what is asked of billable alone."""
    with company_reading(house.engine, house.company.id) as connection:
        return billable.differing(connection, house.company.id)


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
def test_entries_that_are_joined_and_differ_in_billable_are_one_question(
    house: House, side: str
) -> None:
    """Counted by where they are billable, in hours, and settled by one word."""
    house.settle()
    for value, there, minutes in (
        ("Billable", False, 60),
        ("Billable", False, 60),
        ("NotBillable", True, 60),
        ("Billable", True, 90),
    ):
        notes = f"typed twice, {minutes}" if minutes == 90 else ""
        in_quickbooks(house, notes, minutes=minutes, billable=value)
        in_mosaic(house, notes, billable=there, hours=minutes / 60)
    for _ in range(2):
        house.settle_for(minutes=65)
    found = asked(house)
    assert (found.entries, found.more) == (3, False)
    assert found.sides == {"QuickBooks": (2, 120), "Mosaic": (1, 60)}

    with company_transaction(house.engine, house.company.id) as connection:
        settled = [
            billable.settle(
                connection, house.company.id, side, by="person", now=house.clock()
            )
            for _ in range(2)
        ]
        assert settled == [3, 0]
    for _ in range(2):
        house.settle_for(minutes=65)

    assert asked(house).entries == 0
    here = [row["billable"] == "Billable" for row in quickbooks(house)]
    told = [one["is_billable"] for one in mosaic(house)]
    assert sum(here) == sum(told) == (3 if side == "quickbooks" else 2)
    assert {row.state for row in time_records(house)} == {"in_sync"}


def test_only_what_was_never_agreed_on_is_that_question() -> None:
    """Edited since on both sides, it is a conflict of its own."""
    one: dict[str, Any] = {
        "billable": {"quickbooks": "Billable", "mosaic": False, "kept": None}
    }
    two = {**one, "minutes": {"quickbooks": 60, "mosaic": 75, "kept": None}}
    agreed = {"mosaic": {"minutes": 60}, "quickbooks": {"minutes": 60}}
    assert of_billable_alone(one, agreed)
    assert of_billable_alone(one, None)
    assert not of_billable_alone(two, agreed)
    assert not of_billable_alone({}, agreed)
    assert not of_billable_alone(one, {"mosaic": {"billable": True}})
    decided = {"billable": {**one["billable"], "kept": "mosaic"}}
    assert not of_billable_alone(decided, agreed)
