"""A worker that sleeps between its last look and the socket sends late."""

from __future__ import annotations

from typing import Any

from qbwc_server.storage import tables
from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks, time_records
from tests.agreement.house import House
from tests.agreement.test_findings import in_quickbooks, mosaic


def test_what_a_worker_that_slept_sends_late_is_taken_away(house: House) -> None:
    """Another worker took over, looked twice and sent it; then the first woke up."""
    in_quickbooks(house, "")
    house.clock.pass_(minutes=16)
    house.connect()
    slept: list[int] = []

    def sleep(request: Any) -> None:
        if request.method != "POST" or "time_entry" not in str(request.url) or slept:
            return
        slept.append(1)
        house.wire.before = lambda _: None
        for _ in range(6):
            house.clock.pass_(minutes=3)
            house.work()
        slept.append(len(mosaic(house)))

    house.wire.before = sleep
    house.work()
    for _ in range(3):
        house.settle_for(minutes=65)

    assert slept[1:] == [1]
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(mosaic(house)) == 1
    first, second = time_records(house)
    assert (first.state, second.state) == ("in_sync", "gone")
    told = [one.what for one in house.rows(tables.record_event)]
    assert any(one.startswith("came twice: time entry ") for one in told)
