"""Deletions of equal hours that cross, while more than these happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.team import time_claims
from qbwc_server.kinds.tombstone import Word
from tests.agreement.begun import Pair, kept_pair
from tests.agreement.files import a_day, both, share, time_of, with_same
from tests.agreement.hours import time_records
from tests.agreement.house import House
from tests.agreement.test_deleted_doubles import alike, read_mosaic
from tests.agreement.test_files_of_one_team import as_before
from tests.agreement.test_findings import day, in_quickbooks, mosaic, quickbooks
from tests.agreement.test_hidden import agreed, hide, pass_hours, say, show
from tests.agreement.test_lost_posts import let_it_settle
from tests.conftest import Kept


def test_a_deletion_in_mosaic_whose_outcome_is_not_known_yet_is_waited_for(
    house: House,
) -> None:
    """What stands there by then may not be joined with: it is just taken away."""
    (txn_id, _), (other, number) = alike(house)
    house.hands.delete_time(txn_id)
    house.clock.pass_(minutes=16)
    house.connect()
    house.sandbox.fail_next("callback_late", 1, "DELETE time_entry", seconds=400)
    house.work()
    house.people.calls_back = True
    house.people.delete_time(number)
    house.sandbox.deliver_callbacks()
    house.work()
    let_it_settle(house)
    house.quiet()
    (asked,) = [one for one in time_records(house) if one.state == "refused"]
    assert "Perhaps one of the two was meant, each time." in asked.reason
    assert [one["txn_id"] for one in quickbooks(house)] == [other]


def test_what_is_said_not_to_be_deleted_does_not_cross_with_what_is(
    house: House,
) -> None:
    """It is hidden, and is there still: the deletion of the other one is meant."""
    (txn_id, _), (other, number) = alike(house)
    hidden = hide(house, mosaic_id=number)
    read_mosaic(house)
    (row,) = [one for one in time_records(house) if one.mosaic_gone]
    say(house, row, Word.STAYS)
    house.hands.delete_time(txn_id)
    let_it_settle(house)
    assert mosaic(house) == []
    show(house, hidden)
    pass_hours(house, 3)
    house.quiet()
    assert len(agreed(house)) == 1
    (row,) = (one for one in time_records(house) if one.state == "in_sync")
    assert (row.quickbooks_id, row.mosaic_id) == (other, number)


@pytest.fixture
def two_files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """A file that is settled, and a second one of the same team with the same names."""
    with kept_pair(engine, tmp_path, kept_databases, "two_files", with_same) as pair:
        yield pair


@pytest.mark.in_turn
def test_hours_that_another_file_has_do_not_cross_with_ones_own(
    two_files: Pair,
) -> None:
    """They are here from before hours were claimed, and were deleted for that file."""
    first, second = two_files
    share(first, second)
    as_before(first, second, claims=time_claims.NONE)
    that_day = day(first)
    in_quickbooks(first, "", day=that_day)
    both(first, second)
    as_before(first, second, claims=time_claims.DUE)
    both(first, second)
    own = in_quickbooks(second, "", day=that_day)
    both(first, second)
    (held, mine) = time_of(second)
    assert [held.state, mine.state] == ["refused", "in_sync"]
    first.people.delete_time(held.mosaic_id)
    for _ in range(4):
        second.clock.pass_(minutes=6)
        second.work()
    assert [row.mosaic_gone for row in time_of(second)] == [True, False]
    second.hands.delete_time(own)
    both(first, second)
    a_day(first, second)
    assert mosaic(first) == []
    assert quickbooks(first) == []
    assert [row["txn_id"] for row in quickbooks(second)] == [held.quickbooks_id]
