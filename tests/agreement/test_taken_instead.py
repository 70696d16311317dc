"""Where a rule decided between two durations, a person takes the other one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qbwc_server.decisions import conflicts
from qbwc_server.kinds import conflict
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.shrinking import broken
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_late_changes import LateChange
from tests.agreement.test_used_once import both_edit, minutes
from tests.agreement.world import Act

_OTHER = {"quickbooks": "mosaic", "mosaic": "quickbooks"}
_HAS = {"quickbooks": 90, "mosaic": 195}


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house where nobody is asked which side is right."""
    made = make_house(START, "America/New_York")
    made.settle()
    yield made
    made.close()


def decided(house: House, kept: str) -> None:
    """Have both sides change one entry, and a rule keep what one of them has."""
    set_values(house, policy=kept)
    in_quickbooks(house, "")
    house.settle_for(minutes=65)
    both_edit(house, 90, 3.25)
    house.settle_for(minutes=65)
    assert minutes(house) == (_HAS[kept], _HAS[kept])
    assert conflict.by_rule(linked(house).conflict) == {kept}


def take(house: House, side: str, **more: Any) -> None:
    """Say that the value that was not kept is the right one."""
    row = linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        conflicts.settle(connection, row, side, by="p", now=house.clock(), **more)


@pytest.mark.parametrize("kept", ["quickbooks", "mosaic"])
def test_the_other_value_goes_to_both_sides_and_nothing_is_left_to_see(
    house: House, kept: str
) -> None:
    """And stays, though the rule would have it otherwise, and is typed again later."""
    decided(house, kept)
    other = _OTHER[kept]
    take(house, other, shown=conflict.mark(linked(house).conflict))
    assert conflict.by_rule(linked(house).conflict) == set()
    house.settle_for(minutes=65)
    assert minutes(house) == (_HAS[other], _HAS[other])
    assert not linked(house).conflict
    assert linked(house).state == "in_sync"
    house.settle_for(hours=26)
    assert minutes(house) == (_HAS[other], _HAS[other])

    # What was kept then, typed now, is what somebody wants now.
    house.hands.edit_time(quickbooks(house)[0]["txn_id"], minutes=_HAS[kept])
    house.settle_for(minutes=65)
    assert minutes(house) == (_HAS[kept], _HAS[kept])


def kept_and_waiting(house: House) -> None:
    """Have a rule keep what Mosaic has, and Web Connector not have come since."""
    set_values(house, policy="mosaic")
    in_quickbooks(house, "")
    house.settle_for(minutes=65)
    both_edit(house, 90, 3.25)
    house.clock.pass_(minutes=16)
    house.connect()
    house.clock.pass_(minutes=16)
    house.work()
    assert [job.action for job in house.unfinished_jobs()] == ["mod"]


def see(house: House, **more: Any) -> None:
    """Say that what was decided is seen."""
    row = linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        conflicts.see(connection, row, by="q", now=house.clock(), **more)


def test_it_is_taken_before_what_was_kept_had_left(house: House) -> None:
    """The change waits for the next run of Web Connector, and the page shows it."""
    kept_and_waiting(house)
    take(house, "quickbooks", shown=conflict.mark(linked(house).conflict))
    house.settle_for(minutes=65)
    house.settle_for(hours=26)
    assert minutes(house) == (90, 90)
    assert not linked(house).conflict


def test_what_is_seen_while_it_waits_is_not_told_again(house: House) -> None:
    """It is planned again before Web Connector comes; and goes as it was kept."""
    kept_and_waiting(house)
    see(house)
    for _ in range(2):
        house.work()
        assert conflict.is_seen(linked(house).conflict)
        assert conflict.by_rule(linked(house).conflict) == set()
    house.settle_for(minutes=65)
    assert minutes(house) == (195, 195)
    assert not linked(house).conflict


def test_who_has_not_seen_that_the_other_is_taken_does_not_undo_it(
    house: House,
) -> None:
    """Two people have the same page open; the same word twice is one."""
    decided(house, "mosaic")
    shown = conflict.mark(linked(house).conflict)
    take(house, "quickbooks", shown=shown)
    with pytest.raises(conflicts.NothingToSettle, match="changed again"):
        see(house, shown=shown)
    with pytest.raises(conflicts.NothingToSettle, match="changed again"):
        take(house, "mosaic", shown=shown)
    take(house, "quickbooks", shown=shown)
    house.settle_for(minutes=65)
    assert minutes(house) == (90, 90)


def test_who_has_seen_that_it_is_taken_takes_it_back(house: House) -> None:
    """Before it was carried out."""
    decided(house, "mosaic")
    take(house, "quickbooks")
    take(house, "mosaic", shown=conflict.mark(linked(house).conflict))
    house.settle_for(minutes=65)
    assert minutes(house) == (195, 195)
    assert not linked(house).conflict


def test_the_one_that_is_meant_is_changed_and_its_equal_is_not(house: House) -> None:
    """Two entries of one person, day, job and note, of the same length."""
    set_values(house, policy="mosaic")
    in_quickbooks(house, "", minutes=90)
    house.settle_for(minutes=65)
    both_edit(house, 90, 3.25)
    house.hands.edit_time(quickbooks(house)[0]["txn_id"], minutes=100)
    house.settle_for(minutes=65)
    assert minutes(house) == (195, 195)
    record = linked(house)
    in_quickbooks(house, "", minutes=195)
    house.settle_for(minutes=65)
    with company_transaction(house.engine, house.company.id) as connection:
        conflicts.settle(connection, record, "quickbooks", by="p", now=house.clock())
    house.settle_for(minutes=65)
    assert sorted(one["minutes"] for one in quickbooks(house)) == [100, 195]
    there = sorted(round(float(one["hours"]) * 60) for one in mosaic(house))
    assert there == [100, 195]


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
def test_what_somebody_has_changed_meanwhile_is_newer_than_the_word(
    house: House, side: str
) -> None:
    """On either side, before the word is carried out."""
    decided(house, "mosaic")
    take(house, "quickbooks")
    if side == "quickbooks":
        house.hands.edit_time(quickbooks(house)[0]["txn_id"], minutes=45)
        house.clock.pass_(minutes=16)
        house.connect()
    else:
        house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=0.75)
        house.sandbox.deliver_callbacks()
    house.settle_for(hours=2)
    assert minutes(house) == (45, 45)
    assert not linked(house).conflict


def test_a_change_that_was_not_answered_is_carried_out_once(house: House) -> None:
    """Mosaic was busy, and did it later all the same."""
    decided(house, "mosaic")
    late = LateChange(house)
    take(house, "quickbooks")
    house.settle_for(minutes=65)
    late.takes_effect()
    house.settle_for(hours=3)
    assert minutes(house) == (90, 90)


def test_it_waits_where_the_books_are_closed(house: House) -> None:
    """And says so; it goes when they are opened."""
    decided(house, "mosaic")
    house.hands.set("closing_date", day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    take(house, "quickbooks")
    house.settle_for(minutes=65)
    assert minutes(house) == (195, 195)
    assert linked(house).state == "locked"
    assert "The books are closed" in linked(house).reason


def test_one_way_it_is_entered_in_quickbooks(house: House) -> None:
    """What is changed in Mosaic does not go there."""
    decided(house, "mosaic")
    set_values(house, two_way=False)
    with pytest.raises(conflicts.NothingToSettle, match="Enter the other value again"):
        take(house, "quickbooks")


def test_other_values_than_those_that_were_shown_are_not_taken(house: House) -> None:
    """Both sides changed it again, and the rule decided again."""
    decided(house, "mosaic")
    shown = conflict.mark(linked(house).conflict)
    both_edit(house, 30, 8.0)
    house.settle_for(minutes=65)
    with pytest.raises(conflicts.NothingToSettle, match="changed again"):
        take(house, "quickbooks", shown=shown)
    assert minutes(house) == (480, 480)


@pytest.mark.parametrize("kept", ["quickbooks", "mosaic"])
def test_a_word_that_is_not_carried_out_is_seen_by_the_machine(
    make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """The value that was kept by a rule is not what a person said last."""
    acts = (
        Act("enter in quickbooks"),
        Act("run", 1),
        Act("policy", 1 if kept == "quickbooks" else 2),
        Act("edit in quickbooks", 0, 0, 1),
        Act("edit in mosaic", 0, 0, 4),
        Act("run", 2),
        Act("take the other"),
    )
    assert broken(make_house, acts) == ""
    monkeypatch.setattr(conflict, "instead", lambda *_: {})
    assert broken(make_house, acts).startswith("altered in minutes")
