"""What is worked out in advance: a company's preview, and what others have in common.

A preview of many records takes seconds, so the last one is kept and a page view costs
nothing. It is made anew when a person has chosen something, when it was asked for, and
while a company is not live again and again, but never for more than a small part of
the time. Overlap between company files of one team is looked for along with it, for
companies that are live once a day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server import logs
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import overlap
from qbwc_server.decisions.overlap import Overlap
from qbwc_server.onboarding import going_live
from qbwc_server.onboarding.going_live import NotReady
from qbwc_server.onboarding.preview import Group, preview
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)
from qbwc_server.storage.statements import upsert

_DUTY, _TABLE, _RECORD = tables.duty, tables.preview_result, tables.record
_DAILY = timedelta(days=1)
_AGAIN = timedelta(minutes=10)
_BEING_MADE = (
    "What you would go live with is being worked out, because there is much of it. It "
    "comes below by itself; then press Go live again."
)
_CHANGED = (
    "What would enter QuickBooks has changed since you looked. Look at it below, then "
    "press Go live again."
)
_REST = 30
"""So many times as long as it took is waited before it is made again."""
_MOST = 200
"""Groups of time that are kept; the lists of records are read by page."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A preview as it was made; `told` has remarks, counts, totals, time, overlap."""

    made_at: datetime
    milliseconds: int
    told: dict[str, Any]

    @property
    def enters(self) -> tuple[int, int] | None:
        """How many entries of Mosaic QuickBooks would get, and minutes, if told."""
        told = self.told.get("enters")
        return None if told is None else (told[0], told[1])


def serve_next(
    engine: Engine, settings: Settings, clock: Callable[[], datetime]
) -> bool:
    """Work out what is due for the company that has waited longest; False if none is.

    A company that is taken and dies with the process is due again the next day.
    """
    now = clock()
    company_id = registry.take_next(engine, _DUTY.c.preview_at, now, _DAILY)
    if company_id is None:
        return False
    logs.about(company=company_id)
    company = registry.numbered(engine, company_id)
    if company.mode == "live":
        overlap.look(engine, company, clock)
        return True
    kept = make(engine, company, settings, clock)
    if company.mode == "paused":
        # Due in a day: nobody is about to go live, and many are left like that.
        return True
    again = max(_AGAIN, timedelta(milliseconds=kept.milliseconds * _REST))
    with company_transaction(engine, company.id) as connection:
        connection.execute(
            _DUTY.update()
            .where(_DUTY.c.company_id == company.id, _DUTY.c.preview_at == now + _DAILY)
            .values(preview_at=clock() + again)
        )
    return True


def make(
    engine: Engine,
    company: Company,
    settings: Settings,
    clock: Callable[[], datetime],
) -> Kept:
    """Make a company's preview and keep it."""
    now, began = clock(), time.monotonic()
    common = overlap.look(engine, company, clock)
    found = preview(engine, company, settings, clock)
    told = {
        "remarks": found.remarks,
        "counts": {kind: dict(counts) for kind, counts in found.counts.items()},
        "totals": {
            name: len(getattr(found, name)) for name in ("people", "jobs", "items")
        },
        "time": [asdict(one) for one in found.time[:_MOST]],
        "enters": _sums(found.time, {"add"}),
        "leaves": _sums(found.time, {"create", "join_change", "update", "delete"}),
        "overlap": [asdict(one) for one in common],
    }
    kept = Kept(now, round((time.monotonic() - began) * 1000), told)
    with company_transaction(engine, company.id) as connection:
        upsert(
            connection,
            _TABLE,
            [
                {
                    "company_id": company.id,
                    "made_at": kept.made_at,
                    "milliseconds": kept.milliseconds,
                    "result": kept.told,
                }
            ],
            key=("company_id",),
        )
    return kept


def _sums(groups: Sequence[Group], outcomes: Collection[str]) -> list[int]:
    """Return how many entries have some outcomes, and their minutes."""
    some = [one for one in groups if one.outcome in outcomes]
    return [sum(one.entries for one in some), sum(one.minutes for one in some)]


def last(connection: Connection, company_id: int) -> Kept | None:
    """Return the last preview of a company, if one was made."""
    row = connection.execute(
        sa.select(_TABLE).where(_TABLE.c.company_id == company_id)
    ).first()
    return None if row is None else Kept(row.made_at, row.milliseconds, row.result)


def in_common(
    engine: Engine, company: Company, clock: Callable[[], datetime]
) -> list[Overlap]:
    """Return what other files have or mean too, as of now, and keep it.

    Of a large company it is what was found last, but for what was decided since.
    """
    with company_reading(engine, company.id) as connection:
        if overlap.takes_long(connection, company):
            return _last_in_common(connection, company.id)
    common = overlap.look(engine, company, clock)
    with company_transaction(engine, company.id) as connection:
        kept = last(connection, company.id)
        if kept is not None:
            told = {**kept.told, "overlap": [asdict(one) for one in common]}
            connection.execute(
                _TABLE.update()
                .where(_TABLE.c.company_id == company.id)
                .values(result=told)
            )
    return common


def _last_in_common(connection: Connection, company_id: int) -> list[Overlap]:
    kept = last(connection, company_id)
    common = [Overlap(**one) for one in kept.told["overlap"]] if kept else []
    asked = [one.record_id for one in common if one.needs_word]
    decided = set(
        connection.execute(
            sa.select(_RECORD.c.id).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.id.in_([one for one in asked if one is not None]),
                _RECORD.c.choice.is_not(None),
            )
        ).scalars()
    )
    return [one for one in common if not one.needs_word or one.record_id not in decided]


def go_live(
    engine: Engine,
    company: Company,
    clock: Callable[[], datetime],
    *,
    who: str,
    shown: tuple[int, int] | None,
) -> bool:
    """Have a company go live; False if it is already.

    `shown` are the entries of Mosaic that enter QuickBooks by it, and their minutes, as
    they stood before the eyes of whoever says so: that is the yes to them. None: nobody
    was shown any, and they are asked about later.

    What a large one has in common with others takes seconds to find out: for that the
    last preview stands, which must be made after all that was chosen.

    Raises:
        NotReady: something is missing, or is being worked out, or other hours would
            enter by now; nothing is changed.
    """
    with company_reading(engine, company.id) as connection:
        is_quick = not overlap.takes_long(connection, company)
        seen = last(connection, company.id)
    if company.mode != "live" and shown and seen and seen.enters != shown:
        raise NotReady([_CHANGED])
    previewed = shown is not None
    if is_quick:
        # What is found is kept whether it goes live or not: a page shows it.
        common = None if company.mode == "live" else in_common(engine, company, clock)
        return going_live.go_live(
            engine, company, clock, who=who, previewed=previewed, common=common
        )
    now = clock()
    with company_transaction(engine, company.id) as connection:
        kept = last(connection, company.id)
        if kept is None or not _is_current(connection, company.id, kept, now):
            kept = None
            ask(connection, company.id, now)
    if kept is None:
        raise NotReady([_BEING_MADE])
    common = [Overlap(**one) for one in kept.told["overlap"]]
    return going_live.go_live(
        engine, company, clock, who=who, previewed=previewed, common=common
    )


def _is_current(
    connection: Connection, company_id: int, kept: Kept, now: datetime
) -> bool:
    """Tell whether a preview is neither asked for nor being made at the moment."""
    due_at = connection.execute(
        sa.select(_DUTY.c.preview_at).where(_DUTY.c.company_id == company_id)
    ).scalar()
    # While it is being made the next one is due in a day, see `serve_next`.
    return due_at is None or (due_at > now and kept.made_at >= due_at - _DAILY)


def is_due(connection: Connection, company_id: int, now: datetime) -> bool:
    """Tell whether a preview waits for a worker that is free."""
    due_at = connection.execute(
        sa.select(_DUTY.c.preview_at).where(_DUTY.c.company_id == company_id)
    ).scalar()
    return due_at is not None and due_at <= now


def ask(connection: Connection, company_id: int, now: datetime) -> None:
    """Have a company's preview made anew by the next worker that is free."""
    registry.change(connection, company_id, preview_at=now)
