"""Many entries at once, from Mosaic to QuickBooks."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.storage import tables
from tests.agreement.house import MakeHouse
from tests.agreement.test_years import enter, enter_in_mosaic

MANY = 5_000 if int(os.environ.get("HISTORIES", "50")) >= 1000 else 150
A_CONSTANT = 3


def test_many_entries_of_mosaic_take_one_exchange_for_each_batch(
    make_house: MakeHouse,
) -> None:
    """Twenty-five entries travel together, and nothing comes in addition."""
    house = make_house(datetime(2026, 3, 3, 15, tzinfo=UTC), "America/New_York")
    house.settle()
    enter(house, 0)
    house.clock.pass_(minutes=16)
    house.settle()
    people = MosaicHands(house.sandbox, calls_back=False)
    for number in range(MANY):
        if number % 60 == 0:
            house.clock.now -= timedelta(days=1)
        enter_in_mosaic(house, people, number)
    house.clock.now = datetime(2026, 3, 3, 17, tzinfo=UTC)
    house.clock.pass_(days=1)
    house.settle()

    assert house.agreement().differences == []
    batch = house.settings.write_batch
    exchange = tables.exchange
    assert len(house.rows(exchange, exchange.c.writes)) <= MANY / batch + A_CONSTANT
    assert house.talk.writes == ["TimeTrackingAdd"] * MANY
    house.close()
