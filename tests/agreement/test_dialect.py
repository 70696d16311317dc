"""What the real Mosaic may do otherwise: nothing is lost, doubled or stopped by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from qbwc_server.storage import tables
from tests.agreement.hours import they_are_deleted
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import (
    day,
    in_mosaic,
    in_quickbooks,
    mosaic,
    quickbooks,
)


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house whose lists are on both sides, without time."""
    made = make_house(START, "America/New_York")
    made.settle()
    yield made
    made.close()


def run(house: House, times: int) -> None:
    """Have both programs run every quarter of an hour."""
    for _ in range(times):
        house.clock.pass_(minutes=16)
        house.connect()
        house.work()
        house.sandbox.deliver_callbacks()


def notes(house: House) -> tuple[list[Any], list[Any]]:
    """Return the notes of all entries of each side."""
    ours = sorted(one["notes"] for one in quickbooks(house))
    return ours, sorted(one["description"] for one in mosaic(house))


@pytest.mark.parametrize("missing", ["404", "422", "left out"])
def test_one_missing_number_does_not_stop_the_rest(house: House, missing: Any) -> None:
    """Deleted in Mosaic, it is deleted in QuickBooks, and what comes next arrives."""
    for name in "abcde":
        in_quickbooks(house, name)
    house.settle_for(minutes=65)
    house.sandbox.dialect.missing_number = missing
    (gone,) = (one for one in mosaic(house) if one["description"] == "a")
    house.people.delete_time(gone["mosaic_id"])
    run(house, 4)
    they_are_deleted(house)
    in_quickbooks(house, "next")
    run(house, 12)

    assert notes(house) == (["b", "c", "d", "e", "next"],) * 2
    assert house.stored().attention is None


@pytest.mark.parametrize("missing", ["404", "422"])
def test_a_change_of_what_mosaic_no_longer_has_is_made_there_again(
    house: House, missing: Any
) -> None:
    """A deletion loses to an edit, also where Mosaic refuses to be asked for it."""
    for name in "ab":
        in_quickbooks(house, name)
    house.settle_for(minutes=65)
    house.sandbox.dialect.missing_number = missing
    (gone,) = (one for one in mosaic(house) if one["description"] == "a")
    house.people.delete_time(gone["mosaic_id"])
    (first,) = (one for one in quickbooks(house) if one["notes"] == "a")
    house.hands.edit_time(first["txn_id"], notes="more")
    run(house, 6)
    they_are_deleted(house)
    run(house, 6)

    assert notes(house) == (["b", "more"],) * 2


def test_the_only_entry_is_not_gone_because_a_question_for_it_is_refused(
    house: House,
) -> None:
    """Nothing else tells that Mosaic takes such questions; QuickBooks keeps it."""
    in_quickbooks(house, "only")
    house.settle_for(minutes=65)
    house.sandbox.dialect.missing_number = "404"
    house.people.delete_time(mosaic(house)[0]["mosaic_id"])
    run(house, 12)

    assert notes(house) == (["only"], [])


def test_an_emptied_team_stops_the_company_also_where_questions_are_refused(
    house: House,
) -> None:
    """A few at a time would never seem to be many."""
    for number in range(30):
        in_quickbooks(house, f"w{number}", day=day(house, number % 7))
    house.settle_for(minutes=65)
    house.sandbox.dialect.missing_number = "404"
    for one in mosaic(house)[:25]:
        house.people.delete_time(one["mosaic_id"])
    run(house, 8)
    assert len(quickbooks(house)) == 30
    assert house.stored().attention_id == "mosaic-too-many-gone"

    house.accept()
    run(house, 40)

    assert len(quickbooks(house)) == len(mosaic(house)) == 5


@pytest.mark.in_turn(False)
def test_a_list_that_slides_hides_no_entry_and_doubles_none(house: House) -> None:
    """`all` is refused; one of the first page is deleted before the second is read."""
    hours = [f"w{number:03}" for number in range(230)]
    for number, name in enumerate(hours):
        in_quickbooks(house, name, day=day(house, 30 + number % 5))
        in_mosaic(house, name, 30 + number % 5)
    left = [mosaic(house)[3]["mosaic_id"]]

    def deletes() -> None:
        if left:
            house.people.delete_time(left.pop())

    house.sandbox.dialect.takes_all = False
    house.sandbox.dialect.between_pages = deletes
    with house.engine.begin() as connection:
        connection.execute(
            tables.company.update().values(
                mosaic_time_from=None,
                time_window_at=None,
                time_hot_at=None,
            )
        )
        connection.execute(tables.duty.update().values(deliver_at=house.clock()))
    house.clock.pass_(minutes=16)
    for _ in range(3):
        house.settle_for(minutes=65)

    assert not left
    ours, theirs = notes(house)
    assert max(Counter(ours).values()) == max(Counter(theirs).values()) == 1
    assert set(hours) - set(theirs) <= {"w003"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_post_is_found_or_made_where_there_is_no_request_log(
    house: House, when: Any
) -> None:
    """The list of its day tells as well."""
    house.sandbox.dialect.keeps_log = False
    in_quickbooks(house, "once")
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next("error", 1, "POST time_entry", when=when)
    house.work()
    house.settle_for(minutes=65)

    assert notes(house) == (["once"],) * 2
