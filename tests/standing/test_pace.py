"""How far a first read is, and how long it takes: noted page by page, never rising."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.standing import pace

_BEGAN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_TODAY = date(2026, 3, 2)


def _read(shares: list[float | None], every: int = 60) -> list[int | None]:
    """Return the seconds left after each page, a page every so many seconds."""
    cursor: dict[str, Any] = {"began": _BEGAN.isoformat()}
    told = []
    for number, share in enumerate(shares, 1):
        pace.note(cursor, share, _BEGAN + timedelta(seconds=every * number))
        _, left = pace.told(cursor)
        told.append(None if left is None else round(left.total_seconds()))
    return told


@pytest.mark.parametrize(
    ("shares", "left"),
    [
        ([0.25, 0.5, 0.75], [180, 120, 60]),
        # One slow page: what was told stays, until the pace has made up for it.
        ([0.25, 0.3, 0.75], [180, 180, 60]),
        # It was wrong by more than a half, so it rises once.
        ([0.5, 0.5, 0.5, 0.5], [60, 60, 180, 180]),
        # Nobody knows how much there is.
        ([None, None], [None, None]),
        # A share that falls is not believed.
        ([0.5, 0.1], [60, 60]),
        ([1.0], [1]),
    ],
)
def test_the_time_left_goes_by_the_pace_and_does_not_rise(
    shares: list[float | None], left: list[int | None]
) -> None:
    """A page a minute."""
    assert _read(shares) == left


def test_a_night_without_reading_is_no_time_of_reading() -> None:
    """The computer was off between two pages."""
    cursor: dict[str, Any] = {"began": _BEGAN.isoformat()}
    pace.note(cursor, 0.25, _BEGAN + timedelta(minutes=1))
    pace.note(cursor, 0.5, _BEGAN + timedelta(hours=14))
    share, left = pace.told(cursor)
    assert share == 0.5
    assert left == timedelta(minutes=3)


@pytest.mark.parametrize(
    ("number", "pages", "to", "share"),
    [
        # Three years of ten, newest first: the numbers know that nothing is before.
        (50_000, [[49_000, 50_000]], None, 0.01),
        (50_000, [[30_000, 30_200], [25_000, 25_000]], "2024-09-01", 0.5),
        # A vacation that was entered long before is one entry, not a milestone.
        (50_000, [[12, 45_000, 45_001]], "2026-01-30", 0.1),
        # A file that is older than the ten years that are read of it.
        (400_000, [[390_000]], "2021-03-03", 0.5),
        (None, [[]], "2021-03-03", 0.5),
        (None, [[]], None, 0.0),
    ],
)
def test_time_that_is_read_knows_how_much_there_is(
    number: int | None, pages: list[list[int]], to: str | None, share: float
) -> None:
    """By numbers of transactions, and by days where these tell more."""
    cursor = {"number": number, "from": "2016-03-02", "start": "2016-03-02", "to": to}
    for numbers in pages:
        pace.note_numbers(cursor, numbers)
    assert pace.of_time(cursor, _TODAY) == pytest.approx(share, abs=0.02)


def test_a_read_of_what_changed_has_no_share() -> None:
    """It is short, and nobody knows how much changed."""
    assert pace.of_time({"from": None}, _TODAY) is None
    assert pace.of_list({"met": 3}) is None
    assert pace.of_list({"met": 500, "total": 2_000}) == 0.25
    assert pace.told(None) == (None, None)
