"""Mosaic fails on one entry and takes others: it stands alone, and nobody waits."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from qbwc_server.decisions import resync
from qbwc_server.standing import who_must_act
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import hours_in_mosaic, hours_in_quickbooks, time_records
from tests.agreement.house import House
from tests.agreement.test_findings import in_quickbooks, mosaic

OWN = "Widget 7 has no gears"


class Poison(httpx.BaseTransport):
    """Answers 500 to every write whose body has some text, as Mosaic might for ever."""

    def __init__(self, house: House, text: bytes, method: str) -> None:
        self._wire = house.wire
        self._text, self._method = text, method
        self.tries: list[bytes] = []
        self.heals = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, with an error where it is one of those."""
        body = request.read()
        if self.heals or request.method != self._method or self._text not in body:
            return self._wire.handle_request(request)
        self.tries.append(body)
        return httpx.Response(500, json={"message": OWN}, request=request)


@pytest.fixture
def poison(house: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what has Mosaic fail on writes of one entry."""

    def begin(text: str, method: str = "POST") -> Poison:
        made = Poison(house, text.encode(), method)
        made.before = house.wire.before  # type: ignore[attr-defined]
        monkeypatch.setattr(house, "wire", made)
        return made

    return begin


def one_of(house: House, notes: str) -> Any:
    """Return the record of an entry by its notes."""
    (row,) = (
        one for one in time_records(house) if (one.quickbooks or {})["notes"] == notes
    )
    return row


def pass_hours(house: House, hours: int) -> list[Any]:
    """Let time pass in quarters of an hour; return the poisoned record after each."""
    seen = []
    for _ in range(hours * 4):
        house.clock.pass_(minutes=15)
        house.connect()
        house.work()
        seen.append(one_of(house, "gears"))
    return seen


def test_others_arrive_in_the_same_pass_as_the_one_that_fails(
    house: House, poison: Any
) -> None:
    """It is first in the list, and two of them are equal: none waits behind it."""
    house.senders = 1
    in_quickbooks(house, "gears", minutes=480)
    for _ in range(2):
        in_quickbooks(house, "")
    failing = poison("gears")
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()

    assert len(failing.tries) == 1
    assert [one[3] for one in hours_in_mosaic(house)] == ["", ""]
    assert house.stored().attention_id is None
    assert OWN in one_of(house, "gears").reason


@pytest.mark.parametrize("after", ["it heals", "a word"])
def test_the_one_is_refused_after_five_tries_and_goes_when_mosaic_takes_it(
    house: House, poison: Any, after: str
) -> None:
    """Support must act; what Mosaic said stands in the reason at every try."""
    in_quickbooks(house, "gears")
    failing = poison("gears")
    seen = pass_hours(house, 10)

    first = next(n for n, row in enumerate(seen) if row.state == "refused")
    assert len(failing.tries) in {5, 6}
    assert {row.state for row in seen[first:]} == {"refused"}
    told = who_must_act.of(seen[first])
    assert (told.need, told.who) == ("waiting", "support")
    assert all(OWN in row.reason for row in seen if row.failures)
    assert seen[0].failures == 1
    assert mosaic(house) == []

    in_quickbooks(house, "")
    pass_hours(house, 1)
    assert [one[3] for one in hours_in_mosaic(house)] == [""]

    failing.heals = True
    if after == "a word":
        row = one_of(house, "gears")
        with company_transaction(house.engine, house.company.id) as connection:
            resync.some(
                connection, row.company_id, [row.id], now=house.clock(), who="support"
            )
        house.settle()
    else:
        pass_hours(house, 7)
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(mosaic(house)) == 2
    row = one_of(house, "gears")
    assert (row.state, row.failures) == ("in_sync", 0)


def test_a_change_that_fails_is_tried_as_often(house: House, poison: Any) -> None:
    """A PUT: the entry is there, with its old values."""
    txn_id = in_quickbooks(house, "work")
    in_quickbooks(house, "")
    house.quiet()
    house.hands.edit_time(txn_id, notes="gears")
    failing = poison("gears", "PUT")
    seen = pass_hours(house, 10)

    assert seen[-1].state == "refused"
    assert who_must_act.of(seen[-1]).who == "support"
    assert OWN in seen[-1].reason
    assert len(failing.tries) in {5, 6}
    failing.heals = True
    pass_hours(house, 7)
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)


def test_mosaic_that_answers_nobody_counts_no_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is down for a day: then all goes, and nobody is blamed."""
    in_quickbooks(house, "gears")

    class Down(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(503, json={"message": OWN}, request=request)

    house.clock.pass_(minutes=16)
    house.connect()
    with monkeypatch.context() as patch:
        down: Any = Down()
        patch.setattr(house, "wire", down)
        seen = pass_hours(house, 8)
        assert house.stored().attention_id == "mosaic-unavailable"
        assert {row.failures for row in seen} == {0}
    house.quiet()
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(mosaic(house)) == 1
