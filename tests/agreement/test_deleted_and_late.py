"""A creation in Mosaic comes late; its hour was deleted meanwhile, or nobody looked."""

from __future__ import annotations

import httpx
import pytest

from qbwc_server.decisions.one_or_two import NotToBeSaid
from tests.agreement.hours import hours_in_quickbooks, time_records
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_lost_posts import let_it_settle
from tests.agreement.test_one_or_two import say

BUSY = httpx.Response(503, text="busy")
TAKEN = httpx.Response(202, json={"api_request_id": "it-will-be-done"})


class Late:
    """Mosaic says that it is busy, is down for a while, and does it later.

    Or says that it has taken it, by an `answer` of its own.
    """

    def __init__(self, house: House, answer: httpx.Response = BUSY) -> None:
        self._says = answer
        self._answer = house.wire.handle_request
        self._waiting: list[httpx.Request] = []
        self.is_down = self.is_full = False
        setattr(house.wire, "handle_request", self._handle)  # noqa: B010 - mypy refuses

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("Connection refused")
        if request.method == "POST" and not self._waiting:
            self._waiting.append(request)
            return self._says
        if request.method == "POST" and self.is_full:
            return httpx.Response(429, text="slow down")
        return self._answer(request)

    def takes_effect(self) -> None:
        """Have Mosaic do what it was sent."""
        self._answer(self._waiting[0])


def deleted_and_comes_late(
    house: House, callback: str, *, sent_again: bool = False
) -> None:
    """Have a creation be lost, its hour be deleted, and the creation take effect."""
    txn_id = in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    house.hands.delete_time(txn_id)
    late.is_down = not sent_again
    if not sent_again:
        not_quiet(house)
    late.is_down = False
    let_it_settle(house)
    assert mosaic(house) == []
    if callback:
        house.sandbox.fail_next(callback, 1, seconds=7200)
    late.takes_effect()
    let_it_settle(house)
    house.quiet()


@pytest.mark.parametrize("callback", ["", "callback_late"])
def test_what_mosaic_says_we_made_is_deleted_with_its_hour(
    house: House, callback: str
) -> None:
    """It was made a second time meanwhile, and that was taken away, too."""
    deleted_and_comes_late(house, callback, sent_again=True)
    assert hours_in_quickbooks(house) == []
    assert mosaic(house) == [] or "refused" in {it.state for it in time_records(house)}


@pytest.mark.parametrize("callback", ["callback_never", "callback_late"])
def test_what_was_deleted_before_it_came_is_not_added_again(
    house: House, callback: str
) -> None:
    """It was not sent again, because nobody wanted it any more."""
    deleted_and_comes_late(house, callback)
    assert hours_in_quickbooks(house) == []


@pytest.mark.parametrize(("deleted", "left"), [(True, 0), (False, 1)])
def test_what_may_have_been_deleted_before_it_came_is_asked_about(
    house: House, deleted: bool, left: int
) -> None:
    """If it is that one, it is deleted in Mosaic; other work goes to QuickBooks."""
    deleted_and_comes_late(house, "callback_never")
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert "deleted in QuickBooks" in asked.reason
    with pytest.raises(NotToBeSaid, match="delete that in Mosaic"):
        say(house, "one", asked)
    if deleted:
        house.people.delete_time(asked.mosaic_id)
    else:
        say(house, "two", asked)
    let_it_settle(house)
    house.quiet()
    assert len(mosaic(house)) == len(hours_in_quickbooks(house)) == left
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


def test_what_came_within_a_day_is_asked_about_however_late_it_is_read(
    house: House,
) -> None:
    """Nobody looked for two days: it was paused over the weekend."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    let_it_settle(house)
    assert len(mosaic(house)) == 1
    set_values(house, mode="paused")
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    house.clock.pass_(minutes=60 * 50)
    set_values(house, mode="live")
    let_it_settle(house)
    assert len(quickbooks(house)) == 1
    (asked,) = (row for row in time_records(house) if row.state == "refused")
    assert "records one" in asked.reason


def not_quiet(house: House) -> None:
    """Let some time pass in which something cannot be done."""
    for _ in range(5):
        house.clock.pass_(minutes=16)
        house.connect()
        house.work()


@pytest.mark.in_turn
def test_what_was_edited_before_it_came_is_asked_about(house: House) -> None:
    """It equals what was sent at first, and nothing that is in QuickBooks now."""
    txn_id = in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    late.is_full = True
    not_quiet(house)
    house.hands.edit_time(txn_id, minutes=180)
    not_quiet(house)
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    not_quiet(house)
    late.is_full = False
    let_it_settle(house)
    house.quiet()
    assert len(quickbooks(house)) == 1
    (asked,) = (row for row in time_records(house) if row.quickbooks_id is None)
    assert "records one" in asked.reason
