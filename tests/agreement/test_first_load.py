"""A first load at Mosaic's rate: what is read besides, by the simulated clock.

`FIRST_LOAD=20000` loads as many entries as a firm has in three years, one a second. The
usual run has few of them that take as long all together.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from qbwc_server.kinds.time_entry import NAME
from qbwc_server.storage import tables
from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import day

ENTRIES = int(os.environ.get("FIRST_LOAD", "100"))
LENGTH = timedelta(seconds=20_000)
"""How long Mosaic's 300 requests in five minutes make it for 20,000 entries."""
DAYS = 3 * 365
READS_AN_HOUR = {True: 18, False: 72}
"""Each five minutes the last days, each hour the window and two years of some people.

Of the 3,600 entries that leave in an hour, one in a hundred is 36. Where callbacks stay
out for long, each month of entries is looked for besides.
"""


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house whose lists are on both sides, without time."""
    made = make_house(START, "America/New_York")
    made.settle()
    made.senders = 1
    yield made
    made.close()


@pytest.mark.parametrize("told_at_once", [True, False])
def test_a_first_load_reads_little_besides_and_never_stalls(
    house: House, *, told_at_once: bool
) -> None:
    """All days are made, newest first or not, and none waits for a reading for good.

    Callbacks come as Mosaic makes them, or much later: then thousands are open.
    """
    for each in range(ENTRIES):
        house.hands.add_time(
            house.persons["Ann Lee" if each % 2 else "Bo Berg"],
            day(house, each * DAYS // ENTRIES),
            60,
            notes="",
            customer=house.jobs["Acme:House"],
            item=house.items["Design"],
            billable="Billable",
        )
    house.clock.pass_(minutes=20)
    house.connect()
    asked: Counter[str] = Counter()
    longest, last = timedelta(), house.clock()

    def count(request: httpx.Request) -> None:
        nonlocal longest, last
        asked[request.method] += 1
        if request.method == "POST":
            house.clock.pass_(seconds=LENGTH.total_seconds() / ENTRIES)
            longest, last = max(longest, house.clock() - last), house.clock()
            if told_at_once:
                house.sandbox.deliver_callbacks()

    began, reads = house.clock(), 0.0
    while _waits(house):
        house.wire.before = count
        before = house.clock()
        house.work()
        house.sandbox.deliver_callbacks()
        if house.clock() == before:
            house.clock.pass_(minutes=1)
    hours = (house.clock() - began) / timedelta(hours=1)
    reads = asked["GET"] / hours
    _told(asked, hours, longest)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == ENTRIES
    assert asked["POST"] == ENTRIES
    assert reads <= READS_AN_HOUR[told_at_once]
    assert longest <= timedelta(minutes=30)


def _waits(house: House) -> bool:
    """Tell whether an entry is still to be planned, by one row: this is asked often."""
    row = tables.record.c
    waiting = sa.select(row.id).where(
        row.company_id == house.company.id,
        row.kind == NAME,
        row.due_at.is_not(None),
    )
    with house.engine.connect() as connection:
        return connection.execute(waiting.limit(1)).first() is not None


def _told(asked: Counter[str], hours: float, longest: timedelta) -> None:
    told: dict[str, Any] = {**asked, "hours": round(hours, 2), "longest": str(longest)}
    print(f"{ENTRIES} entries: {told}")  # noqa: T201 - for who measures
