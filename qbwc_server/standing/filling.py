"""How far Mosaic is filled, and until when: after going live, and after much is new.

What waits for a record that is on its way itself goes along with it. When it is done
goes by what Mosaic took in the last minutes, so it holds for a team that shares its
rate among several company files, too, and for a Mosaic that is slow.

Rule: where nothing moves, no time is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies.registry import Company
from qbwc_server.standing import awaited
from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage import tables

_RECORD, _CALL = tables.record, tables.mosaic_call
_LEAST: Final = 60
"""So many take Mosaic about a minute: fewer are not worth a word."""
_LATELY: Final = timedelta(minutes=15)
_CALLS: Final = 400
_ENOUGH: Final = 20
"""Fewer writes tell no pace."""
_FIVE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Filling:
    """`there` of `total` records are in Mosaic, the others are by `ends_at`."""

    there: int
    total: int
    ends_at: datetime | None


def of(connection: Connection, company: Company, now: datetime) -> Filling | None:
    """Return how far a company's Mosaic is filled, None if there is little to go."""
    if company.mode != "live" or not _is_much(connection, company.id):
        return None
    going = _on_its_way(connection, company.id) + _along(connection, company.id)
    if going < _LEAST:
        return None
    there = connection.execute(
        sa.select(sa.func.count()).where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.kind.in_(SHOWN),
            _RECORD.c.state == "in_sync",
        )
    ).scalar_one()
    taken = _taken(connection, company.id)
    return Filling(there, there + going, ends(going, taken, now))


def ends(going: int, taken: Sequence[datetime], now: datetime) -> datetime | None:
    """Return when so many have gone, to five minutes; None where nothing moves.

    `taken` is when Mosaic took each of the last ones.
    """
    lately = [one for one in taken if now - _LATELY < one <= now]
    if len(lately) < _ENOUGH:
        return None
    left = (now - min(lately)) / len(lately) * going
    ends_at = now + max(left, timedelta(minutes=1))
    return ends_at + (datetime.min.replace(tzinfo=ends_at.tzinfo) - ends_at) % _FIVE


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
    return connection.execute(
        sa.select(sa.func.count(_RECORD.c.quickbooks_id)).where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind.in_(SHOWN),
            _RECORD.c.state == "pending",
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


def _taken(connection: Connection, company_id: int) -> list[datetime]:
    """Return when Mosaic took each of the last writes."""
    rows = connection.execute(
        sa.select(_CALL.c.state, _CALL.c.settled_at)
        .where(_CALL.c.company_id == company_id)
        .order_by(_CALL.c.id.desc())
        .limit(_CALLS)
    )
    return [row.settled_at for row in rows if row.state == "done"]
