"""What changes while a long read is under way, and what is asked before writing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qbwc_server.companies import registry
from qbwc_server.jobs import claiming, queue
from qbwc_server.quickbooks import list_requests
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Poller
from tests.quickbooks.times import TimePoller

PAGES = 40
WEDNESDAY = "2026-03-04 15:00"
"""A day without the longer overlap for clocks that go back at weekends."""

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_an_edit_behind_the_current_page_is_not_missed(poller: Poller) -> None:
    """What a page showed long ago may have changed before the last page is reached."""
    poller.at(WEDNESDAY)
    for number in range(PAGES * 10):
        poller.hands.add("Customer", f"C{number:03}")
    ids = poller.ids("Customer")
    first, last = ids["C000"], ids[f"C{PAGES * 10 - 1:03}"]
    poller.rules = type(poller.rules)(10, poller.rules.full_compare)

    def edit(number: int) -> None:
        if number == 1:
            poller.hands.edit("Customer", first, CompanyName="new")
        if number == PAGES - 1:
            poller.hands.edit("Customer", last, CompanyName="later")

    poller.poll(between=edit, seconds=9)
    assert poller.records("customer")[first].quickbooks["company_name"] == ""
    poller.clock.pass_(minutes=15)
    poller.poll()
    assert poller.records("customer")[first].quickbooks["company_name"] == "new"
    assert poller.records("customer")[last].quickbooks["company_name"] == "later"


def test_time_edited_behind_the_current_page_is_not_missed(timed: TimePoller) -> None:
    """The same for time, of which the first load takes longest."""
    timed.poller.at(WEDNESDAY)
    for number in range(PAGES * 10):
        timed.enter(f"2026-02-{number // 30 + 1:02}", number + 1)
    first, *_, last = sorted(
        timed.poller.file.store.all("SELECT txn_id, txn_date, number FROM time_entry"),
        key=lambda row: (row["txn_date"], row["number"]),
    )
    poller = timed.poller
    poller.rules = type(poller.rules)(10, poller.rules.full_compare)

    def edit(number: int) -> None:
        if number == 2:
            timed.hands.edit_time(first["txn_id"], minutes=1000)
        if number == PAGES - 1:
            timed.hands.edit_time(last["txn_id"], minutes=1001)

    poller.poll(between=edit, seconds=9)
    assert timed.entries()[first["txn_id"]].quickbooks["minutes"] != 1000
    poller.clock.pass_(minutes=15)
    poller.poll()
    assert timed.entries()[first["txn_id"]].quickbooks["minutes"] == 1000
    assert timed.entries()[last["txn_id"]].quickbooks["minutes"] == 1001


@pytest.mark.parametrize("hours", [-1, 1])
def test_nothing_is_missed_after_our_clock_was_put_right_during_a_read(
    timed: TimePoller, hours: int
) -> None:
    """How long the read took is not known then: not less than nothing, though."""
    poller = timed.poller
    poller.at(WEDNESDAY)
    poller.poll()
    poller.clock.pass_(minutes=15)
    timed.enter("2026-03-04", 30)

    def put_right(answer: str) -> str:
        if not poller.behind:
            poller.behind = timedelta(hours=-hours)
            poller.clock.now += timedelta(hours=hours)
        return answer

    poller.poll(put_right)
    for _ in range(3):
        poller.clock.pass_(minutes=15)
        timed.enter("2026-03-04", 60)
        poller.poll()

    minutes = [row.quickbooks["minutes"] for row in timed.entries().values()]
    assert sorted(minutes) == [30, 60, 60, 60]


def test_a_restore_is_asked_for_before_anything_is_written(poller: Poller) -> None:
    """A job that writes has the question put first, between the schedules too."""
    poller.poll()
    with company_transaction(poller.engine, poller.company_id) as connection:
        company = registry.get(connection, poller.company_id)
        list_requests.ask_before_writing(connection, company, poller.clock())
        assert (
            claiming.claimable(connection, company.id, poller.clock(), write_batch=25)
            == []
        )
        queue.enqueue(
            connection,
            company.id,
            kind="time_entry",
            action="del",
            summary="Delete an entry",
            now=poller.clock(),
            by="test",
            payload={"txn_id": "1-1"},
        )
        list_requests.ask_before_writing(connection, company, poller.clock())
        (job,) = claiming.claimable(
            connection, company.id, poller.clock(), write_batch=25
        )
        assert job.kind == list_requests.ACTIVITY
        assert job.priority == 1
