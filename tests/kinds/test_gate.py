"""When a write of time may leave: what is known of the other side, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.kinds.gate import (
    AGED,
    FRESH,
    Reading,
    Verdict,
    both_stand,
    into_quickbooks,
    is_fresh,
    mosaic_was_read,
    quickbooks_was_read,
)
from qbwc_server.kinds.two_way import Missing

NOW = datetime(2026, 3, 3, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PLANNED: dict[str, Any] = {
    "date": "2026-03-03",
    "minutes": 60,
    "person": "P-1",
    "job": "J-1",
    "item": "I-1",
    "notes": "",
    "billable": "Billable",
    "class": "C-1",
}
NAMES = ("date", "minutes", "person", "job", "item", "notes", "billable")
MOSAIC: dict[str, Any] = {
    "date": "2026-03-03",
    "minutes": 60,
    "person": 1,
    "job": [10, 11],
    "item": 3,
    "notes": "",
    "billable": True,
}


@pytest.mark.parametrize(
    ("begun", "session", "was_read"),
    [
        (None, timedelta(minutes=1), False),
        (timedelta(seconds=30), timedelta(minutes=1), True),
        (timedelta(minutes=1), timedelta(minutes=1), True),
        (timedelta(minutes=1) + SECOND, timedelta(minutes=1), False),
        (FRESH, timedelta(hours=1), True),
        (FRESH + SECOND, timedelta(hours=1), False),
        (-SECOND, timedelta(minutes=1), False),
    ],
)
def test_quickbooks_was_read_in_this_session_and_lately(
    begun: timedelta | None, session: timedelta, *, was_read: bool
) -> None:
    """How long ago a complete read of time began, and the session."""
    begun_at = None if begun is None else NOW - begun
    assert quickbooks_was_read(begun_at, NOW - session, NOW) is was_read


def test_what_is_linked_as_when_it_was_planned_may_leave() -> None:
    """Class and payroll item are no part of Mosaic's entry."""
    assert into_quickbooks(PLANNED, NAMES, PLANNED) is Verdict.GO


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("now", ["another", Missing("not linked any more")])
def test_what_is_linked_otherwise_by_now_is_planned_anew(name: str, now: Any) -> None:
    """Each field that a link or an edit may have changed, alone."""
    assert into_quickbooks(PLANNED, NAMES, {**PLANNED, name: now}) is Verdict.PLAN


def test_a_change_is_asked_only_for_what_it_writes_of_mosaic() -> None:
    """Person and duration go along in every change, as QuickBooks has them."""
    back = {**PLANNED, "person": "P-2"}
    assert into_quickbooks(PLANNED, ["notes"], back) is Verdict.GO


@pytest.mark.parametrize(
    ("there", "verdict"),
    [
        ([], Verdict.GO),
        ([MOSAIC], Verdict.PLAN),
        ([{**MOSAIC, "billable": False}], Verdict.PLAN),
        ([{**MOSAIC, "minutes": 61}, MOSAIC], Verdict.PLAN),
        ([{**MOSAIC, "minutes": 61}], Verdict.GO),
        ([{**MOSAIC, "notes": "other"}], Verdict.GO),
        ([{**MOSAIC, "person": Missing("not linked")}], Verdict.GO),
    ],
)
def test_an_hour_that_is_there_already_is_not_added(
    there: list[dict[str, Any]], verdict: Verdict
) -> None:
    """Somebody typed it on the other side since it was planned."""
    assert into_quickbooks(PLANNED, NAMES, PLANNED, there, MOSAIC) is verdict


def test_a_write_that_was_kept_long_ago_does_not_leave() -> None:
    """Its worker slept, and another may have sent it."""
    settle = timedelta(minutes=2)
    assert is_fresh(NOW, NOW, settle)
    assert is_fresh(NOW - settle + SECOND, NOW, settle)
    assert not is_fresh(NOW - settle, NOW, settle)
    assert not is_fresh(NOW + SECOND, NOW, settle)


def test_what_mosaic_has_just_not_shown_is_not_added() -> None:
    """It may be deleted; a change goes by its own look."""
    assert into_quickbooks(PLANNED, NAMES, PLANNED, (), MOSAIC) is Verdict.GO
    missed = into_quickbooks(PLANNED, NAMES, PLANNED, (), MOSAIC, misses=1)
    assert missed is Verdict.PLAN
    assert into_quickbooks(PLANNED, NAMES, PLANNED, misses=1) is Verdict.GO


HOT = timedelta(days=14)
TODAY, HOT_DAY, OLD_DAY = "2026-03-03", "2026-02-17", "2026-02-16"


@pytest.mark.parametrize(
    ("day", "ago", "was_read"),
    [
        (TODAY, FRESH, True),
        (TODAY, FRESH + SECOND, False),
        ("2026-12-31", FRESH, True),
        ("2026-12-31", FRESH + SECOND, False),
        (HOT_DAY, FRESH, True),
        (HOT_DAY, FRESH + SECOND, False),
        (OLD_DAY, FRESH + SECOND, True),
        (OLD_DAY, AGED, True),
        (OLD_DAY, AGED + SECOND, False),
        ("2020-01-01", AGED, True),
        ("2020-01-01", AGED + SECOND, False),
        (TODAY, -SECOND, False),
        (OLD_DAY, -SECOND, False),
    ],
)
def test_how_old_a_reading_of_mosaic_may_be(
    day: str, ago: timedelta, *, was_read: bool
) -> None:
    """Five minutes for the last days and what lies ahead, an hour for older ones."""
    reading = Reading("2000-01-01", "9999-12-31", NOW - ago)
    assert mosaic_was_read(day, 1, [reading], NOW, HOT) is was_read


@pytest.mark.parametrize(
    ("day", "member", "members", "was_read"),
    [
        ("2026-03-01", 1, None, True),
        ("2026-03-03", 1, None, True),
        ("2026-02-28", 1, None, False),
        ("2026-03-04", 1, None, False),
        ("2026-03-02", 1, {1, 2}, True),
        ("2026-03-02", 3, {1, 2}, False),
    ],
)
def test_a_reading_tells_of_its_days_and_people_alone(
    day: str, member: int, members: set[int] | None, *, was_read: bool
) -> None:
    """A range of three days; None: everybody."""
    people = None if members is None else frozenset(members)
    reading = Reading("2026-03-01", "2026-03-03", NOW, people)
    assert mosaic_was_read(day, member, [reading], NOW, HOT) is was_read


def test_one_of_several_readings_is_enough_and_none_is_not() -> None:
    """The latest that covers it counts."""
    old = Reading("2000-01-01", "9999-12-31", NOW - AGED)
    new = Reading(TODAY, TODAY, NOW, frozenset({1}))
    assert mosaic_was_read(TODAY, 1, [old, new], NOW, HOT)
    assert not mosaic_was_read(TODAY, 2, [old, new], NOW, HOT)
    assert not mosaic_was_read(TODAY, 1, [], NOW, HOT)


@pytest.mark.parametrize(
    ("here", "there", "here_read", "there_read", "stand"),
    [
        (0, 10, 12, 3, True),
        (0, 10, 10, None, True),
        (0, 10, 9, 12, False),
        (10, 0, 3, 12, True),
        (10, 0, 12, 9, False),
        (10, 0, 12, None, False),
        (10, 10, None, 10, True),
        (10, 10, 20, 9, False),
    ],
)
def test_two_entries_stand_if_the_older_was_read_since_the_newer_was_known(
    here: int, there: int, here_read: int | None, there_read: int | None, *, stand: bool
) -> None:
    """Till then somebody may have taken the older one back."""

    def at(minutes: int | None) -> datetime | None:
        return None if minutes is None else NOW + timedelta(minutes=minutes)

    assert (
        both_stand(
            NOW + timedelta(minutes=here),
            NOW + timedelta(minutes=there),
            here_read=at(here_read),
            there_read=at(there_read),
        )
        is stand
    )
