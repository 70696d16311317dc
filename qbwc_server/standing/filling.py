"""How far Mosaic is filled, and until when: after going live, and after much is new.

What Mosaic does not have yet is on its way there; what it has and is only compared, or
changed, is there.

What waits for a record that is on its way itself goes along with it. When it is done
goes by what Mosaic took in the last hour, so it holds for a team that shares its
rate among several company files, too, and for a Mosaic that is slow.

Rule 1: where nothing moves, no time is told.
Rule 2: the time left does not rise. The worker notes it each minute, and an hour that
was slow leaves it as it is, until that is wrong by more than a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.standing import awaited, pace
from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_RECORD, _CALL = tables.record, tables.mosaic_call
_LEAST: Final = 60
"""So many take Mosaic about a minute: fewer are not worth a word."""
_MOVES: Final = timedelta(minutes=15)
_LATELY: Final = timedelta(hours=1)
"""Several times as long as what Mosaic's lists, read again and again, keep from it."""
_CALLS: Final = 4_000
_ENOUGH: Final = 20
"""Fewer writes tell no pace."""
_MINUTE: Final = timedelta(minutes=1)
_FIVE: Final = timedelta(minutes=5)
_SOON: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Filling:
    """`there` of `total` records are in Mosaic, the others are by `ends_at`."""

    there: int
    total: int
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Noted:
    """How much time was left, as it was told at a moment."""

    at: datetime
    left: timedelta

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self | None:
        """Return what a company keeps of it."""
        if kept is None:
            return None
        left = timedelta(seconds=kept["left"])
        return cls(datetime.fromisoformat(kept["at"]), left)


def of(connection: Connection, company: Company, now: datetime) -> Filling | None:
    """Return how far a company's Mosaic is filled, None if there is little to go."""
    if company.mode != "live" or not _is_much(connection, company.id):
        return None
    going = _on_its_way(connection, company.id) + _along(connection, company.id)
    if going < _LEAST:
        return None
    taken = _taken(connection, company.id)
    # What Mosaic has taken is there, though it is not known yet as what.
    is_open = sum(one.is_open for one in taken)
    going -= is_open
    if going < _LEAST:
        return None
    there = connection.execute(
        sa.select(sa.func.count()).where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.kind.in_(SHOWN),
            sa.or_(
                _RECORD.c.state == "in_sync",
                sa.and_(_RECORD.c.state == "pending", _RECORD.c.mosaic_id.is_not(None)),
            ),
        )
    ).scalar_one()
    there += is_open
    sent = [one.sent_at for one in taken]
    ends_at = ends(going, sent, now, noted=Noted.of(company.filling))
    return Filling(there, there + going, ends_at)


def note(engine: Engine, company_id: int, now: datetime) -> None:
    """Keep what is told of the time left; nothing where none is told."""
    with company_transaction(engine, company_id) as connection:
        company = registry.get(connection, company_id)
        found = of(connection, company, now)
        kept = None
        if found is not None and found.ends_at is not None:
            left = (found.ends_at - now).total_seconds()
            kept = {"at": now.isoformat(), "left": left}
        if kept != company.filling:
            registry.change(connection, company_id, filling=kept)


def ends(
    going: int, taken: Sequence[datetime], now: datetime, noted: Noted | None = None
) -> datetime | None:
    """Return when so many have gone, None where nothing moves.

    It is told to a minute, and to five where it takes longer than an hour. `taken` is
    when each of the last ones left that Mosaic took, `noted` what was told before.
    """
    lately = [one for one in taken if now - _LATELY < one <= now]
    if len(lately) < _ENOUGH or now - max(lately) >= _MOVES:
        return None
    left = max((now - min(lately)) / len(lately) * going, _MINUTE)
    if noted is not None and timedelta() <= now - noted.at < _MOVES:
        left = pace.held(noted.left, left)
    unit = _FIVE if left > _SOON else _MINUTE
    ends_at = now + left
    return ends_at + (datetime.min.replace(tzinfo=ends_at.tzinfo) - ends_at) % unit


def _is_much(connection: Connection, company_id: int) -> bool:
    """Tell whether it is worth a closer look: it is asked at the end of every run."""
    rows = (
        sa.select(_RECORD.c.id)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind.in_(SHOWN),
            _RECORD.c.state.in_(("pending", "unlinked")),
        )
        .limit(_LEAST)
        .subquery()
    )
    many = connection.execute(sa.select(sa.func.count()).select_from(rows))
    return many.scalar_one() == _LEAST


def _on_its_way(connection: Connection, company_id: int) -> int:
    """Return how many go to Mosaic; runs bring QuickBooks the others."""
    is_due = sa.and_(_RECORD.c.state == "unlinked", _RECORD.c.due_at.is_not(None))
    return connection.execute(
        sa.select(sa.func.count(_RECORD.c.quickbooks_id)).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind.in_(SHOWN),
            _RECORD.c.mosaic_id.is_(None),
            sa.or_(_RECORD.c.state == "pending", is_due),
        )
    ).scalar_one()


def _along(connection: Connection, company_id: int) -> int:
    """Return how many wait for what is on its way, or for what waits itself."""
    waiting = {
        row.waits_for: row.many
        for row in connection.execute(
            sa.select(_RECORD.c.waits_for, sa.func.count().label("many"))
            .where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind.in_(SHOWN),
                sa.text("state = 'unlinked' AND waits_for IS NOT NULL"),
                _RECORD.c.due_at.is_(None),
            )
            .group_by(_RECORD.c.waits_for)
        )
    }
    for_whom = awaited.of(connection, company_id, waiting)
    return sum(
        many
        for name, many in waiting.items()
        if (one := for_whom.get(name)) is not None
        and (one.state == "pending" or (one.state == "unlinked" and one.waits_for))
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """A write that Mosaic took; while it `is_open` its record is still on its way."""

    sent_at: datetime
    is_open: bool


def _taken(connection: Connection, company_id: int) -> list[_Taken]:
    """Return the last writes that Mosaic took."""
    rows = connection.execute(
        sa.select(_CALL.c.state, _CALL.c.created_at)
        .where(_CALL.c.company_id == company_id)
        .order_by(_CALL.c.id.desc())
        .limit(_CALLS)
    )
    states = {"done": False, "accepted": True}
    return [
        _Taken(row.created_at, states[row.state]) for row in rows if row.state in states
    ]
