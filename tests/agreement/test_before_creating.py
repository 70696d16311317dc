"""A load of Mosaic takes hours; what people do meanwhile counts where bytes leave."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from qbwc_server.decisions import linking
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks, set_values


def _after_first(house: House, act: Callable[[], None]) -> None:
    """Do something once, when the first entry was created in Mosaic."""
    done: list[int] = []

    def after(request: httpx.Request) -> None:
        if request.method == "POST" and "time" in request.url.path and not done:
            done.append(1)
            act()

    house.wire.after = after


@pytest.mark.parametrize("ago", [1, 30, 200, 900])
def test_what_is_typed_in_mosaic_during_a_load_is_not_made_a_second_time(
    house: House, ago: int
) -> None:
    """The bookkeeper completes Mosaic by hand while the load is at other days."""
    house.senders = 1
    for each in range(3):
        in_quickbooks(house, "", day=day(house, ago + each), minutes=480)
    house.clock.pass_(minutes=20)
    house.connect()

    def typed() -> None:
        house.clock.pass_(minutes=61)
        for each in range(3):
            if day(house, ago + each) not in {one[1] for one in hours_in_mosaic(house)}:
                typed_in_mosaic(house, ago=ago + each)

    _after_first(house, typed)
    house.work()
    house.settle_for(minutes=65)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 3
    assert {one.state for one in time_records(house)} == {"in_sync"}


@pytest.mark.parametrize("what", ["person", "job", "item", "pause"])
def test_a_planned_creation_does_not_leave_for_what_was_unlinked_since(
    house: House, what: str
) -> None:
    """Somebody sees during a load that hours go where they do not belong.

    Of those that are sent one by one, only the first has left.
    """
    house.senders = 1
    kinds = {"person": "employee", "job": "customer", "item": "service_item"}
    other = {
        "person": house.persons["Bo Berg"],
        "job": house.jobs["Bolt:Garage"],
        "item": house.items["Detail"],
    }
    for each in range(3):
        house.hands.add_time(
            other["person"],
            day(house, 1 + each),
            60,
            notes="",
            customer=other["job"],
            item=other["item"],
            billable="Billable",
        )
    house.clock.pass_(minutes=20)
    house.connect()

    def unlinked() -> None:
        if what == "pause":
            set_values(house, mode="paused")
            return
        (row,) = house.rows(
            tables.record,
            tables.record.c.kind == kinds[what],
            tables.record.c.quickbooks_id == other[what],
        )
        said = linking.Word("bookkeeper", house.clock(), "wrong")
        with company_transaction(house.engine, house.company.id) as connection:
            assert linking.unlink(connection, house.company.id, row.id, said)

    _after_first(house, unlinked)
    house.work()
    house.wire.after = lambda _: None
    house.clock.pass_(minutes=10)
    house.work()
    assert len(hours_in_mosaic(house)) == 1
