"""A restored backup: what is counted, and which side is right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.kinds.restored import Way
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.times import TimePoller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Restored = Callable[[int], list[str]]


@pytest.fixture
def restored(timed: TimePoller, tmp_path: Path) -> Restored:
    """A backup after thirty entries; then so many more and an edit; then restored.

    Returned are the later entries. All of them were delivered to Mosaic.
    """

    def restore(later: int) -> list[str]:
        old = [timed.enter(f"2026-02-{day:02}") for day in range(1, 29)]
        timed.poller.poll()
        timed.hands.back_up(tmp_path / "backup.qbb")
        timed.clock.pass_(hours=1)
        timed.hands.edit_time(old[0], minutes=99)
        undone = [timed.enter("2026-03-02", number) for number in range(1, later + 1)]
        timed.poller.poll()
        timed.delivered()
        assert timed.entries()[old[0]].quickbooks["minutes"] == 99
        timed.clock.pass_(hours=1)
        timed.hands.restore(tmp_path / "backup.qbb")
        timed.poller.poll()
        return undone

    return restore


def _marked(timed: TimePoller, mark: str) -> dict[str, Any]:
    """Return the records with a mark of a restored backup, by their old TxnIDs."""
    return {
        row.quickbooks_id: row
        for row in timed.poller.rows(tables.record)
        if row.restored == mark
    }


def test_from_the_first_sign_nothing_is_written(
    timed: TimePoller, restored: Restored
) -> None:
    """The first session after a restore stops both ways and compares everything."""
    restored(2)
    company = timed.poller.company()
    assert company.attention_id == "backup-restored"
    assert company.writes_quickbooks is False


def test_a_small_difference_is_put_back_from_mosaic(
    timed: TimePoller, restored: Restored
) -> None:
    """What the file lost is to be added again, what is older to get what we knew."""
    undone = restored(2)
    timed.poller.poll()
    assert timed.poller.company().attention_id is None
    missing = _marked(timed, "add")
    assert set(missing) == set(undone)
    for row in missing.values():
        assert row.lost == row.quickbooks
        assert row.due_at is not None
    (older,) = _marked(timed, "change").values()
    assert (older.day, older.quickbooks["minutes"]) == ("2026-02-01", 60)
    assert older.lost["minutes"] == 99
    assert older.due_at is not None
    whats = [row.what for row in timed.poller.rows(tables.record_event)]
    assert whats.count("undone by a restored backup") == 3
    assert timed.poller.state("time_entry").deletions_accepted is False


def test_a_great_difference_waits_for_a_person(
    timed: TimePoller, restored: Restored
) -> None:
    """Nothing is gone and nothing is put back until somebody said how to go on."""
    undone = restored(14)
    timed.poller.poll()
    timed.clock.pass_(minutes=20)
    timed.poller.poll()
    company = timed.poller.company()
    assert company.attention_id == "backup-restored-which-side"
    assert "14 time entries are missing" in (company.attention or "")
    assert "1 is older" in (company.attention or "")
    assert set(undone) <= timed.entries().keys()
    missing = _marked(timed, "missing")
    assert set(missing) == set(undone)
    for row in (*missing.values(), *_marked(timed, "older").values()):
        assert row.state == "refused"
        assert "restored file" in row.reason


def test_a_person_says_that_mosaic_is_right(
    timed: TimePoller, restored: Restored
) -> None:
    """Then all that is missing is added again, but nothing that came meanwhile."""
    restored(14)
    timed.poller.poll()
    meanwhile = timed.enter("2026-03-03")
    timed.poller.poll()
    _decide(timed, "mosaic")
    timed.poller.poll()
    assert timed.poller.company().attention_id is None
    assert len(_marked(timed, "add")) == 14
    assert meanwhile in timed.entries()


def test_a_person_says_that_quickbooks_is_right(
    timed: TimePoller, restored: Restored
) -> None:
    """Then what is missing is gone, and what is older counts as edited."""
    undone = restored(14)
    timed.poller.poll()
    _decide(timed, "quickbooks")
    timed.poller.poll()
    assert timed.poller.company().attention_id is None
    assert set(timed.entries(gone=True)) == set(undone) == set(_marked(timed, "left"))
    (older,) = (row for row in timed.entries().values() if row.day == "2026-02-01")
    assert older.quickbooks["minutes"] == 60
    assert older.agreed == {"quickbooks": {}, "mosaic": {}}
    assert older.due_at is not None


def test_a_word_that_nobody_waits_for_is_refused(timed: TimePoller) -> None:
    """Without a restore there is nothing to decide."""
    timed.poller.poll()
    with pytest.raises(deciding.NoRestore):
        _decide(timed, "mosaic")


def test_numbers_that_begin_again_tell_of_a_restore(
    timed: TimePoller, tmp_path: Path
) -> None:
    """A file that was replaced by an older copy shows it by its transaction numbers."""
    timed.enter("2026-02-01")
    timed.poller.poll()
    timed.hands.back_up(tmp_path / "copy.qbw")
    for number in range(5):
        timed.enter("2026-02-02", number + 1)
    timed.poller.poll()
    timed.delivered()
    timed.clock.pass_(hours=5)
    when = timed.poller.file.store.setting("last_restore")
    shutil.copy(tmp_path / "copy.qbw", tmp_path / "again.qbw")
    timed.hands.restore(tmp_path / "again.qbw")
    timed.hands.set("last_restore", when)
    new = timed.enter("2026-02-03")
    timed.poller.poll()
    assert timed.poller.company().attention_id is None or (
        timed.poller.company().attention_id == "backup-restored"
    )
    assert "backup restored" in [row.what for row in timed.poller.rows(tables.audit)]
    timed.poller.poll()
    assert timed.poller.company().attention_id is None
    assert new in timed.entries()
    assert len(_marked(timed, "add")) == 5


def test_ordinary_entries_are_no_sign_of_a_restore(timed: TimePoller) -> None:
    """New entries, edits and old days never look like a restored backup."""
    for step in range(6):
        timed.enter("2026-02-01", step + 1)
        timed.enter("2012-02-01", step + 1)
        timed.poller.poll()
        timed.clock.pass_(hours=7)
    assert timed.poller.company().attention_id is None


def _decide(timed: TimePoller, way: Way) -> None:
    poller = timed.poller
    with company_transaction(poller.engine, poller.company_id) as connection:
        deciding.decide(
            connection, poller.company_id, way, now=timed.clock(), who="operator"
        )
