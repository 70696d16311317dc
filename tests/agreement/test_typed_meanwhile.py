"""The same hours are typed on a side while we make them there: a person is asked."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions.one_or_two import NotToBeSaid
from qbwc_server.delivery.outcomes import Outcomes
from qbwc_server.delivery.sending import Outcome, Sender
from qbwc_server.mosaic.errors import Unavailable
from qbwc_server.sandbox.quickbooks.company_file import Session
from qbwc_server.storage import tables
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    object_of,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks, quickbooks
from tests.agreement.test_lost_posts import let_it_settle, lose_a_post
from tests.agreement.test_one_or_two import say


def typed_while_posting(house: House, hours: float = 1.0, many: int = 1) -> None:
    """Have QuickBooks' hour go to Mosaic, and be typed there just before it arrives.

    There may be `many` equal ones, of which somebody types one.
    """
    house.senders = 1
    for _ in range(many):
        in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    real = Sender.write
    done: list[int] = []

    def type_first(sender: Sender, step: Any) -> Any:
        if step.do == "create" and step.data_type == "time_entry" and not done:
            done.append(typed_in_mosaic(house, hours=hours))
            house.clock.pass_(seconds=1)
        return real(sender, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sender, "write", type_first)
        house.work()
    let_it_settle(house)


@pytest.mark.parametrize("late", [0, 20, 3000])
def test_what_was_typed_is_known_by_its_own_callback(house: House, late: int) -> None:
    """Before ours is known, or after: what is asked for by its number stands alone."""
    house.people.calls_back = True
    if late:
        house.sandbox.fail_next("callback_late", 1, seconds=late)
    typed_while_posting(house)
    assert held(house).quickbooks_id is None
    assert (len(hours_in_mosaic(house)), len(hours_in_quickbooks(house))) == (2, 1)


def held(house: House) -> Any:
    """Return the one record that asks a person."""
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert f"records two {asked.company_id}-{asked.id}" in asked.reason
    return asked


def test_an_hour_typed_in_mosaic_while_ours_arrives_is_asked_about(
    house: House,
) -> None:
    """Neither joined nor delivered until a person has said it; the other one rests."""
    typed_while_posting(house)
    asked = held(house)
    assert asked.quickbooks_id is None
    assert len(hours_in_mosaic(house)) == 2
    assert len(hours_in_quickbooks(house)) == 1


def test_other_hours_typed_while_ours_arrive_are_other_hours(house: House) -> None:
    """Nothing is asked about them."""
    typed_while_posting(house, hours=2.0)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 2
    assert {one.state for one in time_records(house)} == {"in_sync"}


@pytest.mark.parametrize(("word", "left"), [("one", 1), ("two", 2)])
def test_a_word_about_what_was_typed_in_mosaic_meanwhile(
    house: House, word: str, left: int
) -> None:
    """One: what we made is taken away. Two: it goes to QuickBooks."""
    typed_while_posting(house)
    typed = held(house).mosaic_id
    say(house, word, held(house))
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == left
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}
    assert typed in house.sandbox.team.store.objects["time_entry"]


def test_one_of_several_is_named_as_the_second(house: House) -> None:
    """Of two that we made, the typed one may be either: a person says which."""
    typed_while_posting(house, many=2)
    asked = held(house)
    ours = [one for one in time_records(house) if one.state == "in_sync"]
    assert len(ours) == 2
    with pytest.raises(NotToBeSaid, match="name that one as the second"):
        say(house, "one", asked)
    say(house, "one", asked, ours[1])
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 2
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


def typed_while_adding(house: House) -> None:
    """Have Mosaic's hour be added to QuickBooks, where it is typed a moment before."""
    typed_in_mosaic(house, hours=1.0, ago=1)
    house.clock.pass_(minutes=65)
    house.work()
    house.work()
    house.clock.pass_(minutes=2)
    real = Session.process
    done: list[str] = []

    def type_first(session: Any, request: str, *given: Any, **more: Any) -> Any:
        if "TimeTrackingAddRq" in request and not done:
            done.append(in_quickbooks(house, "", day=day(house, 1)))
            house.clock.pass_(seconds=1)
        return real(session, request, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "process", type_first)
        house.connect()
    assert done
    let_it_settle(house)


@pytest.mark.parametrize("page", [500, 1])
@pytest.mark.parametrize(("word", "left"), [("", 0), ("one", 1), ("two", 2)])
def test_an_hour_typed_in_quickbooks_while_ours_is_added(
    house: House, word: str, left: int, page: int
) -> None:
    """It has the smaller number, and was in no read: a person is asked.

    The two need not be in one answer of QuickBooks.
    """
    house.settings = house.settings.model_copy(update={"page_size": page})
    typed_while_adding(house)
    asked = held(house)
    assert (asked.mosaic_id, len(hours_in_quickbooks(house))) == (None, 2)
    assert len(hours_in_mosaic(house)) == 1
    if not word:
        return
    say(house, word, asked)
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == left
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


def test_what_the_log_would_show_and_does_not_was_never_made(house: House) -> None:
    """Then it is not one of two equal ones: what both have is counted as usual."""
    in_quickbooks(house, "first", day=day(house, 0), minutes=30)
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house)
    typed_in_mosaic(house, hours=1.0)
    typed_in_mosaic(house, hours=1.0)
    let_it_settle(house)
    assert [one.state for one in time_records(house)].count("refused") == 1
    in_quickbooks(house, "last", day=day(house, 0), minutes=50)
    house.clock.pass_(minutes=16)
    let_it_settle(house)
    assert {one.state for one in time_records(house)} == {"in_sync"}
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 4


def test_an_equal_one_after_a_second_sending_is_asked_about(house: House) -> None:
    """The first may come late; nothing is done with what may be it."""
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house)
    let_it_settle(house)
    calls = house.rows(tables.mosaic_call, tables.mosaic_call.c.operation == "create")
    times = [one.state for one in calls if one.data_type == "time_entry"]
    assert times == ["absent", "done"]
    typed_in_mosaic(house, hours=1.0, ago=0)
    let_it_settle(house)
    asked = held(house)
    assert len(hours_in_quickbooks(house)) == 1
    say(house, "two", asked)
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 2


def test_a_day_after_a_second_sending_an_equal_one_is_another(house: House) -> None:
    """Nothing comes so late."""
    today = day(house, 0)
    in_quickbooks(house, "", day=today)
    lose_a_post(house)
    let_it_settle(house)
    house.settle_for(hours=25)
    typed_in_mosaic(house, hours=1.0, ago=1)
    assert object_of(house, "time_entry", date=today)
    let_it_settle(house)
    assert {one.state for one in time_records(house)} == {"in_sync"}
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 2


def _comes_late(house: House, *, lost: bool = False, touched: bool = False) -> str:
    """Have a creation arrive in Mosaic after it was sent a second time, and say so.

    `lost`: what was made in its place is deleted just before; `touched`: edited.
    Returns the TxnID that it was made from.
    """
    txn_id = in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    real = Sender.write
    slept: list[Any] = []

    def sleep(sender: Sender, step: Any) -> Any:
        if step.do == "create" and step.data_type == "time_entry" and not slept:
            slept.append(step)
            return Outcome(error=Unavailable("no answer", outcome_unknown=True))
        return real(sender, step)

    def wake_up(outcomes: Outcomes) -> None:
        if slept:
            step = slept.pop()
            outcomes._client.create(step.data_type, step.fields, ref=step.ref)
        take_callbacks(outcomes)

    take_callbacks = Outcomes.take_callbacks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sender, "write", sleep)
        house.work()
        let_it_settle(house)
    (made,) = house.sandbox.team.store.objects["time_entry"]
    if lost:
        house.people.delete_time(made)
    if touched:
        house.clock.pass_(seconds=5)
        house.people.edit_time(made, description="mine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcomes, "take_callbacks", wake_up)
        house.clock.pass_(minutes=65)
        house.work()
    assert not slept
    let_it_settle(house)
    return txn_id


@pytest.mark.parametrize("lost", [False, True])
def test_what_came_twice_by_our_own_reference_is_one_again(
    house: House, *, lost: bool
) -> None:
    """The second is taken away; where the first is gone, it takes its place.

    Nothing is deleted in QuickBooks.
    """
    txn_id = _comes_late(house, lost=lost)
    assert [one["txn_id"] for one in quickbooks(house)] == [txn_id]
    both = [("Ann Lee", day(house, 0), 60, "")]
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


def test_what_came_twice_and_was_touched_is_asked_about(house: House) -> None:
    """Somebody works with one of them: nothing is taken away."""
    _comes_late(house, touched=True)
    assert held(house).quickbooks_id is None
    assert len(hours_in_mosaic(house)) == 2
    assert len(hours_in_quickbooks(house)) == 1
