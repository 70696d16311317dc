"""The same hours are typed on both sides while projects are made anew."""

from __future__ import annotations

import pytest

from tests.agreement.hours import time_records, typed_in_mosaic
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_lost_posts import let_it_settle


@pytest.mark.parametrize("back", [True, False])
def test_hours_typed_on_both_sides_after_customers_are_projects_are_one(
    house: House, back: bool
) -> None:
    """Their job has no counterpart yet, and the project has one still."""
    in_quickbooks(house, "first", day=day(house, 0))
    let_it_settle(house)
    set_values(house, structure="project")
    in_quickbooks(house, "same", day=day(house, 0))
    typed_in_mosaic(house, hours=1.0, notes="same")
    for _ in range(4):
        house.clock.pass_(minutes=16)
        house.connect()
        house.work()
    if back:
        set_values(house, structure="client")
    let_it_settle(house)
    house.quiet()
    assert len(quickbooks(house)) == len(mosaic(house)) == 2
    assert len(time_records(house)) == 2


def test_hours_typed_in_quickbooks_before_the_add_left_are_one(house: House) -> None:
    """The Add is taken back where it would leave: the same session has read them."""
    in_quickbooks(house, "first", day=day(house, 0))
    let_it_settle(house)
    typed_in_mosaic(house, hours=1.0, notes="same")
    house.clock.pass_(minutes=6)
    house.work()
    house.clock.pass_(minutes=6)
    house.work()
    assert [one.action for one in house.unfinished_jobs()] == ["add"]
    set_values(house, structure="project")
    house.work()
    assert [one.action for one in house.unfinished_jobs()] == ["add"]
    in_quickbooks(house, "same", day=day(house, 0))
    let_it_settle(house)
    house.quiet()
    assert len(quickbooks(house)) == len(mosaic(house)) == 2
