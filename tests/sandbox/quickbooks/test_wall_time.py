"""Times as QuickBooks prints and reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qbwc_server.sandbox.quickbooks.wall_time import (
    printed,
    seconds_of,
    wall,
    wall_of_filter,
)

ZONES = (
    "America/New_York",
    "America/Phoenix",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Europe/Berlin",
    "Asia/Kolkata",
)


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("America/New_York", "2014-07-15T16:00:00", "2014-07-15T12:00:00-05:00"),
        ("America/New_York", "2014-01-15T17:00:00", "2014-01-15T12:00:00-05:00"),
        ("Europe/Berlin", "2001-04-15T10:00:00", "2001-04-15T12:00:00+01:00"),
        ("America/Sao_Paulo", "2014-08-14T17:39:48", "2014-08-14T14:39:48-02:00"),
        ("Australia/Sydney", "2015-02-16T08:55:05", "2015-02-16T19:55:05+11:00"),
        ("Australia/Sydney", "2015-07-16T09:55:05", "2015-07-16T19:55:05+11:00"),
    ],
)
def test_the_wall_clock_is_right_and_the_offset_is_januarys(
    zone: str, moment: str, text: str
) -> None:
    """As in real answers: right in January, an hour off in the other half year."""
    seconds = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()

    assert printed(seconds, zone) == text


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_a_printed_time_read_as_a_filter_is_the_same_wall_clock(
    zone: str, month: int
) -> None:
    """Replaying the last time seen finds the very record, in summer too."""
    seconds = datetime(2026, month, 20, 12, tzinfo=UTC).timestamp()

    assert wall_of_filter(printed(seconds, zone), zone) == wall(seconds, zone)
    assert seconds_of(wall(seconds, zone), zone) == seconds


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-09-01", "2026-09-01T00:00:00", "2026-09-01T23:59:59"),
        ("2026-9-1T8", "2026-09-01T08:00:00", "2026-09-01T08:00:00"),
        ("2026-09-01T08:30", "2026-09-01T08:30:00", "2026-09-01T08:30:00"),
    ],
)
def test_parts_left_out_of_a_filter_are_filled(
    text: str, since: str, until: str
) -> None:
    """A date alone is the whole day; minutes and seconds left out are zero."""
    assert wall_of_filter(text, "America/New_York") == since
    assert wall_of_filter(text, "America/New_York", end=True) == until


def test_a_day_that_does_not_exist_is_no_filter() -> None:
    """Neither is text that is no date at all."""
    for text in ("2026-02-30", "soon"):
        with pytest.raises(ValueError, match=r"day|soon"):
            wall_of_filter(text, "America/New_York")
