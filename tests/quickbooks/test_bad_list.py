"""One list that QuickBooks does not give stops itself, whatever the code or text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qbwc_server.companies import attention
from qbwc_server.qbxml.status import hresult
from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.storage import tables
from tests.quickbooks.test_doubtful import SAID, Twist, is_first, runs, twisted
from tests.web_connector.desk import Desk
from tests.web_connector.timesheet import Timesheet

__all__ = ["twisted"]
pytestmark = pytest.mark.in_turn

MALFORMED = "malformed"
WAYS = (MALFORMED, "0x80040402", "0x80010105", "0x8004041B")
KINDS = {
    "EmployeeQuery": "employee",
    "CustomerQuery": "customer",
    "ItemServiceQuery": "service_item",
    "TimeTrackingQuery": "time_entry",
    "TxnDeletedQuery": "time_deletions",
    "ListDeletedQuery": "deletions",
}


def bad(query: str, way: str) -> Twist:
    """Have every message set with a query refused, or answered with no XML."""

    def twist(text: str, answer: Callable[[str], str]) -> str:
        if f"<{query}Rq" not in text:
            return answer(text)
        if way != MALFORMED:
            raise QuickBooksRefusal(way, SAID)
        given = answer(text)
        return given.replace(f"<{query}Rs ", f"<{query}Rs <", 1)

    return twist


def newcomers(desk: Desk) -> dict[str, str]:
    """Add one of each kind to the company file; return their ids by kind."""
    return {
        "customer": desk.hands.add("Customer", "Newco"),
        "employee": desk.hands.add("Employee", "Cy Moss", Email="cy@alice.example"),
        "service_item": desk.hands.add("ItemService", "Detail"),
        "time_entry": desk.hands.add_time(
            desk.person, "2026-02-26", 60, customer=desk.customer
        ),
    }


def known(desk: Desk, wanted: dict[str, str]) -> set[str]:
    """Return of which kinds the newcomer is known."""
    ids = {row.quickbooks_id for row in desk.rows(tables.record)}
    return {kind for kind, one in wanted.items() if one in ids}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("query", KINDS)
def test_one_bad_list_stops_itself_and_no_other(
    desk: Desk, twisted: Callable[[Twist], None], query: str, way: str
) -> None:
    """The others are read within four runs; it is failed, and told by name."""
    desk.hands.set("time_tracking", value=True)
    runs(desk, 2)
    twisted(bad(query, way))
    wanted = newcomers(desk)
    runs(desk, 4)
    kind = KINDS[query]
    assert known(desk, wanted) == set(wanted) - {kind}
    [failed] = [job for job in desk.jobs() if job.state == "failed"]
    assert failed.kind == kind
    assert (SAID in str(failed.reason)) is (way != MALFORMED)
    assert desk.stored().attention_id == attention.NOT_READ
    assert str(desk.stored().attention).startswith(f"{failed.summary}: ")


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_list_costs_one_question_at_each_schedule_and_ends_by_itself(
    desk: Desk, twisted: Callable[[Twist], None], way: str
) -> None:
    """It is asked for once, alone and last; when it is given, nothing is said."""
    desk.hands.set("time_tracking", value=True)
    runs(desk, 2)
    twisted(bad("EmployeeQuery", way))
    wanted = newcomers(desk)
    runs(desk, 4)
    before = len(desk.rows(tables.exchange))
    desk.clock.pass_(minutes=desk.stored().read_every)
    run = desk.run()
    assert run.error is None
    asked = [one for one in desk.rows(tables.exchange)[before:] if one.request]
    assert [("<EmployeeQueryRq" in one.request) for one in asked] == [False, True]
    assert asked[-1].request.count(" requestID=") == 1
    assert desk.stored().attention_id == attention.NOT_READ

    twisted(lambda text, answer: answer(text))
    desk.clock.pass_(minutes=desk.stored().read_every)
    desk.run()
    assert known(desk, wanted) == set(wanted)
    assert desk.stored().attention_id is None
    assert [job for job in desk.jobs() if job.state == "failed"] == []


@pytest.mark.parametrize("code", WAYS[1:])
def test_a_quickbooks_that_takes_nothing_is_no_bad_list(
    desk: Desk, twisted: Callable[[Twist], None], code: str
) -> None:
    """Not open, busy, a window waits: no list is blamed, and each run ends soon."""
    runs(desk, 1)
    desk.hands.add("Customer", "Newco")

    def nothing(text: str, answer: Callable[[str], str]) -> str:
        if is_first(text):
            return answer(text)
        raise QuickBooksRefusal(code, SAID)

    twisted(nothing)
    for _ in range(12):
        before = len(desk.rows(tables.exchange))
        assert desk.run().result.startswith(hresult(code).customer[:60])
        asked = [one for one in desk.rows(tables.exchange)[before:] if one.request]
        assert 1 <= len(asked) <= 3
        desk.clock.pass_(minutes=16)
    assert {job.state for job in desk.jobs()} <= {"done", "ready"}
    assert desk.stored().attention_id is None
    twisted(lambda text, answer: answer(text))
    runs(desk, 2)
    assert ("customer", "Newco") in desk.names()
    assert {job.state for job in desk.jobs()} == {"done"}


def test_two_bad_lists_are_both_told_from_the_rest(
    desk: Desk, twisted: Callable[[Twist], None]
) -> None:
    """Each half has one of them."""
    desk.hands.set("time_tracking", value=True)
    runs(desk, 2)
    first, second = bad("EmployeeQuery", WAYS[1]), bad("TimeTrackingQuery", MALFORMED)
    twisted(lambda text, answer: first(text, lambda one: second(one, answer)))
    wanted = newcomers(desk)
    runs(desk, 8)
    assert known(desk, wanted) == {"customer", "service_item"}
    failed = {job.kind for job in desk.jobs() if job.state == "failed"}
    assert failed == {"employee", "time_entry"}


def test_writes_go_on_beside_a_bad_list(
    desk: Desk, timesheet: Timesheet, twisted: Callable[[Twist], None]
) -> None:
    """Hours of Mosaic do not wait for the list of employees."""
    twisted(bad("EmployeeQuery", "0x80040402"))
    record = timesheet.new()
    runs(desk, 4)
    assert timesheet.job(record).state == "done"
