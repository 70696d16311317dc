"""A firm's time through the clock changes of a year, as QuickBooks prints it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from qbwc_server.sandbox.mosaic.hands import MosaicHands
from tests.agreement.house import House, MakeHouse

ZONES = (
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Europe/London",
)
SOAK = int(os.environ.get("HISTORIES", "50")) >= 1000
YEAR = 2018
"""The last year in which Sao Paulo changed its clocks twice."""
_HOURS_AROUND = (
    range(-12, 12)
    if SOAK
    else (
        *(-12, -9, -6, -3),
        *(-2, -1, 0, 1),
        *(3, 6, 9),
    )
)


def clock_changes(zone: str) -> list[datetime]:
    """Return the moments of the year at which a zone's clocks are changed."""
    start, there = datetime(YEAR, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    hours = [start + timedelta(hours=number) for number in range(365 * 24)]
    return [
        later
        for before, later in pairwise(hours)
        if before.astimezone(there).utcoffset() != later.astimezone(there).utcoffset()
    ]


def moments(zone: str) -> list[datetime]:
    """Return when people work: around a change, and through the year."""
    start = datetime(YEAR, 1, 2, 12, tzinfo=UTC)
    days = range(0, 360, 2 if SOAK else 45)
    found = [start + timedelta(days=number) for number in days]
    for change in clock_changes(zone):
        found += [
            change + timedelta(hours=number, minutes=-20) for number in _HOURS_AROUND
        ]
    return sorted(found)


def enter(house: House, number: int) -> str:
    """Enter an hour of today at the PC."""
    today = house.clock.now.astimezone(ZoneInfo(house.file.store.zone)).date()
    return house.hands.add_time(
        house.persons["Ann Lee"],
        today.isoformat(),
        60,
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        notes=f"in QuickBooks {number}",
        billable="NotBillable",
    )


def enter_in_mosaic(house: House, people: MosaicHands, number: int) -> int:
    """Enter half an hour of today in Mosaic, for what somebody has worked on before."""
    like = people.time()[0]
    made = people.add_time(
        like["member_id"],
        house.clock.now.date().isoformat(),
        0.5,
        project=like["project_id"],
        phase=like["phase_id"],
        category=like["standard_work_category_id"],
        text=f"in Mosaic {number}",
        billable=False,
    )
    return int(made)


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_misses_and_repeats_nothing(make_house: MakeHouse, zone: str) -> None:
    """Each entry and each edit arrives once, on both sides, whatever the clocks do."""
    assert len(clock_changes(zone)) == 2
    worked = moments(zone)
    house = make_house(worked[0] - timedelta(hours=2), zone)
    people = MosaicHands(house.sandbox, calls_back=True)
    house.settle()
    first = enter(house, 0)
    house.clock.pass_(minutes=16)
    house.settle()
    entered, edits, added = 1, 0, 0
    for number, moment in enumerate(worked, start=1):
        house.clock.now = max(moment, house.clock.now)
        enter(house, number)
        house.clock.pass_(seconds=2)
        house.hands.edit_time(first, minutes=60 + number)
        entered, edits = entered + 1, edits + 1
        if number % 2:
            enter_in_mosaic(house, people, number)
            added += 1
        # The Web Connector's next reading run, well within an hour.
        house.clock.pass_(minutes=16)
        house.settle()
    house.quiet()

    found = house.agreement()
    assert found.differences == []
    ours = [
        (one["op"], one["ref"])
        for one in house.sandbox.writes
        if one["data_type"] == "time_entry" and one["ref"] is not None
    ]
    assert sum(op == "create" for op, _ in ours) == entered
    assert sum(op == "update" for op, _ in ours) == edits
    assert sum(op == "delete" for op, _ in ours) == 0
    rows = house.file.store.all("SELECT * FROM time_entry")
    assert len(rows) == entered + added
    assert house.talk.writes == ["TimeTrackingAdd"] * added
    house.close()
