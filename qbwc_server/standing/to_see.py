"""What was decided without a person, until somebody has seen it: counted, and told.

A policy decided where both sides changed the same; what was typed on both sides was
joined. Nothing waits for it, but nobody must have to look for it. What hours of Mosaic
wait for and QuickBooks does not have, is told beside it.

Rule: nothing here grows with the company; what is counted is read up to a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies.registry import Company
from qbwc_server.kinds import conflict
from qbwc_server.records.one_or_two import joined
from qbwc_server.standing import unplaced
from qbwc_server.storage import tables
from qbwc_server.words import looks

_RECORD = tables.record
_MOST = 1_000
_TOLD = 5


@dataclass(frozen=True, slots=True)
class ToSee:
    """How many entries are to be looked at, and what is told of them.

    `is_unplaced` says that hours of Mosaic wait for what QuickBooks does not have.
    """

    entries: int = 0
    told: tuple[str, ...] = ()
    is_unplaced: bool = False


def of(connection: Connection, company: Company) -> ToSee:
    """Return what nobody has seen yet of a company."""
    rows = connection.execute(
        sa.select(_RECORD.c.conflict)
        .where(_RECORD.c.company_id == company.id, _RECORD.c.conflict.is_not(None))
        .order_by(_RECORD.c.id)
        .limit(_MOST)
    ).scalars()
    sides = [kept for one in rows if (kept := conflict.by_rule(one))]
    told = [
        looks.kept(side, count, two_way=company.two_way)
        for side in ("quickbooks", "mosaic")
        if (count := sum(side in one for one in sides))
    ]
    both = joined.unseen(connection, company.id)
    told += of_joined(connection, company.id)
    seen = [f"{one}: have a look, under Conflicts." for one in told]
    missing = unplaced.of(connection, company.id) if company.two_way else []
    seen += [one.told for one in missing[:_TOLD]]
    entries = len(sides) + sum(it.entries for it in both.values())
    return ToSee(entries, tuple(seen), is_unplaced=bool(missing))


def of_joined(connection: Connection, company_id: int) -> list[str]:
    """Return what was taken for one because it is equal, and nobody has seen yet."""
    both = joined.unseen(connection, company_id)
    return [looks.joined(how, it.entries, it.minutes) for how, it in both.items()]
