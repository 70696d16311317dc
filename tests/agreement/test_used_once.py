"""What a person said of one conflict decides no other one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qbwc_server.decisions import conflicts
from qbwc_server.kinds import conflict
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import (
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
    set_values,
)


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house where a person says which side is right."""
    made = make_house(START, "America/New_York")
    made.settle()
    set_values(made, policy="ask")
    yield made
    made.close()


def both_edit(house: House, minutes: int, hours: float) -> None:
    """Enter another duration on each side, before either is read."""
    (one,), (other,) = quickbooks(house), mosaic(house)
    house.hands.edit_time(one["txn_id"], minutes=minutes)
    house.people.edit_time(other["mosaic_id"], hours=hours)


def say(house: House, side: str, **more: Any) -> None:
    """Say which side is right."""
    row = linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        conflicts.settle(connection, row, side, by="p", now=house.clock(), **more)


def minutes(house: House) -> tuple[int, int]:
    """Return what each side has."""
    (one,), (other,) = quickbooks(house), mosaic(house)
    return one["minutes"], round(float(other["hours"]) * 60)


@pytest.mark.parametrize("side", ["quickbooks", "mosaic"])
def test_a_second_conflict_is_asked_about_again(house: House, side: str) -> None:
    """The word about the first one was carried out, and stays in the history."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    both_edit(house, 120, 3.0)
    house.settle_for(minutes=65)
    assert linked(house).state == "conflict"
    say(house, side)
    house.settle_for(minutes=65)
    right = {"quickbooks": 120, "mosaic": 180}[side]
    assert minutes(house) == (right, right)

    both_edit(house, 10, 8.0)
    house.settle_for(minutes=65)

    assert linked(house).state == "conflict"
    assert minutes(house) == (10, 480)
    event = tables.record_event
    said = house.rows(event, event.c.what == conflict.OVER)
    assert [one.detail["minutes"]["settled"] for one in said] == [side]


def test_a_word_is_not_used_after_the_values_changed(house: House) -> None:
    """It was said of two hours and three, and now there are eight."""
    in_quickbooks(house)
    house.settle_for(minutes=65)
    both_edit(house, 120, 3.0)
    house.settle_for(minutes=65)
    seen = conflict.mark(linked(house).conflict)
    say(house, "quickbooks", shown=seen)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=8.0)
    house.sandbox.deliver_callbacks()
    with house.engine.begin() as connection:
        connection.execute(tables.company.update().values(time_hot_at=None))
        connection.execute(tables.duty.update().values(deliver_at=house.clock()))
    house.settle_for(minutes=65)

    assert minutes(house) == (120, 480)
    assert linked(house).state == "conflict"
    with pytest.raises(conflicts.NothingToSettle, match="changed again"):
        say(house, "quickbooks", shown=seen)
    say(house, "mosaic", shown=conflict.mark(linked(house).conflict))
    house.settle_for(minutes=65)
    assert minutes(house) == (480, 480)


def test_what_was_decided_before_does_not_answer_what_is_asked_now(
    house: House,
) -> None:
    """One list has both; a word goes to the question, and the rest stays."""
    done = {"quickbooks": "a", "mosaic": "b", "kept": "quickbooks"}
    in_quickbooks(house)
    house.settle_for(minutes=65)
    both_edit(house, 120, 3.0)
    house.settle_for(minutes=65)
    record, row = tables.record, linked(house)
    with company_transaction(house.engine, house.company.id) as connection:
        connection.execute(
            record.update()
            .where(record.c.company_id == house.company.id)
            .where(record.c.id == row.id)
            .values(conflict={**row.conflict, "notes": done})
        )
    say(house, "mosaic")
    house.settle_for(minutes=65)

    assert minutes(house) == (180, 180)
    assert linked(house).conflict["notes"] == done
