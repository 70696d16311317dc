"""What people do right after the same hours were typed while we made them.

The question is asked all the same, and goes when somebody takes one of them away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.delivery.sending import Sender
from qbwc_server.sandbox.quickbooks.company_file import Session
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks, mosaic, quickbooks
from tests.agreement.test_lost_posts import let_it_settle
from tests.agreement.test_typed_meanwhile import (
    held,
    typed_while_adding,
    typed_while_posting,
)


def typed_and_edited_in_mosaic(house: House, **fields: Any) -> None:
    """Have an hour be typed while ours arrives, and ours be edited a minute later."""
    house.senders = 1
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    real = Sender.write
    typed: list[int] = []

    def type_first(sender: Sender, step: Any) -> Any:
        if step.do == "create" and step.data_type == "time_entry" and not typed:
            typed.append(typed_in_mosaic(house, hours=1.0))
            house.clock.pass_(seconds=1)
        return real(sender, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sender, "write", type_first)
        house.work()
    house.clock.pass_(seconds=60)
    (ours,) = [it["mosaic_id"] for it in mosaic(house) if it["mosaic_id"] not in typed]
    house.people.edit_time(ours, **fields)
    let_it_settle(house)


def typed_in_quickbooks(
    house: House, *, asleep: int = 0, then: Callable[[], None] | None = None
) -> None:
    """Have an hour be typed just before ours is added by a computer that sleeps."""
    typed_in_mosaic(house, hours=1.0, ago=1)
    house.clock.pass_(minutes=65)
    house.work()
    house.work()
    house.clock.pass_(minutes=2)
    real = Session.process
    typed: list[str] = []

    def type_first(session: Any, request: str, *given: Any, **more: Any) -> Any:
        if "TimeTrackingAddRq" in request and not typed:
            typed.append(in_quickbooks(house, "", day=day(house, 1)))
            house.clock.pass_(minutes=asleep, seconds=1)
        return real(session, request, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "process", type_first)
        house.connect()
    assert typed
    if then is not None:
        then()
    let_it_settle(house)


def in_one_form(house: House) -> None:
    """See that both sides have one hour, and that nothing is asked."""
    house.quiet()
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(hours_in_mosaic(house)) == 1
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


@pytest.mark.parametrize("asleep", [0, 8, 12, 55])
def test_the_computer_slept_between_the_request_and_the_add(
    house: House, asleep: int
) -> None:
    """A laptop is closed in the middle of a run; a colleague types in the same file."""
    typed_in_quickbooks(house, asleep=asleep)
    assert held(house).mosaic_id is None
    assert len(hours_in_mosaic(house)) == 1


@pytest.mark.parametrize("field", ["description", "date"])
def test_ours_is_edited_in_mosaic_before_the_typed_one_is_known(
    house: House, field: str
) -> None:
    """What was typed equals what we made, not what became of it."""
    new = {"description": "at the house", "date": day(house, 1)}
    typed_and_edited_in_mosaic(house, **{field: new[field]})
    assert held(house).quickbooks_id is None
    assert len(hours_in_quickbooks(house)) == 1


@pytest.mark.parametrize("field", ["notes", "txn_date"])
def test_ours_is_edited_in_quickbooks_before_the_typed_one_is_known(
    house: House, field: str
) -> None:
    """So there, also where it was moved to another day."""
    new = {"notes": "at the house", "txn_date": day(house, 0)}

    def edit() -> None:
        house.hands.edit_time(quickbooks(house)[-1]["txn_id"], **{field: new[field]})

    typed_in_quickbooks(house, then=edit)
    assert held(house).mosaic_id is None
    assert len(hours_in_mosaic(house)) == 1


def test_who_deletes_what_we_made_in_mosaic_has_answered(house: House) -> None:
    """The typed one takes its place: nothing is deleted in QuickBooks."""
    typed_while_posting(house)
    asked = held(house)
    (txn_id,) = [one["txn_id"] for one in quickbooks(house)]
    numbers = {one["mosaic_id"] for one in mosaic(house)}
    (ours,) = numbers - {asked.mosaic_id}
    house.people.delete_time(ours)
    let_it_settle(house)
    in_one_form(house)
    assert [one["txn_id"] for one in quickbooks(house)] == [txn_id]
    assert [one["mosaic_id"] for one in mosaic(house)] == [asked.mosaic_id]


def test_who_deletes_what_we_made_in_quickbooks_has_answered(house: House) -> None:
    """The typed one takes its place: nothing is deleted in Mosaic."""
    typed_while_adding(house)
    asked = held(house)
    (number,) = [one["mosaic_id"] for one in mosaic(house)]
    (ours,) = {one["txn_id"] for one in quickbooks(house)} - {asked.quickbooks_id}
    house.hands.delete_time(ours)
    let_it_settle(house)
    in_one_form(house)
    assert [one["txn_id"] for one in quickbooks(house)] == [asked.quickbooks_id]
    assert [one["mosaic_id"] for one in mosaic(house)] == [number]


def test_who_deletes_both_in_quickbooks_has_none(house: House) -> None:
    """The hour was wrong: it goes from Mosaic, too."""
    typed_while_adding(house)
    for one in quickbooks(house):
        house.hands.delete_time(one["txn_id"])
    let_it_settle(house)
    house.quiet()
    assert hours_in_mosaic(house) == hours_in_quickbooks(house) == []


def test_who_deletes_what_we_made_beside_one_that_was_edited_since(
    house: House,
) -> None:
    """It is another hour by now: it goes to QuickBooks, and the deleted one goes."""
    typed_while_posting(house)
    asked = held(house)
    house.people.edit_time(asked.mosaic_id, hours=2.0)
    let_it_settle(house)
    (ours,) = {one["mosaic_id"] for one in mosaic(house)} - {asked.mosaic_id}
    house.people.delete_time(ours)
    let_it_settle(house)
    in_one_form(house)
    assert [one[2] for one in hours_in_quickbooks(house)] == [120]
