"""A server's clock is ahead for a while, and is then put right."""

from __future__ import annotations

from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks


def test_what_is_entered_after_a_clock_was_put_right_arrives_soon(
    house: House,
) -> None:
    """Three hours ahead for one run; an edit then, and hours on both sides after."""
    first = in_quickbooks(house, "")
    house.settle_for(minutes=65)
    house.clock.pass_(hours=3)
    house.hands.edit_time(first, minutes=61)
    house.connect()
    house.work()

    house.clock.pass_(hours=-3)
    in_quickbooks(house, "")
    typed_in_mosaic(house, "Bo", ago=1, hours=2.0)
    house.hands.edit_time(first, minutes=62)
    for _ in range(12):
        house.clock.pass_(minutes=16)
        house.connect()
        house.work()
        house.sandbox.deliver_callbacks()

    of_day = day(house)
    assert hours_in_quickbooks(house) == [
        ("Ann Lee", of_day, 60, ""),
        ("Ann Lee", of_day, 62, ""),
        ("Bo Berg", of_day, 120, ""),
    ]
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)


def test_what_both_sides_have_is_one_soon_after_a_clock_was_put_right(
    house: House,
) -> None:
    """A day ahead for one run, in which one was seen; its twin is typed after that."""
    house.settle_for(minutes=65)
    house.clock.pass_(hours=26)
    typed_in_mosaic(house, "Ann", ago=2, hours=1.0)
    house.work()
    house.clock.pass_(hours=-26)
    in_quickbooks(house, "", minutes=60)
    for _ in range(8):
        house.settle_for(minutes=16)

    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 1
    company = house.stored()
    for since in (company.both_known_at, company.first_known_at):
        assert since is not None
        assert since <= house.clock()
