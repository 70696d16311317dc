"""How far a first read is, and how long it takes: noted page by page, never rising."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.standing import pace

_BEGAN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_TODAY = date(2026, 3, 2)


def _read(shares: list[float | None], every: int = 60) -> list[int | None]:
    """Return the seconds left after each page of as many objects as its share is."""
    cursor: dict[str, Any] = {}
    told, before = [], 0.0
    for number, share in enumerate(shares):
        objects = max(0, round(1_000 * ((share or 0.0) - before)))
        before = share or 0.0
        pace.note(cursor, share, objects, _BEGAN + timedelta(seconds=every * number))
        left = pace.told({"time_entry": cursor}, [], _BEGAN).get("time_entry")
        seconds = None if left is None or left[1] is None else left[1].total_seconds()
        told.append(None if seconds is None else round(seconds))
    return told


@pytest.mark.parametrize(
    ("shares", "left"),
    [
        # The first page tells how far it is, and no pace yet.
        ([0.25, 0.5, 0.75], [None, 120, 60]),
        ([0.0, 0.25, 0.5, 0.75], [None, 180, 120, 60]),
        # One slow page: what was told stays, until the pace has made up for it.
        ([0.0, 0.25, 0.4, 0.65, 0.9], [None, 180, 180, 88, 24]),
        # It was wrong by more than a half, so it rises once.
        ([0.0, 0.5, 0.6, 0.8], [None, 60, 156, 62]),
        # Nobody knows how much there is.
        ([None, None], [None, None]),
    ],
)
def test_the_time_left_goes_by_the_pace_and_does_not_rise(
    shares: list[float | None], left: list[int | None]
) -> None:
    """A page a minute."""
    assert _read(shares) == left


def test_a_night_without_reading_is_no_time_of_reading() -> None:
    """The computer was off between two pages."""
    cursor: dict[str, Any] = {}
    for share, objects, at in ((0.0, 0, 0), (0.25, 250, 60), (0.5, 250, 50_000)):
        pace.note(cursor, share, objects, _BEGAN + timedelta(seconds=at))
    (told,) = pace.told({"time_entry": cursor}, [], _BEGAN).values()
    assert told[0] == 0.5
    assert told[1] is not None
    assert told[1] <= timedelta(minutes=10)


def test_a_share_that_falls_is_not_believed() -> None:
    """A slice is read anew whose iterator was lost."""
    cursor: dict[str, Any] = {}
    for number, share in enumerate((0.0, 0.5, 0.1)):
        pace.note(cursor, share, 100, _BEGAN + timedelta(minutes=number))
    assert pace.told({"time_entry": cursor}, [], _BEGAN)["time_entry"][0] == 0.5


def _pages(cursor: dict[str, Any], each: int, share: float, *, until: int) -> None:
    """Have pages come, one in ten seconds, each so much further."""
    for number in range(until // 10 + 1):
        at = _BEGAN + timedelta(seconds=10 * number)
        pace.note(cursor, share * number, each if number else 0, at)


def test_what_ends_last_goes_faster_once_the_others_are_read() -> None:
    """100 customers and 100 entries in turn; of time there is four times as much."""
    customers: dict[str, Any] = {}
    time: dict[str, Any] = {}
    _pages(customers, 100, 0.05, until=100)
    _pages(time, 100, 0.0125, until=100)
    now = _BEGAN + timedelta(seconds=100)
    told = pace.told({"customer": customers, "time_entry": time}, [], now)
    assert told["customer"] == (0.5, timedelta(seconds=100))
    # 1,000 customers and 7,000 entries, twenty a second.
    assert told["time_entry"] == (0.125, timedelta(seconds=400))
    assert pace.told({"time_entry": time}, [], now)["time_entry"][1] == timedelta(
        seconds=700
    )


def test_the_pace_of_a_read_that_is_over_goes_to_the_others() -> None:
    """At once, and no longer than until their own pace has it."""
    customers: dict[str, Any] = {}
    time: dict[str, Any] = {}
    _pages(customers, 100, 0.05, until=100)
    _pages(time, 100, 0.0125, until=100)
    now = _BEGAN + timedelta(seconds=100)

    def left(after: int) -> float:
        told = pace.told(
            {"time_entry": time}, [customers], now + timedelta(seconds=after)
        )
        found = told["time_entry"][1]
        assert found is not None
        return found.total_seconds()

    assert left(0) == 350
    assert left(0) < left(20) < left(60) <= 700
    assert left(600) == 700


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
    days = {"from": "2016-03-02", "start": "2016-03-02", "to": to}
    cursor: dict[str, Any] = {"number": number, **days}
    for numbers in pages:
        pace.note_numbers(cursor, numbers)
    assert pace.of_time(cursor, _TODAY) == pytest.approx(share, abs=0.02)


def test_the_oldest_page_of_a_slice_may_come_first() -> None:
    """Within a slice the share goes by how many of it are there."""
    cursor: dict[str, Any] = {"number": 1_000, "start": "2016-03-02", "to": None}
    cursor |= {"from": "2026-02-01", "met": 50, "remaining": 50}
    pace.note_numbers(cursor, [900, 905, 910])
    assert pace.of_time(cursor, _TODAY) == pytest.approx(0.0475)
    cursor |= {"met": 100, "remaining": None}
    pace.note_numbers(cursor, [990, 999, 1_000])
    assert pace.of_time(cursor, _TODAY) == pytest.approx(0.095)
    cursor |= {"from": "2026-01-01", "to": "2026-01-31", "met": 20, "remaining": 80}
    pace.note_numbers(cursor, [805])
    assert pace.of_time(cursor, _TODAY) == pytest.approx(0.115)


def test_a_read_of_what_changed_has_no_share() -> None:
    """It is short, and nobody knows how much changed."""
    assert pace.of_time({"from": None}, _TODAY) is None
    assert pace.of_list({"met": 3}) is None
    assert pace.of_list({"met": 500, "total": 2_000}) == 0.25
    assert pace.told({"customer": None}, [None], _BEGAN) == {}
