"""What several company files of one Mosaic team have, or would have, in common.

It is looked for before a company goes live and once a day. Each company tells the
others by its `team_claims` alone: which objects it is linked to, and which it means
to link. People and work categories may be in common: the hours on them are each
file's own. A client, project or phase is in common only when a person says so: two
files that both rename and archive it would harm each other, and hours of two firms
would add up on it unseen. What stands under something is looked for as if that were
linked, so that all there is to be said is found at once. Nothing of the other file is
told, not even its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import team_claims, time_claims
from qbwc_server.decisions.suggestions import suggest, the_exact_one
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.list_plan import SHARED_BY_NATURE
from qbwc_server.kinds.mosaic_lists import TYPES
from qbwc_server.records import mosaic_objects
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction

_CLAIM, _RECORD, _OBJECT = tables.mosaic_claim, tables.record, tables.mosaic_object
_BATCH = 500
_QUICK = 1000
"""So many undecided records are looked through in about a second."""
_LEVELS = {"client": 0, "project": 1, "phase": 2}
_DEEPEST = 5
"""As many levels as QuickBooks' list of customers has."""
MOST = 1000
"""More than so many are not told one by one."""
_WORDS = {
    "shared": "Nothing is to be done: each file's hours are its own. Only the file "
    "that was linked first changes it in Mosaic.",
    "confirmed": "Both files are linked to it, as a person said.",
    "open": "Say that both files share it, or that this one is made anew, not linked "
    "or decided later.",
}


@dataclass(frozen=True, slots=True)
class Overlap:
    """An object of Mosaic that another company file of the team has or means too.

    `record_id` is this company's record; `needs_word` says that a person must decide.
    `parent` is the number of what it stands under in Mosaic: a client, or a project.
    """

    data_type: str
    mosaic_id: int
    name: str
    record_id: int | None
    record_name: str | None
    linked: bool
    needs_word: bool
    advice: str
    parent: int | None = None


@dataclass(slots=True)
class _Meant:
    """What a company would link: which record to what, and what is supposed by that."""

    records: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)
    supposed: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)


def look(
    engine: Engine, company: Company, clock: Callable[[], datetime]
) -> list[Overlap]:
    """Say anew what a company would link, and return what others have or mean too."""
    with company_transaction(engine, company.id) as connection:
        team_claims.release_meant(connection, company.team, company.id)
    meant = _Meant()
    for level in range(_DEEPEST):
        before = len(meant.records)
        after: int | None = 0
        while after is not None:
            with company_transaction(engine, company.id) as connection:
                after = _mean_some(
                    connection, company, after, meant, clock(), below=level > 0
                )
        if len(meant.records) == before:
            break
    with company_reading(engine, company.id) as connection:
        return _common(connection, company, meant.records)


def takes_long(connection: Connection, company: Company) -> bool:
    """Tell whether `look` takes longer than somebody who pressed a button waits."""
    few = _undecided(company, 0).limit(_QUICK + 1).subquery()
    many: int = connection.execute(
        sa.select(sa.func.count()).select_from(few)
    ).scalar_one()
    return many > _QUICK


def _undecided(company: Company, after: int) -> sa.Select[Any]:
    mirrored = [kind.name for kind in KINDS.values() if kind.mirror is not None]
    return sa.select(_RECORD).where(
        _RECORD.c.company_id == company.id,
        _RECORD.c.kind.in_(mirrored),
        _RECORD.c.state.in_(("pending", "unlinked")),
        _RECORD.c.mosaic_id.is_(None),
        _RECORD.c.choice.is_(None),
        _RECORD.c.id > after,
    )


def _mean_some(
    connection: Connection,
    company: Company,
    after: int,
    meant: _Meant,
    now: datetime,
    *,
    below: bool,
) -> int | None:
    """Claim what the next records would be linked to; return where to go on.

    With `below` only what stands under something, which may be linked by now.
    """
    query = _undecided(company, after)
    if below:
        query = query.where(_RECORD.c.parent_id.is_not(None))
    rows = connection.execute(query.order_by(_RECORD.c.id).limit(_BATCH)).all()
    still = {
        row.id: row
        for row in rows
        if (row.kind, row.quickbooks_id) not in meant.supposed
    }
    suggestions = suggest(
        connection, company, list(still.values()), supposed=meant.supposed
    )
    found = {}
    for record_id, suggested in suggestions.items():
        one = the_exact_one(suggested)
        if one is not None:
            row, there = still[record_id], (one.data_type, one.mosaic_id)
            found[there] = (record_id, row.name)
            meant.supposed[row.kind, row.quickbooks_id] = there
    team_claims.claim(
        connection, company.team, company.id, list(found), now=now, meant=True
    )
    meant.records |= found
    return rows[-1].id if len(rows) == _BATCH else None


def standing(connection: Connection, company: Company) -> tuple[int, bool]:
    """Return how much needs a word, and whether anything does or had one.

    As was looked last, and by what the other files have now.
    """
    if company.time_claims == time_claims.NONE:
        return 0, False
    query = sa.select(_CLAIM.c.meant).where(
        *_contested(company), _CLAIM.c.data_type.not_in(SHARED_BY_NATURE)
    )
    rows = connection.execute(query.limit(MOST)).scalars().all()
    return sum(rows), bool(rows)


def _contested(company: Company) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a company's claims that another file has, too."""
    other = _CLAIM.alias("other")
    return (
        _CLAIM.c.team == company.team,
        _CLAIM.c.holder == company.id,
        _CLAIM.c.data_type.in_(TYPES),
        sa.exists().where(
            other.c.team == _CLAIM.c.team,
            other.c.data_type == _CLAIM.c.data_type,
            other.c.mosaic_id == _CLAIM.c.mosaic_id,
            other.c.holder != company.id,
        ),
    )


def _common(
    connection: Connection,
    company: Company,
    meant: dict[tuple[str, int], tuple[int, str]],
) -> list[Overlap]:
    rows = connection.execute(
        sa.select(
            _CLAIM.c.data_type,
            _CLAIM.c.mosaic_id,
            _CLAIM.c.meant,
            _OBJECT.c.snapshot,
            _RECORD.c.id.label("record_id"),
            _RECORD.c.name.label("record_name"),
        )
        .select_from(_CLAIM)
        .outerjoin(
            _OBJECT,
            sa.and_(
                _OBJECT.c.company_id == company.id,
                _OBJECT.c.data_type == _CLAIM.c.data_type,
                _OBJECT.c.mosaic_id == _CLAIM.c.mosaic_id,
            ),
        )
        .outerjoin(
            _RECORD,
            sa.and_(
                _RECORD.c.company_id == company.id,
                _RECORD.c.mosaic_type == _CLAIM.c.data_type,
                _RECORD.c.mosaic_id == _CLAIM.c.mosaic_id,
            ),
        )
        .where(*_contested(company))
        .order_by(
            _CLAIM.c.meant.desc(),
            # Where it is cut, nothing is told without what it stands under.
            sa.case(_LEVELS, value=_CLAIM.c.data_type, else_=len(_LEVELS)),
            _CLAIM.c.mosaic_id,
        )
        .limit(MOST)
    ).all()
    told = []
    for row in rows:
        nobody: tuple[int | None, str | None] = (row.record_id, row.record_name)
        record_id, name = meant.get((row.data_type, row.mosaic_id), nobody)
        by_nature = row.data_type in SHARED_BY_NATURE
        needs = row.meant and not by_nature
        word = "shared" if by_nature else "open" if needs else "confirmed"
        there, snapshot = str(row.mosaic_id), row.snapshot or {}
        if snapshot:
            there = " ".join(mosaic_objects.called(snapshot).split()) or there
        told.append(
            Overlap(
                row.data_type,
                row.mosaic_id,
                there,
                record_id,
                name,
                not row.meant,
                needs,
                _WORDS[word],
                snapshot.get("parent"),
            )
        )
    return told
