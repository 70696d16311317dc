"""What a restored backup did to an entry: every combination, in a table."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from qbwc_server.kinds import restored
from qbwc_server.kinds.restored import ASKED, Mark, Way
from qbwc_server.kinds.time_plan import plan
from qbwc_server.kinds.two_way import Company, Do, Entry, Missing

LOST = {
    "date": "2026-03-02",
    "minutes": 90,
    "person": "P",
    "job": "J",
    "item": "I",
    "notes": "",
    "billable": "HasBeenBilled",
    "class": "C",
    "payroll_item": None,
}
MOSAIC = {**LOST, "person": 1, "job": [1, None], "item": 1, "billable": True}
ENTRY = Entry(quickbooks=LOST, lost=LOST, name="2026-03-02 Ann Lee 1:30 North")


@pytest.mark.parametrize(
    ("mark", "in_mosaic", "two_way", "way", "by_itself", "becomes"),
    [
        # A small difference: what Mosaic has, too, goes back; the rest is asked.
        (Mark.MISSING, True, True, "mosaic", True, Mark.ADD),
        (Mark.OLDER, True, True, "mosaic", True, Mark.CHANGE),
        (Mark.MISSING, False, True, "mosaic", True, Mark.MISSING),
        (Mark.OLDER, False, True, "mosaic", True, Mark.OLDER),
        # Where time goes one way nothing goes back without a word.
        (Mark.MISSING, True, False, "mosaic", True, Mark.MISSING),
        (Mark.OLDER, True, False, "mosaic", True, Mark.OLDER),
        (Mark.MISSING, True, False, "mosaic", False, Mark.ADD),
        (Mark.OLDER, True, False, "mosaic", False, Mark.CHANGE),
        # A person's word for Mosaic is not one about what Mosaic never had.
        (Mark.MISSING, True, True, "mosaic", False, Mark.ADD),
        (Mark.MISSING, False, True, "mosaic", False, Mark.MISSING),
        # The restored file is right in everything.
        (Mark.MISSING, True, True, "quickbooks", False, Mark.LEFT),
        (Mark.MISSING, False, True, "quickbooks", False, Mark.LEFT),
        (Mark.OLDER, True, True, "quickbooks", False, None),
        (Mark.AGAIN, False, True, "quickbooks", False, None),
        (Mark.AGAIN, False, True, "mosaic", True, None),
        (Mark.AGAIN, False, False, "mosaic", True, Mark.AGAIN),
        (Mark.AGAIN, False, False, "mosaic", False, Mark.REMOVE),
    ],
)
def test_what_becomes_of_an_entry_when_everything_was_compared(
    mark: Mark,
    way: Way,
    becomes: Mark | None,
    *,
    in_mosaic: bool,
    two_way: bool,
    by_itself: bool,
) -> None:
    """By what befell it, where it is, and who said what."""
    assert (
        restored.after_compare(
            mark,
            way,
            by_itself=by_itself,
            in_mosaic=in_mosaic,
            deleted_in_mosaic=False,
            two_way=two_way,
        )
        == becomes
    )


@pytest.mark.parametrize(("by_itself", "becomes"), [(True, Mark.AGAIN), (False, None)])
def test_what_nobody_deleted_is_not_deleted_again_without_a_word(
    by_itself: bool, becomes: Mark | None
) -> None:
    """Mosaic had not shown it, and it was deleted in QuickBooks for that alone."""
    found = restored.after_compare(
        Mark.AGAIN,
        "mosaic",
        by_itself=by_itself,
        in_mosaic=False,
        deleted_in_mosaic=True,
        two_way=True,
        by_a_person=False,
    )
    assert found == becomes


@pytest.mark.parametrize(
    ("mark", "in_mosaic", "two_way"),
    list(itertools.product(sorted(ASKED), [True, False], [True, False])),
)
def test_nothing_is_decided_before_a_great_difference_is(
    mark: Mark, *, in_mosaic: bool, two_way: bool
) -> None:
    """All of it is asked."""
    assert (
        restored.after_compare(
            Mark(mark),
            None,
            by_itself=True,
            in_mosaic=in_mosaic,
            deleted_in_mosaic=False,
            two_way=two_way,
        )
        == mark
    )


def test_what_was_deleted_in_mosaic_is_not_asked() -> None:
    """Neither side has it, and a person wanted that on one."""
    assert (
        restored.after_compare(
            Mark.MISSING,
            None,
            by_itself=True,
            in_mosaic=False,
            deleted_in_mosaic=True,
            two_way=True,
        )
        is Mark.LEFT
    )


@pytest.mark.parametrize(
    ("mark", "two_way", "in_mosaic"),
    list(itertools.product(sorted(ASKED), [True, False], [True, False])),
)
def test_what_is_asked_names_the_entry_and_does_nothing(
    mark: Mark, *, two_way: bool, in_mosaic: bool
) -> None:
    """Not even where the plan of any other entry would write."""
    entry = replace(ENTRY, restored=mark, mosaic=MOSAIC if in_mosaic else None)
    action = plan(entry, Company(two_way=two_way))
    assert (action.do, action.state) == (Do.NOTHING, "refused")
    assert action.reason is not None
    assert "Ann Lee 1:30" in action.reason
    assert "Say whether" in action.reason
    assert "eleted in QuickBooks" not in action.reason


@pytest.mark.parametrize("two_way", [True, False])
def test_what_goes_back_is_what_quickbooks_had(*, two_way: bool) -> None:
    """Person, job and item are QuickBooks' own; the invoice is not there any more."""
    entry = replace(ENTRY, restored=Mark.ADD)
    action = plan(entry, Company(two_way=two_way))
    assert action.do is Do.ADD
    assert action.fields["minutes"] == 90
    assert action.fields["person"] == "P"
    assert action.fields["billable"] == "Billable"
    assert action.basis == {}


def test_newer_values_go_back_field_by_field() -> None:
    """Only what differs is written, with what every change must have."""
    now = {**LOST, "minutes": 60}
    entry = replace(ENTRY, quickbooks=now, restored=Mark.CHANGE)
    action = plan(entry, Company())
    assert action.do is Do.MOD
    assert action.fields == {"person": "P", "minutes": 90}
    assert restored.step(replace(entry, quickbooks=LOST), Company()) is None


@pytest.mark.parametrize(
    ("back", "do", "job"),
    [
        ({"job": "J-2"}, Do.ADD, "J-2"),
        ({"job": Missing("not linked")}, Do.NOTHING, None),
        ({}, Do.NOTHING, None),
    ],
)
def test_what_is_put_back_goes_to_a_job_that_was_made_anew_or_waits(
    back: dict[str, Any], do: Do, job: str | None
) -> None:
    """The backup took the job, too: with its old ListID QuickBooks knows none."""
    gone = {"job": Missing("Acme is not in QuickBooks any more.", state="refused")}
    entry = replace(ENTRY, restored=Mark.ADD, unlisted=gone, back=back)
    action = plan(entry, Company())
    assert (action.do, action.fields.get("job")) == (do, job)
    if do is Do.NOTHING:
        assert action.state == "refused"
        assert "Acme is not in QuickBooks any more." in (action.reason or "")


@pytest.mark.parametrize("mark", [Mark.ADD, Mark.CHANGE])
def test_closed_books_hold_what_goes_back(mark: Mark) -> None:
    """It waits as every other change does."""
    now = {**LOST, "minutes": 60}
    entry = replace(
        ENTRY, quickbooks=now, restored=mark, locked="The books are closed."
    )
    action = plan(entry, Company())
    assert (action.do, action.state) == (Do.NOTHING, "locked")


@pytest.mark.parametrize("two_way", [True, False])
def test_what_was_left_was_deleted_by_nobody(*, two_way: bool) -> None:
    """It leaves Mosaic, too, and says why."""
    entry = replace(
        ENTRY,
        quickbooks=None,
        quickbooks_gone=True,
        mosaic=MOSAIC,
        agreed={"quickbooks": LOST, "mosaic": MOSAIC},
        restored=Mark.LEFT,
    )
    for one in (entry, replace(entry, mosaic=None, mosaic_gone=True)):
        action = plan(one, Company(two_way=two_way))
        assert "restored backup took it" in (action.reason or "")
    assert plan(entry, Company(two_way=two_way)).do is Do.DELETE


def test_what_was_taken_is_told_in_hours_by_person() -> None:
    """Those with most hours first; many others are counted."""
    taken = [(Mark.MISSING, f"Person {n}", 60 * n) for n in range(1, 8)]
    taken.append((Mark.OLDER, "Person 7", 30))
    said = restored.told(taken)
    assert "7 time entries are missing in it (28:00 hours)" in said
    assert "1 is older than we knew it (0:30 hours)" in said
    assert "Person 7 7:30, Person 6 6:00" in said
    assert said.endswith("and 2 others 3:00.")


@pytest.mark.parametrize(
    ("mark", "as_known", "left"),
    [
        (None, True, None),
        (Mark.MISSING, True, None),
        (Mark.ADD, True, None),
        (Mark.LEFT, True, None),
        (Mark.OLDER, True, None),
        (Mark.OLDER, False, Mark.OLDER),
        (Mark.CHANGE, False, Mark.CHANGE),
        (Mark.AGAIN, True, Mark.AGAIN),
        (Mark.COPY, False, Mark.COPY),
        (Mark.MEANT, False, Mark.MEANT),
    ],
)
def test_what_quickbooks_shows_again_was_not_taken(
    mark: Mark | None, left: Mark | None, *, as_known: bool
) -> None:
    """What is there as it was known is over; what was deleted before is still asked."""
    now = LOST if as_known else {**LOST, "minutes": 60}
    assert restored.when_shown(mark, LOST, now) == left
