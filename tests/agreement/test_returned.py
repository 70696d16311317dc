"""A backup has again what a wrong one took, or what was deleted since it was made."""

from __future__ import annotations

import pytest

from qbwc_server.kinds.restored import Mark
from tests.agreement.hours import hours_in_quickbooks, time_records, typed_in_mosaic
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_hidden import agreed
from tests.agreement.test_restores import decide, marked, say


def back_up(house: House, name: str) -> None:
    """Write a backup of the company file."""
    house.hands.back_up(house.folder / f"{name}.qbb")


def restore(house: House, name: str) -> None:
    """Put a backup in the company file's place, and have that be noticed."""
    house.clock.pass_(minutes=16)
    house.hands.restore(house.folder / f"{name}.qbb")
    for _ in range(2):
        house.settle_for(minutes=65)


def worked(house: House, many: int = 3) -> str:
    """Have equal hours on both sides, and one of eight hours; return its TxnID."""
    that_day = day(house, 2)
    for _ in range(many):
        in_quickbooks(house, "", day=that_day)
    house.settle_for(minutes=65)
    back_up(house, "without it")
    house.clock.pass_(minutes=16)
    txn_id = in_quickbooks(house, "", day=that_day, minutes=480)
    house.settle_for(minutes=65)
    back_up(house, "with it")
    return txn_id


def the_long_one(house: House) -> tuple[str, int]:
    """Return the ids of the hour that is not as the others are, on both sides."""
    (here,) = [one["txn_id"] for one in quickbooks(house) if one["minutes"] > 60]
    (there,) = [one["mosaic_id"] for one in mosaic(house) if float(one["hours"]) > 1]
    return here, there


@pytest.mark.parametrize("edited_in", ["quickbooks", "mosaic", None])
def test_what_a_wrong_backup_took_is_one_hour_when_the_right_one_is_restored(
    house: House, edited_in: str | None
) -> None:
    """It was added again, has another TxnID since, and was edited in between."""
    first = worked(house)
    restore(house, "without it")
    here, there = the_long_one(house)
    assert here != first
    if edited_in == "quickbooks":
        house.hands.edit_time(here, minutes=420)
    if edited_in == "mosaic":
        house.people.edit_time(there, hours=7.0)
    house.quiet()
    restore(house, "with it")
    house.quiet()
    assert the_long_one(house) == (first, there)
    minutes = 480 if edited_in is None else 420
    assert sorted(one[2] for one in agreed(house)) == [60, 60, 60, minutes]


@pytest.mark.parametrize("deleted_in", ["quickbooks", "mosaic"])
@pytest.mark.parametrize("wrong_one_first", [False, True])
def test_what_was_deleted_and_is_in_the_backup_is_deleted_again(
    house: House, deleted_in: str, *, wrong_one_first: bool
) -> None:
    """Also where it has the TxnID again that it had before a wrong backup.

    What Mosaic only does not show, nobody has called deleted: that is asked.
    """
    worked(house)
    if wrong_one_first:
        restore(house, "without it")
    here, there = the_long_one(house)
    if deleted_in == "quickbooks":
        house.hands.delete_time(here)
    else:
        house.people.delete_time(there)
    house.quiet()
    assert len(agreed(house)) == 3
    restore(house, "with it")
    house.quiet()
    if deleted_in == "mosaic":
        (asks,) = marked(house, Mark.AGAIN)
        assert "There again with the restored file" in asks.reason
        say(house, [asks], back=True)
    assert len(agreed(house)) == 3


def test_what_was_deleted_and_is_edited_in_the_restored_file_is_not_deleted_again(
    house: House,
) -> None:
    """Somebody works with it: that is asked."""
    txn_id = worked(house)
    house.hands.delete_time(txn_id)
    house.quiet()
    house.clock.pass_(minutes=16)
    house.hands.restore(house.folder / "with it.qbb")
    house.clock.pass_(minutes=1)
    house.hands.edit_time(txn_id, minutes=420)
    house.quiet()
    (asks,) = [one for one in time_records(house) if one.state == "refused"]
    assert asks.quickbooks_id == txn_id
    assert 420 in [one[2] for one in hours_in_quickbooks(house)]


@pytest.mark.parametrize("way", ["mosaic", "quickbooks", "each"])
def test_of_many_that_were_deleted_and_are_there_again_a_word_is_carried_out(
    house: House, way: str
) -> None:
    """Deleted again, or made in Mosaic; each of them may be said alone."""
    for _ in range(12):
        in_quickbooks(house, "", day=day(house, 2))
    house.settle_for(minutes=65)
    back_up(house, "all")
    for one in quickbooks(house)[1:]:
        house.hands.delete_time(one["txn_id"])
    house.settle_for(minutes=65)
    house.accept()
    house.settle_for(minutes=65)
    assert len(agreed(house)) == 1
    restore(house, "all")
    assert len(marked(house, Mark.AGAIN)) == 11
    if way == "each":
        first, *rest = marked(house, Mark.AGAIN)
        say(house, [first], back=False)
        say(house, rest, back=True)
        decide(house, "mosaic")
    else:
        decide(house, way)  # type: ignore[arg-type]
    house.quiet()
    assert len(agreed(house)) == {"mosaic": 1, "quickbooks": 12, "each": 2}[way]


@pytest.mark.parametrize("twice", [False, True])
def test_what_was_left_so_after_a_wrong_backup_is_there_again_with_the_right_one(
    house: House, *, twice: bool
) -> None:
    """Nobody had deleted it: the word was for the wrong file, and Mosaic gets it anew.

    Or that file was restored twice, and it was added again in between.
    """
    worked(house)
    for minutes in range(100, 112):
        in_quickbooks(house, "", day=day(house, 2), minutes=minutes)
    house.settle_for(minutes=65)
    back_up(house, "with all")
    restore(house, "without it")
    if twice:
        decide(house, "mosaic")
        house.quiet()
        restore(house, "without it")
    some = marked(house, Mark.MISSING)[:4]
    say(house, some, back=False)
    decide(house, "mosaic")
    house.quiet()
    assert len(agreed(house)) == 3 + 13 - 4
    restore(house, "with all")
    house.quiet()
    assert len(agreed(house)) == 3 + 13


def test_what_was_deleted_in_mosaic_after_a_wrong_backup_is_not_made_there_again(
    house: House,
) -> None:
    """Somebody deleted it while the wrong file was there: that is asked."""
    worked(house)
    house.clock.pass_(minutes=16)
    _, there = the_long_one(house)
    house.people.delete_time(there)
    house.hands.restore(house.folder / "without it.qbb")
    house.quiet()
    assert len(agreed(house)) == 3
    restore(house, "with it")
    house.quiet()
    (asks,) = marked(house, Mark.AGAIN)
    say(house, [asks], back=True)
    assert len(agreed(house)) == 3


def test_what_is_typed_beside_what_a_newer_backup_has_again_is_another_hour(
    house: House,
) -> None:
    """People repeat minutes and notes: only its own TxnID says which one it is."""
    worked(house)
    restore(house, "without it")
    _, there = the_long_one(house)
    house.people.edit_time(there, hours=7.0)
    house.quiet()
    typed_in_mosaic(house, ago=3)
    house.quiet()
    restore(house, "with it")
    house.quiet()
    assert sorted(one[2] for one in agreed(house)) == [60, 60, 60, 420, 480]


@pytest.mark.parametrize("back", [True, False])
def test_one_way_a_word_about_what_is_there_again_is_carried_out(
    house: House, *, back: bool
) -> None:
    """Deleted again: also in QuickBooks, to which nothing else goes. Right so: both."""
    set_values(house, two_way=False)
    txn_id = worked(house)
    house.hands.delete_time(txn_id)
    house.settle_for(minutes=65)
    assert len(hours_in_quickbooks(house)) == len(mosaic(house)) == 3
    restore(house, "with it")
    say(house, marked(house, "again"), back=back)
    house.quiet()
    many = 3 if back else 4
    assert len(hours_in_quickbooks(house)) == len(mosaic(house)) == many
    assert {one.restored for one in time_records(house)} == {None}
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}
