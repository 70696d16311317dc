"""What a file of a team missed comes late; its hour is changed after that was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from tests.agreement.begun import Pair, kept_pair
from tests.agreement.files import a_day, both, time_of
from tests.agreement.house import House
from tests.agreement.test_deleted_and_late import Late
from tests.agreement.test_findings import in_mosaic, quickbooks
from tests.agreement.test_missed_elsewhere import _spoken, notes, send
from tests.agreement.test_one_or_two import say as say_of_records
from tests.conftest import Kept


@pytest.fixture
def files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """Two files of a team; Ann's hours on House are the second one's, by a word."""
    with kept_pair(engine, tmp_path, kept_databases, "spoken", _spoken) as pair:
        yield pair


def read_before(first: House) -> Late:
    """Have what the first file missed come, and be read before QuickBooks is."""
    late = send(first)
    late.is_full = True
    for _ in range(5):
        first.clock.pass_(minutes=16)
        first.connect()
        first.work()
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    first.clock.pass_(minutes=6)
    first.work()
    assert sorted(row.mosaic_id is None for row in time_of(first)) == [False, True]
    return late


@pytest.mark.in_turn
@pytest.mark.parametrize("deleted", [False, True])
def test_what_was_read_before_its_hour_was_changed_enters_no_other_file(
    files: Pair, deleted: bool
) -> None:
    """It is asked about in the file that sent it, and stays out of the other one."""
    first, second = files
    late = read_before(first)
    (txn_id,) = (row["txn_id"] for row in quickbooks(first))
    if deleted:
        first.hands.delete_time(txn_id)
    else:
        first.hands.edit_time(txn_id, notes="built")
    for _ in range(4):
        first.clock.pass_(minutes=16)
        first.connect()
        first.work()
    late.is_full = False
    both(first, second)
    a_day(second, first)
    a_day(second, first)
    both(first, second)
    assert notes(second) == ["asked"]
    (asks,) = (row for row in time_of(first) if row.quickbooks_id is None)
    assert "records two" in asks.reason
    assert notes(first) == ([] if deleted else ["built"])
    say_of_records(first, "two", asks)
    a_day(second, first)
    assert notes(second) == ["asked", "build"]
    assert notes(first) == ([] if deleted else ["built"])


@pytest.mark.in_turn
def test_what_comes_after_the_same_was_typed_by_hand_enters_no_other_file(
    files: Pair,
) -> None:
    """It was missed, and what somebody typed is taken for one with its hour."""
    first, second = files
    late = send(first)
    late.is_full = True
    for _ in range(5):
        first.clock.pass_(minutes=16)
        first.connect()
        first.work()
    in_mosaic(first, "build", hours=1.5)
    for _ in range(5):
        first.clock.pass_(minutes=16)
        first.connect()
        first.work()
    late.is_full = False
    first.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    both(first, second)
    a_day(second, first)
    a_day(second, first)
    assert notes(first) == ["build"]
    assert notes(second) == ["asked"]
