"""A year of a firm of forty who all work eight hours a day and write no notes."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks
from tests.agreement.house import House, MakeHouse

SOAK = int(os.environ.get("HISTORIES", "0")) >= 1000
PEOPLE = 40 if SOAK else 4
DAYS = 365 if SOAK else 10
SATURDAY = 5


def hired(house: House) -> list[str]:
    """Have people in QuickBooks, and by the next runs in Mosaic; return their names."""
    names = [f"Person{number} Miller" for number in range(PEOPLE)]
    for name in names:
        first, last = name.split()
        house.persons[name] = house.hands.add(
            "Employee",
            name,
            FirstName=first,
            LastName=last,
            Email=f"{first.lower()}@example.com",
        )
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    return names


def a_day(house: House, names: list[str], today: date) -> None:
    """Have half of them type in QuickBooks and half in Mosaic; then all runs once."""
    objects = house.sandbox.team.store.objects
    members = {one["first_name"]: key for key, one in objects["employee"].items()}
    projects = {one["title"]: key for key, one in objects["project"].items()}
    category = next(iter(objects["standard_work_category"]))
    for number, name in enumerate(names):
        if number % 2:
            house.people.add_time(
                members[name.split()[0]],
                today.isoformat(),
                8.0,
                project=projects["House"],
                category=category,
            )
        else:
            house.hands.add_time(
                house.persons[name],
                today.isoformat(),
                480,
                notes="",
                customer=house.jobs["Acme:House"],
                item=house.items["Design"],
                billable="Billable",
            )
    for _ in range(3):
        house.clock.pass_(minutes=16)
        house.connect()
        house.work()


@pytest.mark.parametrize("zone", ["America/New_York"])
def test_each_day_of_everybody_is_once_on_both_sides(
    make_house: MakeHouse, zone: str
) -> None:
    """Whoever typed it, and wherever: nothing is missing, and nothing is twice."""
    house = make_house(datetime(2026, 1, 1, 22, tzinfo=UTC), zone)
    house.settle()
    names = hired(house)
    worked = 0
    for _ in range(DAYS):
        house.clock.now = house.clock.now.replace(hour=22, minute=0) + timedelta(days=1)
        today = house.clock.now.date()
        if today.weekday() < SATURDAY:
            a_day(house, names, today)
            worked += 1
    house.quiet()
    here = hours_in_quickbooks(house)
    assert len(here) == worked * PEOPLE
    assert here == hours_in_mosaic(house)
    assert house.open() == []
    house.close()
