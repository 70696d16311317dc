"""Joins two records that are one time entry: one known in QuickBooks, one in Mosaic.

A customer who comes from another connector has the same hours on both sides already,
and a person may enter the same hours twice. Making each on the other side would double
them, so whatever is about to be made is looked for first; `pairs` finds it.

What was typed on both sides since all of both is known, is said, and stays on a list
until somebody has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import queue
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.quickbooks import list_requests
from qbwc_server.records import joining
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_JOB = tables.job
_SAME: Final = "both sides had the same entry"
_TYPED: Final = (
    "The same hours were typed on both sides, so they are taken for one entry. If they "
    "are two, say so on the setup page: then each side gets both. Support: "
    "`qbwc-server records two {}`."
)
TYPED: Final = "typed on both sides"


class AllKnown(NamedTuple):
    """Since when all time of both sides is known, and since when it was so first.

    None is not yet. A restored backup moves `since`, and nothing moves `first`.
    """

    since: datetime | None
    first: datetime | None


def note_all_known(
    connection: Connection, company: Company, history: timedelta, now: datetime
) -> AllKnown:
    """Return since when all time of both sides is known; keep it.

    It is known from the end of the first load on, and anew after a backup of either
    side was restored: of what is joined until then nothing is said. When that was so
    first is kept: only what came until then was there before going live. Who was live
    and only looks again knows it as before.
    """
    known = list_requests.state(connection, company.id, NAME)
    there = company.mosaic_time_from
    complete = (
        _was_live(company)
        and there is not None
        and there <= (now - history).date().isoformat()
        and known is not None
        and known.last_full_at is not None
    )
    since, first = company.both_known_at, company.first_known_at
    if complete == (since is not None):
        if since is not None and since > now:
            # A clock was ahead and is put right: what comes from now on is new.
            since, first = now, min(first or now, now)
            registry.change(
                connection, company.id, both_known_at=since, first_known_at=first
            )
        return AllKnown(since, first)
    if (
        complete
        and company.time_window_at is not None
        and company.time_window_at <= now
    ):
        # What was typed in Mosaic until it went live is still to be read.
        return AllKnown(None, first)
    since = now if complete else None
    first = first or since
    registry.change(connection, company.id, both_known_at=since, first_known_at=first)
    return AllKnown(since, first)


def notice_all_known(
    engine: Engine,
    company: Company,
    history: timedelta,
    clock: Callable[[], datetime],
) -> None:
    """Notice the end of the first load also where there is no time to plan."""
    if company.both_known_at is None and _was_live(company):
        with company_transaction(engine, company.id) as connection:
            fresh = registry.get(connection, company.id)
            note_all_known(connection, fresh, history, clock())


def join(
    connection: Connection,
    of_quickbooks: Row[Any],
    of_mosaic: Row[Any],
    now: datetime,
    *,
    stays: int | None = None,
    known: AllKnown | None = None,
    read_from: str = "",
    why: str = _SAME,
) -> None:
    """Make two records one; the other one's history comes along.

    `known` is given for what is only equal. Where one of them came after that, it was
    typed on both sides by hand. In a first load, and after a restored backup, nothing
    is said of it; but what is deleted before both sides are read again may have been
    another hour then, too. Before `read_from` Mosaic is not read again.
    """
    stays = stays or of_quickbooks.id
    other = of_mosaic if stays == of_quickbooks.id else of_quickbooks
    for job in queue.select(
        connection,
        other.company_id,
        _JOB.c.record_id == other.id,
        _JOB.c.finished_at.is_(None),
    ):
        reason = f"Both sides had it: joined with record {stays}."
        queue.move(connection, job, "cancelled", by="plan", now=now, reason=reason)
    newer = max(of_quickbooks.created_at, of_mosaic.created_at)
    since, first = known or (None, None)
    typed = since is not None and newer > since
    later = first is not None and newer > first
    if typed or later or (known is not None and of_mosaic.day >= read_from):
        minutes = of_quickbooks.quickbooks["minutes"]
        how: joined.How = "typed" if typed else "before"
        joined.note(connection, other.company_id, stays, minutes, how, now)
    if typed:
        why = _TYPED.format(f"{other.company_id}-{stays}")
    what = f"joined with {of_mosaic.mosaic_type} {of_mosaic.mosaic_id}"
    joining.join(
        connection,
        of_quickbooks,
        of_mosaic,
        now,
        stays=stays,
        what=f"{TYPED}: {what}" if typed else what,
        why=why,
    )


def _was_live(company: Company) -> bool:
    """Tell whether a company is live, or was: a pause may have begun before that."""
    mode = company.mode_before_pause if company.mode == "paused" else company.mode
    return mode == "live" or company.first_known_at is not None
