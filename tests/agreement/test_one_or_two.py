"""A person says that two entries are one, or two; every later join obeys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qbwc_server.decisions import one_or_two
from qbwc_server.decisions.questions import of_entry
from qbwc_server.operations import database_restored
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import day, in_quickbooks, set_values
from tests.agreement.test_lost_posts import let_it_settle, lose_a_post


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house in New York whose lists are on both sides, and all of its time."""
    made = make_house(START, "America/New_York")
    made.quiet()
    yield made
    made.close()


def say(house: House, word: str, *records: Any, **more: Any) -> str:
    """Have a person say that records are one, or two."""
    told = {"one": one_or_two.one, "two": one_or_two.two}[word]
    with company_transaction(house.engine, house.company.id) as connection:
        return told(
            connection,
            house.company.id,
            *(one.id for one in records),
            by="eve",
            now=house.clock(),
            why="Ann said so.",
            **more,
        )


def type_on_both_sides(house: House, count: int = 1, notes: str = "") -> None:
    """Have people type the same hours on both sides while the company is paused."""
    set_values(house, mode="paused")
    for _ in range(count):
        in_quickbooks(house, notes, day=day(house, 0))
        typed_in_mosaic(house, hours=1.0, notes=notes)
    house.clock.pass_(minutes=20)
    set_values(house, mode="live")
    let_it_settle(house)


def unseen(house: House) -> tuple[int, int]:
    """Return how many entries and minutes were joined that nobody has seen."""
    with company_transaction(house.engine, house.company.id) as connection:
        found = joined.unseen(connection, house.company.id).values()
    return sum(one.entries for one in found), sum(one.minutes for one in found)


def worked_on(house: House) -> str:
    """Return the day of the first entry; the clock may have passed midnight since."""
    return str(time_records(house)[0].day)


def events(house: House, record: Any) -> list[str]:
    """Return what happened to a record."""
    event = tables.record_event
    return [one.what for one in house.rows(event, event.c.record_id == record.id)]


def test_what_was_typed_on_both_sides_is_said_and_counted(house: House) -> None:
    """It is joined, and stays on a list until somebody has seen it."""
    type_on_both_sides(house, 3)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 3
    assert unseen(house) == (3, 180)
    for record in time_records(house):
        assert any("typed on both sides" in what for what in events(house, record))
    ids = [one.id for one in time_records(house)]
    with company_transaction(house.engine, house.company.id) as connection:
        assert joined.see(connection, house.company.id, ids[:2], house.clock()) == 2
    assert unseen(house) == (1, 60)


def test_what_both_sides_had_before_it_went_live_is_not_told(house: House) -> None:
    """A customer who comes from another connector has all hours on both sides."""
    set_values(house, mode="preview", both_known_at=None, first_known_at=None)
    house.work()
    in_quickbooks(house, "", day=day(house, 0))
    typed_in_mosaic(house, hours=1.0)
    house.quiet()
    set_values(house, mode="live")
    let_it_settle(house)
    (record,) = time_records(house)
    assert record.state == "in_sync"
    assert unseen(house) == (0, 0)
    assert not any("typed" in what for what in events(house, record))


def test_a_word_takes_a_joined_entry_apart(house: House) -> None:
    """Each side gets the other's; nothing is lost, doubled or joined again."""
    type_on_both_sides(house)
    (record,) = time_records(house)
    say(house, "two", record)
    let_it_settle(house)
    both = [("Ann Lee", worked_on(house), 60, "")] * 2
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both
    assert {one.state for one in time_records(house)} == {"in_sync"}
    assert unseen(house) == (0, 0)
    database_restored.declare(house.engine, now=house.clock(), who="operator")
    house.quiet()
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both


def test_two_of_them_may_be_said_before_they_are_joined(house: House) -> None:
    """Until it goes live both are alone; afterwards each goes to the other side."""
    set_values(house, mode="preview")
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=20)
    house.connect()
    house.work()
    typed_in_mosaic(house, hours=2.0)
    house.clock.pass_(minutes=65)
    house.work()
    here, there = time_records(house)
    say(house, "two", here, there)
    for mosaic in house.sandbox.team.store.objects["time_entry"]:
        house.people.edit_time(mosaic, hours=1.0)
    set_values(house, mode="live")
    let_it_settle(house)
    both = [("Ann Lee", worked_on(house), 60, "")] * 2
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both


def test_one_of_two_that_differ_is_a_conflict_as_usual(house: House) -> None:
    """They are joined; where they differ, the policy decides."""
    set_values(house, mode="preview", policy="quickbooks")
    in_quickbooks(house, "plan", day=day(house, 0))
    typed_in_mosaic(house, hours=2.0, ago=1, notes="plan it")
    for _ in range(3):
        house.clock.pass_(minutes=65)
        house.connect()
        house.work()
    here, there = time_records(house)
    say(house, "one", here, there)
    set_values(house, mode="live")
    let_it_settle(house)
    both = [("Ann Lee", worked_on(house), 60, "plan")]
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both
    (record,) = time_records(house)
    assert record.conflict["minutes"]["mosaic"] == 120
    say(house, "two", record)
    let_it_settle(house)
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both * 2


def test_what_cannot_be_said_is_refused_with_the_reason(house: House) -> None:
    """An entry that is on both sides already; one that we made ourselves."""
    in_quickbooks(house, "", day=day(house, 0))
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=20)
    let_it_settle(house)
    here, there = time_records(house)
    with pytest.raises(one_or_two.NotToBeSaid, match="not in QuickBooks alone"):
        say(house, "one", here, there)
    with pytest.raises(one_or_two.NotToBeSaid, match="we made it"):
        say(house, "two", here)
    with pytest.raises(one_or_two.NotToBeSaid, match="Name two records"):
        say(house, "one", here)
    assert len(hours_in_mosaic(house)) == 2


def _asked(house: House) -> tuple[Any, int]:
    """Return the record that asks whether it is in Mosaic already, and what may be it.

    In Mosaic its person edited an entry of two hours since it was sent.
    """
    in_quickbooks(house, "build", day=day(house, 0), minutes=480)
    lose_a_post(house)
    made = typed_in_mosaic(house, hours=2.0, notes="call")
    house.clock.pass_(seconds=5)
    house.people.edit_time(made, description="call with client")
    let_it_settle(house)
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert f"records two {asked.company_id}-{asked.id}" in asked.reason
    return asked, made


def test_support_says_that_a_lost_one_is_other_work(house: House) -> None:
    """Then it is sent again, and both are on both sides."""
    asked, _ = _asked(house)
    say(house, "two", asked)
    let_it_settle(house)
    both = [
        ("Ann Lee", worked_on(house), 120, "call with client"),
        ("Ann Lee", worked_on(house), 480, "build"),
    ]
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_support_says_which_one_a_lost_one_is(house: House) -> None:
    """Then what was edited since is an edit in Mosaic like any other."""
    asked, made = _asked(house)
    say(house, "one", asked, mosaic_id=made)
    let_it_settle(house)
    both = [("Ann Lee", worked_on(house), 120, "call with client")]
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) == both
    assert [one.state for one in time_records(house)] == ["in_sync"]


@pytest.mark.parametrize("answer", ["two", "one"])
def test_the_page_has_the_two_answers_to_a_lost_one(house: House, answer: str) -> None:
    """They do what the commands do."""
    asked, made = _asked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        ways = {one.id for one in of_entry.ways(connection, asked)}
        assert ways == {f"one:m{made}", "two"}
        said = "two" if answer == "two" else f"one:m{made}"
        of_entry.say(
            connection, house.company.id, asked.id, said, by="page", now=house.clock()
        )
    let_it_settle(house)
    many = 2 if answer == "two" else 1
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == many
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_more_equal_ones_than_were_lost_may_all_be_others(house: House) -> None:
    """A word about those that the question names, and about no other."""
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house)
    typed_in_mosaic(house, hours=1.0)
    typed_in_mosaic(house, hours=1.0)
    let_it_settle(house)
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    say(house, "two", asked)
    let_it_settle(house)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 3
    assert {one.state for one in time_records(house)} == {"in_sync"}


def test_a_lost_one_that_was_found_by_equality_alone_is_told(house: House) -> None:
    """It may be a colleague's of the same name: one word takes it apart."""
    in_quickbooks(house, "", day=day(house, 0))
    lose_a_post(house)
    typed_in_mosaic(house, hours=1.0)
    let_it_settle(house)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 1
    assert unseen(house) == (1, 60)
    (record,) = time_records(house)
    assert joined.TAKEN in events(house, record)
    say(house, "two", record)
    let_it_settle(house)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 2
