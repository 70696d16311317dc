"""Mosaic does not show entries for a while: access was taken, or it had trouble."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks, time_records
from tests.agreement.house import House, MakeHouse
from tests.agreement.test_findings import START, in_quickbooks, mosaic


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house in New York whose lists are on both sides, without time."""
    made = make_house(START, "America/New_York")
    made.settle()
    yield made
    made.close()


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_shown_again_is_deleted_on_neither_side(
    house: House, count: int
) -> None:
    """We deleted it in QuickBooks because Mosaic said so; nobody else ever did."""
    for _ in range(15):
        in_quickbooks(house, "")
    house.settle_for(minutes=65)
    entries = house.sandbox.team.store.objects["time_entry"]
    hidden = [entries.pop(one["mosaic_id"]) for one in mosaic(house)[:count]]
    for _ in range(4):
        house.settle_for(minutes=16)
    assert len(hours_in_quickbooks(house)) == 15 - count
    entries.update({one["mosaic_id"]: one for one in hidden})
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert len(hours_in_mosaic(house)) == 15
    assert hours_in_quickbooks(house) == hours_in_mosaic(house)
    assert {one.state for one in time_records(house)} == {"in_sync"}
