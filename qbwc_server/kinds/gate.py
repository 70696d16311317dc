"""Whether a write of a time entry may leave now: the only module that says so. Pure.

It is asked where the bytes leave and not only where a write is planned: between the two
somebody may type the same hour on the other side, link a person otherwise, or stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from qbwc_server.kinds.identity import likeness

FRESH = timedelta(minutes=5)
"""How old a read of a side may be when something is made there."""


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
) -> Verdict:
    """Return whether a write of Mosaic's entry to QuickBooks may leave.

    Args:
        planned: the fields that it writes, in QuickBooks' terms.
        names: those of them that come from Mosaic.
        back: Mosaic's entry in QuickBooks' terms, as things are linked now.
        facing: for an Add, entries of QuickBooks that no record of Mosaic has, in
            Mosaic's terms: the same hour may have been typed there.
        mosaic: for an Add, Mosaic's entry.
    """
    if any(planned.get(name) != back.get(name) for name in names):
        return Verdict.PLAN
    if mosaic is not None and any(likeness(one, mosaic) for one in facing):
        return Verdict.PLAN
    return Verdict.GO


def is_fresh(kept_at: datetime, now: datetime, settle: timedelta) -> bool:
    """Tell whether a kept write to Mosaic may still leave.

    After `settle` it is looked for. A worker that slept since may not be the only one:
    what it sends then, another one does not see and sends, too.
    """
    return timedelta() <= now - kept_at < settle
