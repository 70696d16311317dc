"""Whether a write of a time entry may leave now: the only module that says so. Pure.

It is asked where the bytes leave and not only where a write is planned: between the two
somebody may type the same hour on the other side, link a person otherwise, or stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from qbwc_server.kinds.identity import likeness

FRESH = timedelta(minutes=5)
"""How old a read of a side may be when something is made there."""
AGED = timedelta(hours=1)
"""How old it may be for days on which people hardly enter time any more."""


class Verdict(StrEnum):
    """What is done with a write that is ready."""

    GO = "go"
    PLAN = "plan"


def quickbooks_was_read(
    begun_at: datetime | None, session_began: datetime, now: datetime
) -> bool:
    """Tell whether QuickBooks' time was read to its end lately, and in this session.

    A read that began in an earlier session, or in the future, tells nothing: the file
    may be another copy, and a clock may have been wrong.
    """
    return begun_at is not None and max(session_began, now - FRESH) <= begun_at <= now


def into_quickbooks(
    planned: Mapping[str, Any],
    names: Iterable[str],
    back: Mapping[str, Any],
    facing: Iterable[Mapping[str, Any]] = (),
    mosaic: Mapping[str, Any] | None = None,
    *,
    misses: int = 0,
) -> Verdict:
    """Return whether a write of Mosaic's entry to QuickBooks may leave.

    Args:
        planned: the fields that it writes, in QuickBooks' terms.
        names: those of them that come from Mosaic.
        back: Mosaic's entry in QuickBooks' terms, as things are linked now.
        facing: for an Add, entries of QuickBooks that no record of Mosaic has, in
            Mosaic's terms: the same hour may have been typed there.
        mosaic: for an Add, Mosaic's entry.
        misses: how many readings of Mosaic in a row did not show it: one that was just
            missed is made nowhere before the next one.
    """
    if any(planned.get(name) != back.get(name) for name in names):
        return Verdict.PLAN
    if mosaic is not None and misses:
        return Verdict.PLAN
    if mosaic is not None and any(likeness(one, mosaic) for one in facing):
        return Verdict.PLAN
    return Verdict.GO


def back_into_quickbooks(
    lost: Mapping[str, Any], there: Iterable[Mapping[str, Any]]
) -> Verdict:
    """Return whether an entry that a restored backup took may be added again.

    `there` is what QuickBooks alone has: somebody may have typed it again. All are in
    QuickBooks' terms.
    """
    return Verdict.PLAN if any(likeness(lost, one) for one in there) else Verdict.GO


def both_stand(
    here_since: datetime,
    there_since: datetime,
    *,
    here_read: datetime | None,
    there_read: datetime | None,
) -> bool:
    """Tell whether both of two entries are there at one moment, as far as was read.

    What is known longer may be deleted by now: only a reading of its side that began
    after the other one was known tells. `here_since` and `there_since` are since when
    each is known, `here_read` and `there_read` when the last complete reading of its
    side was begun that shows it.
    """
    newer = max(here_since, there_since)
    read = here_read if here_since < there_since else there_read
    return read is not None and read >= newer


def is_fresh(kept_at: datetime, now: datetime, settle: timedelta) -> bool:
    """Tell whether a kept write to Mosaic may still leave.

    After `settle` it is looked for. A worker that slept since may not be the only one:
    what it sends then, another one does not see and sends, too.
    """
    return timedelta() <= now - kept_at < settle


@dataclass(frozen=True, slots=True)
class Reading:
    """Days of Mosaic's time that were read to the end, and when that was begun.

    `members` are the people that were asked for; None: everybody.
    """

    first: str
    last: str
    begun_at: datetime
    members: frozenset[int] | None = None

    @classmethod
    def kept(cls, one: Mapping[str, Any]) -> Reading:
        """Return a reading as the table `reading` keeps it."""
        members = one["members"]
        return cls(
            one["first"],
            one["last"],
            datetime.fromisoformat(one["begun_at"]),
            None if members is None else frozenset(members),
        )

    def covers(self, day: str, member: int) -> bool:
        """Tell whether it would have shown a person's entries of a day (YYYY-MM-DD)."""
        of_these = self.members is None or member in self.members
        return of_these and self.first <= day <= self.last


def mosaic_was_read(
    day: str,
    member: int,
    readings: Iterable[Reading],
    now: datetime,
    hot_days: timedelta,
) -> bool:
    """Tell whether Mosaic's time of a person and day was read lately.

    Lately is five minutes for the last `hot_days` and whatever lies ahead, where people
    enter their time, and an hour for what is older. A reading of the future tells
    nothing: a clock was wrong.
    """
    is_hot = date.fromisoformat(day) >= now.date() - hot_days
    oldest = now - (FRESH if is_hot else AGED)
    return any(
        one.covers(day, member) and oldest <= one.begun_at <= now for one in readings
    )
