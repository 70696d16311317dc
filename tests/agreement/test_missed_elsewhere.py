"""What one company file of a team sent to Mosaic and missed, another one leaves to it.

It may come late, on hours that are the other one's by a person's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.operations import forgetting
from qbwc_server.operations.forgetting import CompanyBusy
from qbwc_server.storage import tables
from tests.agreement.begun import Pair, kept_pair
from tests.agreement.files import a_day, add_second, both, time_of
from tests.agreement.house import House
from tests.agreement.test_deleted_and_late import BUSY, TAKEN, Late
from tests.agreement.test_files_of_one_team import say
from tests.agreement.test_findings import (
    in_mosaic,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_one_or_two import say as say_of_records
from tests.conftest import Kept


@pytest.fixture
def files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """Two files of a team; Ann's hours on House are the second one's, by a word."""
    with kept_pair(engine, tmp_path, kept_databases, "spoken", _spoken) as pair:
        yield pair


def _spoken(first: House) -> House:
    first.settle()
    add_second(first)
    assert first.second is not None
    in_mosaic(first, "asked")
    both(first, first.second)
    say(first.second, mine=True)
    both(first, first.second)
    assert notes(first.second) == ["asked"]
    return first.second


def forget(house: House) -> None:
    """Forget a company, if nothing speaks against it."""
    forgetting.forget(
        house.engine, house.stored(), house.settings, now=house.clock(), who="operator"
    )


def notes(house: House) -> list[str]:
    """Return the notes of all that a company file has."""
    return sorted(row["notes"] for row in quickbooks(house))


def claimed(house: House) -> set[int]:
    """Return the numbers of Mosaic that a file of the team has claimed."""
    with house.engine.begin() as connection:
        return set(
            connection.execute(sa.select(tables.time_claim.c.mosaic_id)).scalars()
        )


def in_mosaic_twice(house: House) -> bool:
    """Tell whether Mosaic has what was made there twice."""
    return texts(house).count("build") == 2


def texts(house: House) -> list[str]:
    """Return the texts of all that Mosaic has."""
    return sorted(str(row["description"]) for row in mosaic(house))


def send(first: House, answer: httpx.Response = BUSY) -> Late:
    """Have the first file send an hour that Mosaic does late."""
    in_quickbooks(first, "build", minutes=90)
    first.clock.pass_(minutes=16)
    first.connect()
    late = Late(first, answer)
    first.work()
    return late


def missed(first: House) -> Late:
    """Have the first file miss what it sent, and send it again."""
    late = send(first)
    for _ in range(3):
        first.settle_for(minutes=65)
    assert [row.state for row in time_of(first)] == ["in_sync"]
    return late


def came_late(first: House, second: House) -> Any:
    """Have what was missed come, untold; return the record that asks about it."""
    late = missed(first)
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    both(second, first)
    (asks,) = (row for row in time_of(first) if row.quickbooks_id is None)
    assert "records one" in asks.reason
    return asks


@pytest.mark.in_turn
@pytest.mark.parametrize("callback", ["", "callback_never"])
@pytest.mark.parametrize("reads_first", [0, 1])
def test_what_came_late_does_not_enter_the_other_file(
    files: Pair, callback: str, reads_first: int
) -> None:
    """Where Mosaic says who sent it, it is the double; else a person is asked."""
    first, second = files
    late = missed(first)
    if callback:
        first.sandbox.fail_next(callback, 1, seconds=7200)
    late.takes_effect()
    files[reads_first].settle_for(minutes=16)
    for _ in range(2):
        both(first, second)
    assert notes(second) == ["asked"]
    assert notes(first) == ["build"]
    assert in_mosaic_twice(first) is bool(callback)


@pytest.mark.in_turn
def test_it_is_asked_about_as_long_as_it_takes(files: Pair) -> None:
    """Longer than a day, too; if it is the double, it is taken away."""
    first, second = files
    asks = came_late(first, second)
    a_day(second, first)
    assert notes(second) == ["asked"]
    say_of_records(first, "one", asks)
    assert asks.mosaic_id in claimed(first)
    both(first, second)
    assert notes(second) == ["asked"]
    assert not in_mosaic_twice(first)


@pytest.mark.in_turn
def test_who_deletes_the_other_one_of_two_equal_ones_has_answered(
    files: Pair,
) -> None:
    """As the question says: what came late takes its place, in the first file."""
    first, second = files
    came_late(first, second)
    (made,) = (row.mosaic_id for row in time_of(first) if row.quickbooks_id)
    first.people.delete_time(made)
    a_day(second, first)
    assert notes(first) == ["build"]
    assert notes(second) == ["asked"]
    assert texts(first) == ["asked", "build"]


@pytest.mark.in_turn
def test_a_file_is_not_forgotten_while_it_is_asked(files: Pair) -> None:
    """However long that takes: what it is asked about would enter the other file."""
    first, second = files
    came_late(first, second)
    a_day(second, first)
    with pytest.raises(CompanyBusy, match="Answer it first"):
        forget(first)


@pytest.mark.in_turn
def test_other_work_is_the_other_files(files: Pair) -> None:
    """By a person's word; it goes on when nothing can come late any more."""
    first, second = files
    asks = came_late(first, second)
    say_of_records(first, "two", asks)
    a_day(second, first)
    assert notes(second) == ["asked", "build"]
    assert notes(first) == ["build"]
    assert in_mosaic_twice(first)


@pytest.mark.in_turn
def test_equal_hours_wait_for_a_file_that_is_not_served_and_say_so(
    files: Pair,
) -> None:
    """While it is paused nobody can tell whether they are what it sent."""
    first, second = files
    missed(first)
    set_values(first, mode="paused")
    in_mosaic(second, "build", hours=1.5)
    for _ in range(8):
        second.settle_for(minutes=65)
    assert notes(second) == ["asked"]
    (waits,) = (row for row in time_of(second) if row.state == "pending")
    assert "another company file sent" in waits.reason
    a_day(second)
    assert notes(second) == ["asked"]
    (waits,) = (row for row in time_of(second) if row.state == "refused")
    assert "paused or cannot be reached" in waits.reason
    set_values(first, mode="live")
    both(first, second)
    (asks,) = (row for row in time_of(first) if row.quickbooks_id is None)
    say_of_records(first, "two", asks)
    for _ in range(2):
        both(first, second)
    assert notes(second) == ["asked", "build"]


@pytest.mark.in_turn
@pytest.mark.parametrize("callback", ["", "callback_never"])
def test_what_came_while_a_file_was_not_served_is_still_that_files(
    files: Pair, callback: str
) -> None:
    """Two days later, too: it learns then what Mosaic said, or asks."""
    first, second = files
    late = missed(first)
    set_values(first, mode="paused")
    if callback:
        first.sandbox.fail_next(callback, 1, seconds=7200)
    late.takes_effect()
    a_day(second)
    a_day(second)
    set_values(first, mode="live")
    for _ in range(3):
        both(second, first)
    assert notes(second) == ["asked"]
    assert in_mosaic_twice(first) is bool(callback)


@pytest.mark.in_turn
def test_what_is_held_is_held_when_somebody_edits_it(
    files: Pair,
) -> None:
    """It is what it was, and does not enter the other file by that."""
    first, second = files
    late = missed(first)
    set_values(first, mode="paused")
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    second.settle_for(minutes=65)
    (held,) = (row for row in time_of(second) if row.state == "pending")
    first.people.edit_time(held.mosaic_id, description="built")
    for _ in range(3):
        second.settle_for(minutes=65)
    assert notes(second) == ["asked"]


@pytest.mark.in_turn
def test_a_file_is_not_forgotten_while_what_it_sent_may_come(
    files: Pair,
) -> None:
    """Within a day; whatever equals it would enter the other file."""
    first, _ = files
    missed(first)
    with pytest.raises(CompanyBusy, match="not known yet what became of it"):
        forget(first)
    a_day(first)
    first.clock.pass_(minutes=60)
    forget(first)


@pytest.mark.in_turn
def test_hours_that_are_not_equal_do_not_wait(files: Pair) -> None:
    """Of the same person, day and job, but a quarter of an hour more."""
    first, second = files
    missed(first)
    in_mosaic(second, "build", hours=1.75)
    both(second, first)
    assert notes(second) == ["asked", "build"]


@pytest.mark.in_turn
def test_what_comes_before_it_is_sent_again_is_what_was_sent(
    files: Pair,
) -> None:
    """Nothing is made a second time, whosever such hours are."""
    first, second = files
    late = send(first)
    late.is_down = True
    for _ in range(5):
        first.clock.pass_(minutes=16)
        first.connect()
        first.work()
    late.is_down = False
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    both(second, first)
    assert texts(first).count("build") == 1
    assert notes(second) == ["asked"]
    assert [row.state for row in time_of(first)] == ["in_sync"]


@pytest.mark.in_turn
def test_what_mosaic_took_and_never_showed_may_come_late_too(
    files: Pair,
) -> None:
    """It is not sent again, and does not enter the other file when it comes."""
    first, second = files
    late = send(first, TAKEN)
    for _ in range(6):
        first.settle_for(minutes=65)
    assert [row.state for row in time_of(first)] == ["refused"]
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    for _ in range(2):
        both(second, first)
    assert notes(second) == ["asked"]
    assert [row.state for row in time_of(first)] == ["in_sync"]


@pytest.mark.in_turn
def test_what_the_other_file_has_of_us_is_told(files: Pair) -> None:
    """It was edited before anyone read it, so nothing told that it is ours."""
    first, second = files
    late = missed(first)
    first.sandbox.fail_next("callback_late", 1, seconds=7200)
    late.takes_effect()
    known = {row.mosaic_id for row in (*time_of(first), *time_of(second))}
    (came,) = first.sandbox.team.store.objects["time_entry"].keys() - known
    first.people.edit_time(came, description="built")
    second.settle_for(minutes=65)
    assert notes(second) == ["asked", "built"]
    both(first, second)
    (told,) = first.rows(
        tables.record_event, tables.record_event.c.what.contains("there twice")
    )
    assert told.detail["mosaic_id"] == came
