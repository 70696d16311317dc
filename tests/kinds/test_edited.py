"""Whose change of a field is the later one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.kinds import edited

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
OLD = {"date": "2026-03-02", "minutes": 60, "notes": "meeting", "billable": False}
NEW = {**OLD, "minutes": 180}


def at(minutes: int) -> datetime:
    """Return a moment some minutes after ten o'clock."""
    return TEN + timedelta(minutes=minutes)


def known(here: tuple[int, int], there: tuple[int, int]) -> Any:
    """Return that both sides changed the minutes, each between two moments."""
    return {
        side: {"minutes": [at(after).isoformat(), at(by).isoformat()]}
        for side, (after, by) in {"quickbooks": here, "mosaic": there}.items()
    }


@pytest.mark.parametrize(
    ("here", "there", "later"),
    [
        ((0, 5), (10, 15), "mosaic"),
        ((10, 15), (0, 5), "quickbooks"),
        ((10, 10), (0, 5), "quickbooks"),
        ((5, 5), (0, 10), None),
        ((0, 10), (5, 15), None),
        ((5, 15), (0, 10), None),
        ((0, 10), (0, 10), None),
        ((0, 5), (6, 8), None),  # two clocks differ by a minute
        ((6, 6), (0, 5), None),
    ],
)
def test_the_later_change_is_told_only_where_the_moments_do_not_overlap(
    here: tuple[int, int], there: tuple[int, int], later: str | None
) -> None:
    """Also where one side is known to the second."""
    told = {} if later is None else {"minutes": later}
    assert edited.later(known(here, there)) == told


def test_a_change_of_an_unknown_beginning_is_never_the_later() -> None:
    """It may have been made at any time before."""
    never = datetime.min.replace(tzinfo=UTC).isoformat()
    moments = known((0, 0), (5, 10))
    moments["mosaic"]["minutes"][0] = never
    assert edited.later(moments) == {}


def test_what_nobody_has_seen_change_is_not_known() -> None:
    """Neither side's alone is enough."""
    one_side = {"mosaic": known((0, 5), (0, 5))["mosaic"]}
    assert edited.later(None) == edited.later(one_side) == {}


def noted(side: edited.SideName, new: dict[str, Any], **more: Any) -> Any:
    """Return what is noted of the minutes when a side shows an entry anew at 10:20."""
    given = {"after": at(0), "by": at(10), "now": at(20)} | more
    found = edited.noted({}, side, OLD, new, **given)
    return found.get(side, {}).get("minutes")


@pytest.mark.parametrize(
    ("more", "between"),
    [
        ({}, (0, 10)),
        ({"exact": True}, (10, 10)),
        ({"after": at(-300)}, (-300, 10)),
        ({"after": None, "exact": True}, (10, 10)),
        ({"by": None}, (0, 20)),
        ({"by": None, "exact": True}, (0, 20)),
        ({"by": at(90), "exact": True}, (0, 20)),  # a computer's clock is ahead
    ],
)
def test_a_change_is_between_the_last_look_before_and_the_stamp_after(
    more: dict[str, Any], between: tuple[int, int]
) -> None:
    """A stamp that cannot be true says nothing."""
    assert noted("mosaic", NEW, **more) == [at(one).isoformat() for one in between]


def test_a_stamp_from_before_the_last_look_says_that_a_clock_is_behind() -> None:
    """So that look may not have shown what had changed: nobody knows since when."""
    never = datetime.min.replace(tzinfo=UTC).isoformat()
    assert noted("quickbooks", NEW, by=at(-60), exact=True) == [
        never,
        at(20).isoformat(),
    ]


def test_of_two_fields_that_changed_nobody_knows_which_one_the_stamp_tells_of() -> None:
    """They may have been changed one after the other."""
    both = {**NEW, "billable": True}
    assert noted("quickbooks", both, exact=True) == [
        at(0).isoformat(),
        at(10).isoformat(),
    ]


def test_a_stamp_that_moves_alone_changes_nothing() -> None:
    """Somebody approved it: the hours were entered when they were."""
    first = edited.noted(
        {}, "mosaic", OLD, NEW, after=at(0), by=at(5), now=at(6), exact=False
    )
    again = edited.noted(
        first, "mosaic", NEW, dict(NEW), after=at(6), by=at(30), now=at(31)
    )
    assert again == first


def test_what_was_not_known_before_was_not_changed() -> None:
    """An entry is first seen as it is."""
    assert (
        edited.noted(None, "mosaic", None, NEW, after=None, by=at(5), now=at(6)) == {}
    )


@pytest.mark.parametrize(
    ("modified", "sequence", "moment"),
    [
        ("2026-03-02T05:00:00-05:00", "1772445600", TEN),
        ("2026-03-02T05:00:00-05:00", "7", TEN),
        ("2026-03-02T04:30:00-05:00", "7", TEN - timedelta(minutes=30)),
        ("", "", None),
        (None, None, None),
    ],
)
def test_quickbooks_stamp_is_its_edit_sequence_or_its_clock(
    modified: str | None, sequence: str | None, moment: datetime | None
) -> None:
    """By the offset learnt from others."""
    assert edited.in_quickbooks(modified, sequence, -300) == moment


def test_mosaics_stamp_is_in_utc() -> None:
    """And may be missing."""
    assert edited.in_mosaic({"updated_at": "2026-03-02T10:00:00"}) == TEN
    assert edited.in_mosaic({"updated_at": "2026-03-02T12:00:00+02:00"}) == TEN
    assert edited.in_mosaic({"updated_at": "yesterday"}) is None
    assert edited.in_mosaic(None) is None
