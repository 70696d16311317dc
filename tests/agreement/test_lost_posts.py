"""A creation in Mosaic is lost while people type: nobody's hour is taken for it."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.delivery.sending import Sending
from qbwc_server.sandbox.mosaic.faults import When
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks


def lose_a_post(house: House, *, fault: str = "error", when: When = "before") -> None:
    """Have the POST of what is in QuickBooks fail, and some seconds pass."""
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next(fault, 1, "POST time_entry", when=when)
    house.work()
    house.clock.pass_(seconds=20)


def let_it_settle(house: House) -> None:
    """Let the longest wait of a lost creation pass."""
    for _ in range(3):
        house.settle_for(minutes=65)


@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("fault", ["error", "down"])
def test_a_colleagues_equal_entry_is_his(
    house: House, fault: str, *, touched: bool
) -> None:
    """Eight hours without notes are what many people worked on a day."""
    in_quickbooks(house, "", day=day(house, 0), minutes=480)
    lose_a_post(house, fault=fault)
    made = typed_in_mosaic(house, "Bo")
    if touched:
        house.clock.pass_(seconds=5)
        house.people.edit_time(made, billable=True)
    let_it_settle(house)
    both = [("Ann Lee", day(house, 0), 480, ""), ("Bo Berg", day(house, 0), 480, "")]
    assert hours_in_quickbooks(house) == both
    assert hours_in_mosaic(house) == both


def test_an_untouched_entry_with_other_notes_is_another(house: House) -> None:
    """Two meetings of an hour on one day are two hours."""
    in_quickbooks(house, "meeting A", day=day(house, 0))
    lose_a_post(house)
    typed_in_mosaic(house, hours=1.0, notes="meeting B")
    let_it_settle(house)
    both = [
        ("Ann Lee", day(house, 0), 60, "meeting A"),
        ("Ann Lee", day(house, 0), 60, "meeting B"),
    ]
    assert hours_in_quickbooks(house) == both
    assert hours_in_mosaic(house) == both


def test_an_edited_entry_of_the_person_is_asked_about(house: House) -> None:
    """It may be the lost one, edited, or another: nothing is sent or changed."""
    in_quickbooks(house, "build", day=day(house, 0), minutes=480)
    lose_a_post(house)
    made = typed_in_mosaic(house, hours=2.0, notes="call")
    house.clock.pass_(seconds=5)
    house.people.edit_time(made, description="call with client")
    let_it_settle(house)
    assert hours_in_quickbooks(house) == [("Ann Lee", day(house, 0), 480, "build")]
    assert hours_in_mosaic(house) == [
        ("Ann Lee", day(house, 0), 120, "call with client")
    ]
    asked, held = time_records(house)
    assert asked.state == "refused"
    assert f"time entry {made} " in asked.reason
    assert held.waits_for is not None
    assert f"record {asked.id}" in held.reason


def test_a_question_ends_when_what_it_is_about_is_gone(house: House) -> None:
    """Deleted, it cannot be the lost one: the hours go again."""
    in_quickbooks(house, "build", day=day(house, 0), minutes=480)
    lose_a_post(house)
    made = typed_in_mosaic(house, hours=2.0, notes="call")
    house.clock.pass_(seconds=5)
    house.people.edit_time(made, description="call with client")
    let_it_settle(house)
    house.people.delete_time(made)
    let_it_settle(house)
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(hours_in_mosaic(house)) == 1


def test_a_question_ends_when_the_entry_is_made_equal(house: House) -> None:
    """A person says in Mosaic itself that it is the same."""
    in_quickbooks(house, "build", day=day(house, 0), minutes=480)
    lose_a_post(house)
    made = typed_in_mosaic(house, hours=2.0, notes="build")
    house.clock.pass_(seconds=5)
    house.people.edit_time(made, hours=3.0)
    let_it_settle(house)
    house.people.edit_time(made, hours=8.0)
    let_it_settle(house)
    both = [("Ann Lee", day(house, 0), 480, "build")]
    assert hours_in_quickbooks(house) == both
    assert hours_in_mosaic(house) == both


def test_more_equal_entries_than_were_lost_are_asked_about(house: House) -> None:
    """One was lost and two are there: which of them is it?"""
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house)
    typed_in_mosaic(house, hours=1.0)
    typed_in_mosaic(house, hours=1.0)
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == 2
    assert len(hours_in_quickbooks(house)) == 1
    assert [one.state for one in time_records(house)].count("refused") == 1


def test_what_the_request_log_knows_is_not_asked(house: House) -> None:
    """It carries our reference: three equal hours are three, and one of them ours."""
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house, when="after")
    typed_in_mosaic(house, hours=1.0)
    typed_in_mosaic(house, hours=1.0)
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 3
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_two_equal_lost_ones_that_arrived_are_both_found(house: House) -> None:
    """Equal hours are counted, not recognised."""
    in_quickbooks(house, "", day=day(house, 0))
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next("error", 2, "POST time_entry", when="after")
    house.work()
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 2
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_a_worker_that_slept_before_it_sent_sends_nothing(house: House) -> None:
    """A suspended machine wakes up after another worker has done its work."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    real = Sending.send

    def send_late(sending: Sending, *given: Any, **more: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Sending, "send", real)
            for _ in range(6):
                house.clock.pass_(minutes=3)
                house.work()
            return real(sending, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sending, "send", send_late)
        house.work()
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 1


def test_what_equals_an_entry_that_is_asked_about_waits(house: House) -> None:
    """It may be that one, typed on both sides; edited, it is not, and goes."""
    in_quickbooks(house, "", day=day(house, 0), minutes=60)
    lose_a_post(house)
    made = typed_in_mosaic(house)
    house.clock.pass_(seconds=5)
    house.people.edit_time(made, hours=0.75)
    let_it_settle(house)
    typed = in_quickbooks(house, "", day=day(house, 0), minutes=45)
    let_it_settle(house)
    assert len(hours_in_mosaic(house)) == 1
    assert time_records(house)[-1].waits_for is not None
    house.hands.edit_time(typed, minutes=50)
    let_it_settle(house)
    assert [one[2] for one in hours_in_mosaic(house)] == [45, 50]
    house.people.edit_time(made, hours=1.0)  # it was the lost one
    let_it_settle(house)
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)
    assert len(hours_in_mosaic(house)) == 2
