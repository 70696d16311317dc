"""Equal hours stand twice on both sides, and people take one away on each of them.

Nobody sees which two are paired. Whoever sees "8 hours twice" in both programs deletes
one in each, and may hit two pairs; one hour is left, or it is asked.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from qbwc_server.decisions import linking
from qbwc_server.kinds import identity
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records.one_or_two import said
from qbwc_server.sandbox.mosaic.faults import When
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
)
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_hidden import agreed, events_of, hide, pass_hours, say, show
from tests.agreement.test_lost_posts import let_it_settle

_ASKS = "Perhaps one of the two was meant, each time."


def alike(house: House, count: int = 2, **fields: Any) -> list[tuple[str, int]]:
    """Have equal hours stand on both sides; return their ids, pair by pair."""
    for _ in range(count):
        in_quickbooks(house, "", day=day(house, 0), **fields)
    house.clock.pass_(minutes=16)
    let_it_settle(house)
    assert len(agreed(house)) == count
    return [(one.quickbooks_id, one.mosaic_id) for one in time_records(house)]


def one_on_each_side(house: House, *, count: int, first: str) -> None:
    """Have two of the pairs lose one entry each, on different sides."""
    (txn_id, _), (_, number), *_ = alike(house, count)
    house.hands.back_up(house.folder / "before.qbb")
    if first == "quickbooks":
        house.hands.delete_time(txn_id)
        house.people.delete_time(number)
    else:
        house.people.delete_time(number)
        house.hands.delete_time(txn_id)


def read_mosaic(house: House) -> None:
    """Have what was deleted in Mosaic count as not shown, before QuickBooks comes."""
    for _ in range(4):
        house.clock.pass_(minutes=6)
        house.work()


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("calls_back", [False, True])
@pytest.mark.parametrize("first", ["quickbooks", "mosaic"])
def test_a_double_that_is_deleted_once_on_each_side_leaves_one(
    house: House, first: str, *, calls_back: bool, count: int
) -> None:
    """Both deletions are known before either is carried over: one less on each side."""
    house.people.calls_back = calls_back
    one_on_each_side(house, count=count, first=first)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == count - 1
    assert house.talk.writes == []


def test_what_was_just_missed_is_waited_for(house: House) -> None:
    """One reading tells nothing yet: an equal one is deleted after the next."""
    one_on_each_side(house, count=2, first="mosaic")
    house.clock.pass_(minutes=16)
    house.connect()
    house.work()
    assert [one.misses for one in time_records(house)] == [0, 1]
    (waits,) = [one for one in time_records(house) if one.quickbooks_gone]
    assert "waits until that is known" in waits.reason
    assert len(mosaic(house)) == 1
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1
    assert house.talk.writes == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_whose_answer_is_lost_counts_as_what_it_was(
    house: House, when: When
) -> None:
    """Not done, one of the two is left; done, it is asked about the other one."""
    (txn_id, _), (_, number) = alike(house)
    house.hands.delete_time(txn_id)
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next("down", 1, "DELETE time_entry", when=when)
    house.work()
    house.people.calls_back = True
    house.people.delete_time(number)
    for _ in range(2):
        house.sandbox.deliver_callbacks()
        house.work()
    let_it_settle(house)
    house.quiet()
    if when == "before":
        assert len(agreed(house)) == 1
    else:
        (asked,) = [one for one in time_records(house) if one.state == "refused"]
        assert _ASKS in asked.reason


def test_two_of_which_a_person_said_that_they_are_two_are_not_joined(
    house: House,
) -> None:
    """Each is an hour of its own, and each was deleted by somebody."""
    (txn_id, mosaic_id), (other, number) = alike(house)
    with company_transaction(house.engine, house.company.id) as connection:
        said.say(
            connection,
            house.company.id,
            [(other, mosaic_id)],
            identity.Word.TWO,
            by="person",
            now=house.clock(),
        )
    house.hands.delete_time(txn_id)
    house.people.delete_time(number)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert agreed(house) == []


def test_what_many_deletions_crossed_with_is_asked_once(house: House) -> None:
    """Not once for each of them: a day is emptied in one batch."""
    made = [one for one, _ in alike(house, 8)][:-1]
    for txn_id in made:
        house.hands.delete_time(txn_id)
    house.clock.pass_(minutes=16)
    house.connect()
    asked: list[str] = []

    def note(*given: Any) -> None:
        if "record.gone" in given[2] and "record.day IN" in given[2]:
            asked.append(given[2])

    sa.event.listen(house.engine, "before_cursor_execute", note)
    house.work()
    sa.event.remove(house.engine, "before_cursor_execute", note)
    assert len(mosaic(house)) == 1
    assert len([one for one in asked if "json" in one.lower()]) == 1


def carried_first(house: House, first: str, *, count: int = 2) -> Any:
    """Have the deletion of one be carried over, and then an equal one be lost.

    Returns the record that is asked about.
    """
    (txn_id, mosaic_id), (other, number), *_ = alike(house, count)
    if first == "quickbooks":
        house.hands.delete_time(txn_id)
        let_it_settle(house)
        assert mosaic_id not in {one["mosaic_id"] for one in mosaic(house)}
        house.people.delete_time(number)
    else:
        house.people.delete_time(number)
        house.quiet()
        assert other not in {one["txn_id"] for one in quickbooks(house)}
        house.hands.delete_time(txn_id)
    house.quiet()
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert _ASKS in asked.reason
    return asked


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("first", ["quickbooks", "mosaic"])
def test_what_follows_a_deletion_that_was_carried_over_is_asked(
    house: House, first: str, word: Word, count: int
) -> None:
    """Deleted, it goes; not deleted, it is made again where it was lost."""
    asked = carried_first(house, first, count=count)
    assert len(hours_in_quickbooks(house)) + len(hours_in_mosaic(house)) == (
        2 * count - 3
    )
    (other,) = [one for one in time_records(house) if one.state == "gone"]
    assert f"record {other.company_id}-{other.id}" in asked.reason
    say(house, asked, word)
    house.quiet()
    assert len(agreed(house)) == count - (2 if word is Word.DELETED else 1)


def test_the_computer_was_off_until_the_day_of_the_other_one_was_over(
    house: House,
) -> None:
    """The deletion waits to leave for QuickBooks; the same run reads the first one."""
    (txn_id, _), (_, number) = alike(house)
    house.hands.delete_time(txn_id)
    house.people.delete_time(number)
    for _ in range(30):
        house.clock.pass_(minutes=60)
        house.work()
    assert [one.action for one in house.unfinished_jobs()] == ["del"]
    house.connect()
    assert len(quickbooks(house)) == 1
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1
    assert house.talk.writes == []


def test_both_sides_say_what_became_of_them(house: House) -> None:
    """The history of either record names the one that stands on both sides."""
    one_on_each_side(house, count=2, first="quickbooks")
    read_mosaic(house)
    let_it_settle(house)
    stands, gone = sorted(time_records(house), key=lambda one: one.state != "in_sync")
    assert (stands.state, gone.state) == ("in_sync", "gone")
    said = f"record {stands.id} stands on both sides"
    for one in (stands, gone):
        assert any(it.endswith(said) for it in events_of(house, one))


def test_what_was_only_hidden_is_asked_about_when_it_is_shown_again(
    house: House,
) -> None:
    """Its number is kept with what was deleted in QuickBooks, and is known again."""
    (txn_id, _), *_ = alike(house)
    (_, number) = [(one.quickbooks_id, one.mosaic_id) for one in time_records(house)][1]
    hidden = hide(house, mosaic_id=number)
    house.hands.delete_time(txn_id)
    read_mosaic(house)
    let_it_settle(house)
    assert len(agreed(house)) == 1
    show(house, hidden)
    pass_hours(house, 3)
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert asked.mosaic_id == number
    say(house, asked, Word.STAYS)
    house.quiet()
    assert len(agreed(house)) == 2


@pytest.mark.parametrize("word", Word)
def test_what_a_restored_file_has_again_beside_the_one_that_was_left_is_asked_about(
    house: House, word: Word
) -> None:
    """Its own entry in Mosaic stands with the other one; nobody deleted it since."""
    one_on_each_side(house, count=2, first="quickbooks")
    deleted = time_records(house)[0]
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1
    house.clock.pass_(minutes=16)
    house.hands.restore(house.folder / "before.qbb")
    for _ in range(3):
        house.settle_for(hours=25)
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert asked.quickbooks_id == deleted.quickbooks_id
    assert "QuickBooks, which has it again" in asked.reason
    assert len(quickbooks(house)) == 2
    say(house, asked, word)
    house.quiet()
    assert len(agreed(house)) == (1 if word is Word.DELETED else 2)


def test_two_that_are_deleted_in_quickbooks_and_one_in_mosaic_leave_one(
    house: House,
) -> None:
    """QuickBooks has one of three left, so one is left."""
    (first, _), (second, _), (_, number) = alike(house, 3)
    house.hands.delete_time(first)
    house.hands.delete_time(second)
    house.people.delete_time(number)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1


def test_hours_whose_link_is_gone_cross_as_others_do(house: House) -> None:
    """What both were when they were sent tells that they are equal."""
    (txn_id, _), (_, number) = alike(house)
    (job,) = house.rows(tables.record, tables.record.c.name == "Acme:House")
    with company_transaction(house.engine, house.company.id) as connection:
        word = linking.Word("bookkeeper", house.clock())
        linking.unlink(connection, house.company.id, job.id, word)
    let_it_settle(house)
    house.hands.delete_time(txn_id)
    house.people.delete_time(number)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 1
    assert house.talk.writes == []


def test_both_of_a_pair_and_one_beside_it(house: House) -> None:
    """Who hits the same pair on both sides has deleted that; the other one stays."""
    ((txn_id, number), _) = alike(house)
    house.hands.delete_time(txn_id)
    house.people.delete_time(number)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1
    assert house.talk.writes == []


@pytest.mark.parametrize("first", ["quickbooks", "mosaic"])
def test_other_hours_of_that_day_are_deleted_as_ever(house: House, first: str) -> None:
    """Only equal ones count for each other."""
    in_quickbooks(house, "plan", day=day(house, 0))
    in_quickbooks(house, "build", day=day(house, 0))
    house.clock.pass_(minutes=16)
    let_it_settle(house)
    (txn_id, _), (_, number) = [
        (one.quickbooks_id, one.mosaic_id) for one in time_records(house)
    ]
    if first == "quickbooks":
        house.hands.delete_time(txn_id)
        house.people.delete_time(number)
    else:
        house.people.delete_time(number)
        house.hands.delete_time(txn_id)
    read_mosaic(house)
    let_it_settle(house)
    house.quiet()
    assert agreed(house) == []


def test_a_day_later_an_equal_one_is_another_matter(house: House) -> None:
    """Who deletes the second one two days after the first means the second one."""
    (txn_id, _), (_, number) = alike(house)
    house.hands.delete_time(txn_id)
    let_it_settle(house)
    house.quiet()
    house.clock.pass_(minutes=60 * 26)
    house.people.delete_time(number)
    house.quiet()
    assert agreed(house) == []


def test_one_way_quickbooks_is_right(house: House) -> None:
    """What is deleted in Mosaic is put back; what is deleted in QuickBooks goes."""
    set_values(house, two_way=False)
    one_on_each_side(house, count=2, first="quickbooks")
    let_it_settle(house)
    house.quiet()
    assert len(agreed(house)) == 1
