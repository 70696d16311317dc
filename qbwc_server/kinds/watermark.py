"""From when on changes are asked for, by the clock of the computer with QuickBooks.

QuickBooks filters by its own wall clock, which goes back in autumn, is put right, and
goes along when the computer moves. What is asked for twice costs a page; what is not
asked for is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from qbwc_server.kinds.kind import Seen
from qbwc_server.qbxml.values import (
    true_offset_minutes,
    wall_clock_minus,
    wall_datetime,
)

_OVERLAP_MINUTES = 5
_REPEATED_HOUR = 60
_A_DAY = 26 * 60
"""In minutes, and a bit more: the farthest that two places on earth are apart."""
_ZONES = 4 * 60


class Read(Protocol):
    """How far a kind was read: a row of the table `reading`."""

    @property
    def watermark(self) -> str | None:
        """The greatest wall clock of a change that was read to the end."""

    @property
    def last_read_at(self) -> datetime:
        """When that read ended, by our own clock."""


def changed_from(state: Read, now: datetime, offset_minutes: int | None) -> str | None:
    """Return from when on to ask for changes, None for everything there is.

    Never from after the last read: what is ahead of it is of a wrong clock. Once a day,
    and where that read is ahead of us, a day earlier: a clock may have been set back.
    Once an hour as far as zones of one country are apart: a computer may have moved.
    """
    if state.watermark is None:
        return None
    last, read_at = state.watermark, state.last_read_at
    if offset_minutes is not None:
        there = read_at + timedelta(minutes=offset_minutes)
        last = min(last, there.strftime("%Y-%m-%dT%H:%M:%S"))
    start = since(last)
    if read_at.date() < now.date() or read_at > now:
        return wall_clock_minus(start, _A_DAY)
    return wall_clock_minus(start, _ZONES) if read_at.hour < now.hour else start


def since(watermark: str) -> str:
    """Return from when on to ask, so that nothing after a watermark is missed."""
    return wall_clock_minus(watermark, _overlap(watermark))


def reached(state: Read | None, cursor: dict[str, Any], now: datetime) -> str | None:
    """Return the watermark after a completed read that met `cursor["watermark"]`.

    A read takes its time, and what changes meanwhile behind the current page carries
    a smaller time than what is met on a later page. So the greatest is moved back by
    as long as the read took by our own clock.
    """
    before = (state.watermark if state is not None else None) or ""
    greatest = cursor.get("watermark") or ""
    if greatest > before:
        # A clock that went back meanwhile would move the watermark into the future.
        took = abs(now - datetime.fromisoformat(cursor["began"]))
        back = timedelta(seconds=-(-took // timedelta(seconds=1)))
        greatest = max(before, (wall_datetime(greatest) - back).isoformat())
    return max(before, greatest) or None


def _overlap(watermark: str) -> int:
    """Return by how many minutes a watermark is moved back.

    Clocks go back at weekends, and then an hour of wall-clock time comes twice: what
    changed in its second run carries a smaller time than what was read in its first.
    """
    moment = wall_datetime(watermark)
    weekend = moment.isoweekday() >= 6 or (
        moment.isoweekday() == 1 and moment.hour < 12
    )
    return _OVERLAP_MINUTES + (_REPEATED_HOUR if weekend else 0)


def office_offset(seen: Sequence[Seen]) -> int | None:
    """Return how far the computer's clock is from UTC in minutes, None if unknown.

    By what was edited last, as EditSequence says, which is a Unix second: on a computer
    that moved west there are greater wall clocks from before.
    """
    known = {
        int(one.edit_sequence): offset
        for one in seen
        if (offset := true_offset_minutes(one.time_modified, one.edit_sequence))
        is not None
    }
    return known[max(known)] if known else None
