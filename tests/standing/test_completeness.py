"""Whether hours are complete: only where both sides were read after the period."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from qbwc_server.kinds.gate import Reading
from qbwc_server.standing.completeness import (
    Blame,
    Group,
    Missing,
    Reads,
    ends_at,
    missing,
    mosaic_as_of,
)
from qbwc_server.standing.differences import DECIDED
from qbwc_server.words import hours as hour_words

_FIRST, _LAST = date(2026, 3, 2), date(2026, 3, 8)
_OVER = datetime(2026, 3, 9, 5, tzinfo=UTC)
_NOW = datetime(2026, 3, 9, 15, tzinfo=UTC)
_READ = Reads(
    quickbooks_at=_NOW - timedelta(minutes=20),
    quickbooks_from="2016-03-09",
    mosaic_at=_NOW - timedelta(minutes=5),
    mosaic_from="2016-03-09",
)
_LATE = Blame("customer", "Please start the computer.")


def _group(reason: str) -> Group:
    told = hour_words.hours(reason)
    acts = hour_words.who(reason)
    return Group(reason, told.happened, acts, told.do, 2, 90, 30)


def _missing(
    reads: Reads = _READ,
    *groups: Group,
    blame: Blame | None = None,
    now: datetime = _NOW,
) -> list[Missing]:
    return missing(
        _LAST, _OVER, reads, groups, first=_FIRST, blame=blame or Blame(), now=now
    )


def test_it_is_complete_when_both_were_read_after_it() -> None:
    """And nothing differs, or only what was said to."""
    assert _missing() == []
    assert _missing(_READ, *map(_group, sorted(DECIDED))) == []
    assert _missing(blame=_LATE) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"quickbooks_at": None}, "Time of QuickBooks was not read lately"),
        (
            {"quickbooks_at": _OVER - timedelta(seconds=1)},
            "Time of QuickBooks was read last",
        ),
        ({"quickbooks_from": None}, "No time of QuickBooks was read"),
        ({"quickbooks_from": "2026-03-03"}, "is read from 2026-03-03 on only"),
        ({"mosaic_at": None}, "Time of Mosaic was not read lately"),
        ({"mosaic_at": _OVER - timedelta(seconds=1)}, "Time of Mosaic was read last"),
        ({"mosaic_from": None}, "No time of Mosaic was read"),
        ({"mosaic_from": "2026-03-08"}, "Time of Mosaic is read from 2026-03-08"),
    ],
)
def test_what_was_not_read_is_told_with_who_acts(
    values: dict[str, object], told: str
) -> None:
    """Nobody where it goes on by itself; else who makes the connection go on."""
    (one,) = _missing(replace(_READ, **values))  # type: ignore[arg-type]
    assert told in one.what
    assert one.who_must_act == "nobody"
    (one,) = _missing(replace(_READ, **values), blame=_LATE)  # type: ignore[arg-type]
    assert (one.who_must_act, one.next_step) == (_LATE.who, _LATE.do)


def test_trouble_with_reading_is_somebody_s() -> None:
    """Time tracking is off, time cannot be read, an answer could not be used."""
    seen = [
        _missing(replace(_READ, tracks_time=False)),
        _missing(replace(_READ, problem="No permission.")),
        _missing(replace(_READ, unused=1)),
        _missing(replace(_READ, unused=2)),
    ]
    assert [one.who_must_act for (one,) in seen] == ["customer", *["support"] * 3]
    assert [one.what[:9] for (one,) in seen[2:]] == ["1 answer ", "2 answers"]


@pytest.mark.parametrize("reason", sorted(set(hour_words.REASONS) - DECIDED))
def test_what_differs_for_any_other_reason_is_missing(reason: str) -> None:
    """With how many entries and hours, and whoever acts."""
    (one,) = _missing(_READ, _group(reason))
    assert one.what.startswith("2 entries, 1:30 hours in QuickBooks, 0:30 in Mosaic: ")
    assert one.who_must_act == hour_words.who(reason)


def test_a_period_that_is_not_over_is_not_complete() -> None:
    """Whatever was read: that is said once, and not of each side."""
    before = _OVER - timedelta(hours=1)
    read = replace(_READ, quickbooks_at=before, mosaic_at=before)
    (one,) = _missing(read, now=before)
    assert one.what.startswith("The period is not over")


def test_a_day_ends_where_the_company_file_is() -> None:
    """Nobody knows where: then at the end of the world."""
    assert ends_at(_LAST, -300) == _OVER
    assert ends_at(_LAST, 60) == datetime(2026, 3, 8, 23, tzinfo=UTC)
    assert ends_at(_LAST, None) == datetime(2026, 3, 9, 12, tzinfo=UTC)


def _reading(first: str, hours_ago: int, members: frozenset[int] | None) -> Reading:
    return Reading(first, "9999-12-31", _NOW - timedelta(hours=hours_ago), members)


@pytest.mark.parametrize(
    ("readings", "hours_ago"),
    [
        ([], None),
        ([_reading("2026-03-01", 1, None)], 1),
        ([_reading("2026-03-01", 1, frozenset({7}))], None),
        ([_reading("2026-03-01", -1, None)], None),
        ([_reading("2026-03-01", 3, None), _reading("2026-03-05", 1, None)], 3),
        # The first two days were in its window two days before, the last time.
        ([_reading("2026-03-04", 1, None)], 49),
    ],
)
def test_mosaic_is_known_as_of_the_day_that_was_read_longest_ago(
    readings: list[Reading], hours_ago: int | None
) -> None:
    """Readings of some people only, or of the future, tell nothing."""
    found = mosaic_as_of(_FIRST, _LAST, readings, "2026-01-01", _NOW)
    wanted = None if hours_ago is None else _NOW - timedelta(hours=hours_ago)
    assert found == wanted


def test_days_that_were_never_read_are_not_known() -> None:
    """Before the first read came that far."""
    readings = [_reading("2026-03-04", 1, None)]
    for reached in (None, "2026-03-03"):
        assert mosaic_as_of(_FIRST, _LAST, readings, reached, _NOW) is None
