"""A change that we sent to Mosaic takes effect late, over what was sent after it."""

from __future__ import annotations

import httpx
import pytest

from qbwc_server.decisions import conflicts
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_lost_posts import let_it_settle


class LateChange:
    """The first change is answered with 503, and takes effect when it is told to."""

    def __init__(self, house: House) -> None:
        self._answer = house.wire.handle_request
        self._waiting: list[httpx.Request] = []
        setattr(house.wire, "handle_request", self._handle)  # noqa: B010 - mypy refuses

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.method in {"PUT", "PATCH"} and not self._waiting:
            self._waiting.append(request)
            return httpx.Response(503, text="busy")
        return self._answer(request)

    def takes_effect(self) -> None:
        """Have Mosaic do what it was sent."""
        self._answer(self._waiting[0])


def come_late(house: House) -> None:
    """Have 90 minutes be sent and not seen, 120 be sent, and the 90 take effect."""
    txn_id = in_quickbooks(house, "", day=day(house, 0), minutes=60)
    house.clock.pass_(minutes=16)
    let_it_settle(house)
    late = LateChange(house)
    house.hands.edit_time(txn_id, minutes=90)
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    house.hands.edit_time(txn_id, minutes=120)
    let_it_settle(house)
    assert [float(one["hours"]) for one in mosaic(house)] == [2.0]
    late.takes_effect()
    let_it_settle(house)
    house.quiet()


def minutes(house: House) -> tuple[int, int]:
    """Return how long the one entry is in QuickBooks and in Mosaic."""
    (here,), (there,) = quickbooks(house), mosaic(house)
    return here["minutes"], round(float(there["hours"]) * 60)


@pytest.mark.parametrize("policy", ["newest", "mosaic"])
def test_what_came_late_does_not_change_the_hours_in_quickbooks(
    house: House, policy: str
) -> None:
    """Nobody typed 90 minutes last: which is right is asked."""
    set_values(house, policy=policy)
    come_late(house)
    assert minutes(house) == (120, 90)
    assert linked(house).state == "conflict"
    assert "come late" in linked(house).reason


@pytest.mark.parametrize(("side", "left"), [("quickbooks", 120), ("mosaic", 90)])
def test_one_word_says_which_is_right(house: House, side: str, left: int) -> None:
    """It may be that somebody has changed it back."""
    come_late(house)
    row = linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        conflicts.settle(connection, row, side, by="bookkeeper", now=house.clock())
    let_it_settle(house)
    house.quiet()
    assert minutes(house) == (left, left)
    assert linked(house).state == "in_sync"


def test_a_day_later_it_is_somebody_s_change(house: House) -> None:
    """Nothing comes as late as that."""
    txn_id = in_quickbooks(house, "", day=day(house, 0), minutes=60)
    house.clock.pass_(minutes=16)
    let_it_settle(house)
    LateChange(house)
    house.hands.edit_time(txn_id, minutes=90)
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    house.hands.edit_time(txn_id, minutes=120)
    let_it_settle(house)
    house.quiet()
    house.quiet()
    house.people.edit_time(linked(house).mosaic_id, hours=1.5)
    house.quiet()
    assert minutes(house) == (90, 90)
