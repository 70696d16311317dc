"""What is moved to before the days that Mosaic is read for again and again."""

from __future__ import annotations

import pytest

from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
)


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
def test_it_arrives_and_says_how_changes_are_noticed_from_now_on(
    house: House, side: str
) -> None:
    """Not silently in agreement; and moved back it says nothing any more."""
    txn_id = in_quickbooks(house)
    house.quiet()
    number = mosaic(house)[0]["mosaic_id"]
    assert linked(house).reason is None

    def move(to: str) -> None:
        house.clock.pass_(hours=1)
        if side == "mosaic":
            house.people.edit_time(number, date=to)
        else:
            house.hands.edit_time(txn_id, txn_date=to)
        house.clock.pass_(hours=3)
        house.quiet()

    old = day(house, 150)
    move(old)
    assert [one["txn_date"] for one in quickbooks(house)] == [old]
    assert [one["date"] for one in mosaic(house)] == [old]
    row = linked(house)
    assert row.state == "in_sync"
    assert "noticed only if Mosaic tells of it" in (row.reason or "")

    if side == "quickbooks":
        move(day(house, 2))
        assert (linked(house).state, linked(house).reason) == ("in_sync", None)


def test_what_is_old_already_says_nothing_of_it(house: House) -> None:
    """Ten years come at the first load; nobody moved them."""
    in_quickbooks(house, day=day(house, 150))
    house.quiet()
    assert (linked(house).state, linked(house).reason) == ("in_sync", None)
