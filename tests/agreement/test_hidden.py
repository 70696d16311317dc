"""Mosaic does not show entries for a while: access was taken, or it had trouble.

It cannot say more than that it does not show them, so a day passes before anything
follows. People repeat notes and minutes: the entries here are all alike.
"""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.companies.attention import GONE_IN_MOSAIC
from qbwc_server.decisions import gone
from qbwc_server.kinds.tombstone import Word
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    Hour,
    hours_in_mosaic,
    hours_in_quickbooks,
    object_of,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import in_quickbooks, mosaic, set_values


def filled(house: House, count: int = 5) -> list[str]:
    """Enter the same hour in QuickBooks again and again; return the TxnIDs."""
    made = [in_quickbooks(house, "") for _ in range(count)]
    house.settle_for(minutes=65)
    return made


def hide(house: House, count: int = 1, **wanted: Any) -> dict[int, Any]:
    """Have Mosaic not show some entries any more; return them by their numbers."""
    entries = house.sandbox.team.store.objects["time_entry"]
    which = [
        one["mosaic_id"]
        for one in mosaic(house)
        if all(one[name] == value for name, value in wanted.items())
    ]
    return {number: entries.pop(number) for number in which[:count]}


def show(house: House, hidden: dict[int, Any]) -> None:
    """Have Mosaic show entries again, as they were."""
    house.sandbox.team.store.objects["time_entry"].update(hidden)


def pass_hours(house: House, hours: int) -> None:
    """Let hours pass, with the reading and the runs that come in them."""
    house.settle()
    for span in [1] * min(hours, 3) + [4] * ((hours - 3) // 4):
        house.clock.pass_(minutes=60 * span)
        house.work()
        house.connect()
        house.work()
    house.settle()


def events_of(house: House, row: Any) -> list[str]:
    """Return what happened to a record."""
    event = tables.record_event
    return [one.what for one in house.rows(event, event.c.record_id == row.id)]


def deleted_by_us(house: House) -> dict[int, Any]:
    """Have us delete one of five in Mosaic, because a person did in QuickBooks.

    Returns it by its number.
    """
    first, *_ = filled(house)
    before = {one["mosaic_id"]: dict(one) for one in mosaic(house)}
    house.hands.delete_time(first)
    pass_hours(house, 3)
    assert len(agreed(house)) == 4
    there = {one["mosaic_id"] for one in mosaic(house)}
    return {number: one for number, one in before.items() if number not in there}


def work_while_deletions_do_not_last(house: House, times: int) -> None:
    """Have one deleted in QuickBooks; Mosaic says it is gone, and has it again at once.

    That happens so many times.
    """
    first, *_ = filled(house)
    before = {one["mosaic_id"]: dict(one) for one in mosaic(house)}
    house.hands.delete_time(first)
    left = [times]

    def put_back(request: Any) -> None:
        there = {one["mosaic_id"] for one in mosaic(house)}
        asks = request.method == "GET" and "time_entry_ids" in str(request.url)
        if asks and len(there) == 4 and left[0] > 0:
            left[0] -= 1
            show(house, {one: before[one] for one in before if one not in there})

    for _ in range(30):
        house.clock.pass_(minutes=5)
        house.connect()
        house.wire.after = put_back
        house.work()
    assert left == [0]


def open_records(house: House) -> list[Any]:
    """Return the records of time that neither agree nor are gone."""
    return [one for one in time_records(house) if one.state not in {"in_sync", "gone"}]


def say(house: House, row: Any, word: Word) -> int:
    """Say, as a person does, whether what a record asks about is deleted."""
    with company_transaction(house.engine, house.company.id) as connection:
        return gone.say(connection, row, word, by="person", now=house.clock())


def agreed(house: House) -> list[Hour]:
    """Return the hours that both sides have, once they are the same."""
    assert hours_in_quickbooks(house) == hours_in_mosaic(house)
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}
    return hours_in_mosaic(house)


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_shown_again_within_a_day_was_never_gone(
    house: House, count: int
) -> None:
    """Nothing is deleted meanwhile, and the records say what they wait for."""
    filled(house, 15)
    hidden = hide(house, count)
    pass_hours(house, 20)
    assert len(hours_in_quickbooks(house)) == 15
    waiting = open_records(house)
    assert len(waiting) == count
    assert {one.state for one in waiting} == {"pending"}
    assert "Unless it comes back, it is deleted in QuickBooks on" in waiting[0].reason
    show(house, hidden)
    pass_hours(house, 2)
    assert len(agreed(house)) == 15
    assert house.talk.writes == []


def test_a_project_that_is_hidden_for_an_hour_takes_no_hours_away(
    house: House,
) -> None:
    """A fifth of all entries, on a project that the key does not see for an hour."""
    for _ in range(48):
        in_quickbooks(house, "")
    for _ in range(12):
        in_quickbooks(house, "", customer=house.jobs["Bolt:Garage"])
    house.settle_for(minutes=65)
    garage = object_of(house, "project", title="Garage")
    hidden = hide(house, 12, project_id=garage)
    assert len(hidden) == 12
    for _ in range(4):
        house.settle_for(minutes=16)
    assert len(hours_in_quickbooks(house)) == 60
    show(house, hidden)
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert len(agreed(house)) == 60
    assert house.stored().attention_id is None


@pytest.mark.parametrize("count", [1, 3])
def test_what_a_customer_deletes_in_mosaic_is_deleted_a_day_later(
    house: House, count: int
) -> None:
    """Others of its project are shown, and its number was asked for again."""
    filled(house, 15)
    for one in mosaic(house)[:count]:
        house.people.delete_time(one["mosaic_id"])
    pass_hours(house, 23)
    assert len(hours_in_quickbooks(house)) == 15
    pass_hours(house, 3)
    assert len(agreed(house)) == 15 - count
    row = next(one for one in time_records(house) if one.state == "gone")
    assert events_of(house, row)[-3:] == [
        "not shown by Mosaic any more",
        "deleted in QuickBooks, because Mosaic does not have it",
        "gone",
    ]


def test_the_number_is_asked_for_before_anything_is_deleted(house: House) -> None:
    """A list that leaves an entry out for a day is not all that Mosaic says."""
    filled(house)
    (number,) = hide(house)
    pass_hours(house, 20)
    entries = house.sandbox.team.store.objects["time_entry"]
    (before,) = (one for one in time_records(house) if one.mosaic_id == number)
    asked = []

    def asks(request: Any) -> None:
        if str(number) in str(request.url) and request.method == "GET":
            asked.append(house.clock())

    for _ in range(6):
        house.clock.pass_(minutes=60)
        house.wire.before = asks
        house.work()
    assert number not in entries
    assert asked
    assert min(asked) >= before.changed_at
    assert len(hours_in_quickbooks(house)) == 5


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_back_after_days_is_added_to_quickbooks_again(
    house: House, count: int
) -> None:
    """We deleted it in QuickBooks because Mosaic said so; nobody else ever did."""
    filled(house, 15)
    hidden = hide(house, count)
    pass_hours(house, 30)
    assert len(hours_in_quickbooks(house)) == 15 - count
    show(house, hidden)
    pass_hours(house, 2)
    assert len(agreed(house)) == 15


def test_what_was_made_anew_is_no_second_entry_when_the_first_is_back(
    house: House,
) -> None:
    """It was edited in QuickBooks meanwhile; the old number is known, and asks."""
    first, *_ = filled(house)
    hidden = hide(house)
    house.hands.edit_time(first, minutes=90)
    pass_hours(house, 20)
    assert len(mosaic(house)) == 4
    pass_hours(house, 10)
    assert len(mosaic(house)) == 5
    show(house, hidden)
    pass_hours(house, 3)
    assert len(hours_in_quickbooks(house)) == 5
    assert len(mosaic(house)) == 6
    (asks,) = open_records(house)
    assert asks.state == "refused"
    assert "took its place" in asks.reason
    assert say(house, asks, Word.DELETED) == 1
    pass_hours(house, 3)
    assert len(agreed(house)) == 5


def test_what_was_made_anew_and_is_back_may_be_two(house: House) -> None:
    """A person says that the old one is not deleted: both sides have both."""
    first, *_ = filled(house)
    hidden = hide(house)
    house.hands.edit_time(first, minutes=90)
    pass_hours(house, 30)
    show(house, hidden)
    pass_hours(house, 2)
    (asks,) = open_records(house)
    say(house, asks, Word.STAYS)
    pass_hours(house, 2)
    assert len(agreed(house)) == 6


@pytest.mark.parametrize("hours", [4, 30])
def test_what_is_hidden_in_a_one_way_company_is_not_doubled(
    house: House, hours: int
) -> None:
    """Within a day nothing is made; after it the old number is known again."""
    set_values(house, two_way=False)
    filled(house)
    hidden = hide(house)
    pass_hours(house, hours)
    show(house, hidden)
    pass_hours(house, 4)
    assert len(hours_in_quickbooks(house)) == 5
    if hours < 24:
        assert len(agreed(house)) == 5
    else:
        (asks,) = open_records(house)
        assert "took its place" in asks.reason


@pytest.mark.parametrize("word", [Word.DELETED, Word.STAYS])
def test_a_project_of_which_nothing_is_shown_is_asked_about_once(
    house: House, word: Word
) -> None:
    """All its records give the same reason, in hours; one word is for all of them."""
    filled(house, 12)
    for _ in range(3):
        in_quickbooks(house, "", customer=house.jobs["Bolt:Garage"], minutes=40)
    house.settle_for(minutes=65)
    hidden = hide(house, 3, project_id=object_of(house, "project", title="Garage"))
    pass_hours(house, 50)
    assert len(hours_in_quickbooks(house)) == 15
    asks = open_records(house)
    assert {one.state for one in asks} == {"refused"}
    (reason,) = {one.reason for one in asks}
    assert "3 time entries on the project Garage (2:00 hours)" in reason
    assert say(house, asks[0], word) == 3
    pass_hours(house, 30)
    if word is Word.DELETED:
        assert len(agreed(house)) == 12
        return
    assert len(hours_in_quickbooks(house)) == 15
    assert "somebody said that it is not deleted" in open_records(house)[0].reason
    show(house, hidden)
    pass_hours(house, 2)
    assert len(agreed(house)) == 15


def test_what_is_archived_hides_entries_and_deletes_none(house: House) -> None:
    """One entry alone, whose project was archived while it was not shown."""
    filled(house)
    in_quickbooks(house, "", customer=house.jobs["Bolt:Garage"])
    house.settle_for(minutes=65)
    garage = object_of(house, "project", title="Garage")
    hide(house, project_id=garage)
    house.people.archive("project", garage)
    pass_hours(house, 40)
    assert len(hours_in_quickbooks(house)) == 6
    (asks,) = open_records(house)
    assert "on the project Garage" in asks.reason
    assert "archived" in asks.reason


def test_an_equal_entry_typed_anew_takes_its_place(house: House) -> None:
    """Deleted and entered again in Mosaic: nothing is added, and nothing deleted."""
    filled(house)
    hidden = hide(house)
    pass_hours(house, 3)
    typed_in_mosaic(house, "Ann", ago=1, hours=1.0)
    new = max(one["mosaic_id"] for one in mosaic(house))
    pass_hours(house, 40)
    assert len(agreed(house)) == 5
    assert house.talk.writes == []
    row = next(one for one in time_records(house) if one.mosaic_id == new)
    assert "another entry took its place in Mosaic" in events_of(house, row)
    show(house, hidden)
    pass_hours(house, 3)
    (asks,) = open_records(house)
    assert "took its place" in asks.reason
    assert len(hours_in_quickbooks(house)) == 5
    assert len(mosaic(house)) == 6


def test_typed_anew_in_the_same_minutes_is_in_quickbooks_once(house: House) -> None:
    """The reading that first misses the one is the one that first shows the other."""
    filled(house)
    house.people.delete_time(mosaic(house)[0]["mosaic_id"])
    typed_in_mosaic(house, "Ann", ago=1, hours=1.0)
    pass_hours(house, 30)
    assert len(agreed(house)) == 5
    assert house.talk.writes == []


def test_what_people_deleted_on_both_sides_and_is_back_is_asked_about(
    house: House,
) -> None:
    """It was hidden, and deleted in QuickBooks meanwhile: who knows what that meant."""
    first, *_ = filled(house)
    hidden = hide(house)
    pass_hours(house, 2)
    house.hands.delete_time(first)
    pass_hours(house, 2)
    show(house, hidden)
    pass_hours(house, 2)
    (asks,) = open_records(house)
    assert "It was deleted in QuickBooks" in asks.reason
    assert len(mosaic(house)) == 5
    say(house, asks, Word.STAYS)
    pass_hours(house, 2)
    assert len(agreed(house)) == 5


@pytest.mark.parametrize("word", [Word.DELETED, Word.STAYS])
def test_what_we_deleted_in_mosaic_and_is_back_later_is_asked_about(
    house: House, word: Word
) -> None:
    """A person deleted it in QuickBooks; reads had missed it in Mosaic since."""
    deleted = deleted_by_us(house)
    show(house, deleted)
    pass_hours(house, 3)
    (asks,) = open_records(house)
    assert len(mosaic(house)) == 5
    say(house, asks, word)
    pass_hours(house, 3)
    assert len(agreed(house)) == (4 if word is Word.DELETED else 5)


def test_a_deletion_that_no_read_confirmed_is_sent_again(house: House) -> None:
    """Mosaic said that it is gone, and the next reading shows it: a try."""
    work_while_deletions_do_not_last(house, 2)
    pass_hours(house, 3)
    assert len(agreed(house)) == 4


def test_a_deletion_that_is_never_done_is_asked_about_in_the_end(house: House) -> None:
    """Sent again three times, and there again each time."""
    work_while_deletions_do_not_last(house, 4)
    pass_hours(house, 3)
    (asks,) = open_records(house)
    assert asks.state == "refused"
    assert "It was deleted there 4 times" in asks.reason
    assert len(mosaic(house)) == 5


def test_a_person_need_not_wait_a_day(house: House) -> None:
    """Who says that it is deleted has it deleted with the next run."""
    filled(house)
    hide(house)
    pass_hours(house, 2)
    (waiting,) = open_records(house)
    assert say(house, waiting, Word.DELETED) == 1
    pass_hours(house, 1)
    assert len(agreed(house)) == 4


@pytest.mark.parametrize(("word", "left"), [(Word.DELETED, 4), (Word.STAYS, 5)])
def test_what_was_said_to_be_deleted_and_is_back_is_asked_about(
    house: House, word: Word, left: int
) -> None:
    """That word was wrong, or the deletion was taken back: nobody has said which."""
    filled(house)
    hidden = hide(house)
    pass_hours(house, 2)
    (waiting,) = open_records(house)
    say(house, waiting, Word.DELETED)
    pass_hours(house, 1)
    assert len(agreed(house)) == 4
    show(house, hidden)
    pass_hours(house, 30)
    (asks,) = open_records(house)
    assert "Somebody had said that it is deleted" in asks.reason
    assert (len(hours_in_quickbooks(house)), len(mosaic(house))) == (4, 5)
    say(house, asks, word)
    pass_hours(house, 3)
    assert len(agreed(house)) == left


def test_many_that_were_accepted_as_deleted_and_are_back_are_deleted_nowhere(
    house: House,
) -> None:
    """Mosaic showed nothing of a project for a while, and somebody said: go on."""
    filled(house, 12)
    hidden = hide(house, 12)
    pass_hours(house, 3)
    house.accept()
    pass_hours(house, 3)
    assert hours_in_quickbooks(house) == []
    show(house, hidden)
    pass_hours(house, 30)
    assert len(mosaic(house)) == 12
    assert say(house, open_records(house)[0], Word.STAYS) == 12
    pass_hours(house, 3)
    assert len(agreed(house)) == 12


def test_a_yes_to_what_mosaic_does_not_show_is_none_to_what_quickbooks_has_not(
    house: House,
) -> None:
    """Many are gone there, too, when its computer is on again: that is another one."""
    made = [in_quickbooks(house, "", minutes=60 + n) for n in range(40)]
    house.settle_for(minutes=65)
    hide(house, 12)
    for _ in range(6):
        house.clock.pass_(minutes=20)
        house.work()
    assert house.stored().attention_id == GONE_IN_MOSAIC
    house.accept()
    house.work()
    for txn_id in made[-12:]:
        house.hands.delete_time(txn_id)
    house.clock.pass_(hours=30)
    house.connect()
    house.work()
    assert house.stored().attention_id == "too-many-gone"
    assert len(mosaic(house)) == 28
    house.accept()
    pass_hours(house, 3)
    assert len(agreed(house)) == 16


def test_what_is_back_before_quickbooks_was_told_of_a_word_stays(house: House) -> None:
    """Both sides have it, so there is nothing left to be said."""
    filled(house)
    hidden = hide(house)
    pass_hours(house, 2)
    (waiting,) = open_records(house)
    say(house, waiting, Word.DELETED)
    show(house, hidden)
    house.clock.pass_(minutes=6)
    house.work()
    pass_hours(house, 30)
    assert len(agreed(house)) == 5


def test_what_is_said_to_stay_and_is_deleted_in_quickbooks_is_not_made_again(
    house: House,
) -> None:
    """Somebody deleted it there after the word; Mosaic shows it again: asked."""
    first, *_ = filled(house)
    hidden = hide(house)
    pass_hours(house, 2)
    (waiting,) = open_records(house)
    say(house, waiting, Word.STAYS)
    pass_hours(house, 1)
    house.hands.delete_time(first)
    pass_hours(house, 2)
    assert len(agreed(house)) == 4
    show(house, hidden)
    pass_hours(house, 2)
    (asks,) = open_records(house)
    assert "It was deleted in QuickBooks" in asks.reason
    assert (len(hours_in_quickbooks(house)), len(mosaic(house))) == (4, 5)


def test_there_is_nothing_to_say_of_what_is_there(house: House) -> None:
    """A word about an entry that both sides have is refused."""
    filled(house, 1)
    (row,) = time_records(house)
    with pytest.raises(gone.NothingIsGone):
        say(house, row, Word.DELETED)
