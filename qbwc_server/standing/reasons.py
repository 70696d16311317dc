"""All that hinders a company at once, each with who acts: none hides another.

`of` decides, from facts alone, and says in which order; the view `support_attentions`
says the same, which a test holds it to, and so does Web Connector's Status column.

Rule: nothing here grows with the company; what is counted is read up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server import words
from qbwc_server.companies.attention import Attention, standing
from qbwc_server.kinds import KINDS, time_entry, tries
from qbwc_server.standing import hindrance
from qbwc_server.standing.hindrance import Reason
from qbwc_server.storage import tables
from qbwc_server.words import MANY, Words
from qbwc_server.words.customer import pauses
from qbwc_server.words.customer.pauses import BY_CUSTOMER
from qbwc_server.words.urgency import KEY_MISSING, Place

_COMPANY, _RECORD, _JOB = tables.company, tables.record, tables.job
_EXCHANGE, _READING = tables.exchange, tables.reading
_Which: TypeAlias = "sa.ColumnElement[bool] | sa.TextClause"
FIRST_READS: Final = "first_reads"
_LOOKING: Final = ("preview", FIRST_READS)
_COUNTED: Final = {
    "failed": Place.FAILED,
    "unused": Place.UNUSED,
    "faults": Place.FAULTS,
    "records": Place.RECORDS,
}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are, more than `MANY` as one more, and since when."""

    many: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a company; `counted` has what of `_COUNTED` there is."""

    mode: str
    """As `told_mode` has it."""
    created_at: datetime
    mode_at: datetime | None = None
    paused_why: str | None = None
    attentions: tuple[Attention, ...] = ()
    late_at: datetime | None = None
    last_seen_at: datetime | None = None
    wrong_password_at: datetime | None = None
    guessed_at: datetime | None = None
    has_mosaic_key: bool = True
    counted: tuple[tuple[str, Counted], ...] = ()


def of(facts: Facts) -> list[Reason]:
    """Return all reasons of a company, the first of which goes first; a stop leads."""
    return sorted(_reasons(facts), key=lambda one: one.place)


def _reasons(facts: Facts) -> Iterator[Reason]:
    yield from map(_attention, facts.attentions)
    since = facts.mode_at or facts.created_at
    if facts.mode in _LOOKING:
        yield _of_company(Place.PREVIEW, facts.mode, since)
    is_paused = facts.mode in {"paused", BY_CUSTOMER}
    if is_paused:
        pause = _of_company(Place.PAUSED, facts.mode, since)
        yield replace(pause, note=facts.paused_why or "")
    wrong, seen = facts.wrong_password_at, facts.last_seen_at
    guessed = seen is not None and (
        facts.late_at is None or wrong is None or wrong <= seen
    )
    if wrong is not None and not guessed:
        yield _of_company(Place.WRONG_PASSWORD, "wrong_password", wrong, seen=wrong)
    elif seen is None:
        yield _of_company(Place.WAITING, "waiting", facts.created_at)
    if facts.late_at is not None and not is_paused:
        yield _of_company(Place.LATE, "late", facts.late_at)
        strange = facts.guessed_at
        if strange is not None and seen is not None and strange > seen:
            yield _of_company(Place.GUESSED, "guessed", strange, seen=strange)
    if not facts.has_mosaic_key and all(
        one.reason != KEY_MISSING for one in facts.attentions
    ):
        told = words.attention(KEY_MISSING)
        acts = words.who_must_act(told)
        yield Reason(Place.KEY, KEY_MISSING, None, None, acts, told.happened, told.do)
    for name, place in _COUNTED.items():
        found = dict(facts.counted).get(name)
        if found is not None and found.many:
            yield _of_company(place, name, found.since, many=found.many)


def _attention(found: Attention) -> Reason:
    told = words.attention(found.reason)
    acts = words.who_must_act(told)
    stops = found.place <= Place.STOPPED
    return Reason(
        found.place,
        found.reason,
        found.began_at,
        found.seen_at,
        # Nothing goes on in a stop, so it is somebody's: ours, if it is nobody else's.
        "support" if stops and acts == "nobody" else acts,
        found.text or told.happened,
        told.do,
        is_attention=True,
    )


def _of_company(
    place: int,
    name: str,
    since: datetime | None,
    *,
    seen: datetime | None = None,
    many: int | None = None,
) -> Reason:
    told: Words = words.state("company", name)
    acts = words.who_must_act(told)
    return Reason(place, name, since, seen, acts, told.happened, told.do, many)


def first(connection: Connection, company_id: int) -> str:
    """Return in words what goes first of all that hinders a company, "" if nothing.

    For who counts records that need somebody beside it, and sees that it is called.
    """
    told = next(iter(read(connection, company_id)), None)
    if told is None or told.reason in {"records", *_LOOKING}:
        return ""
    return hindrance.said(told)


def holding(connection: Connection, company_id: int) -> Reason | None:
    """Return what keeps a company from going on, the first of all that does."""
    return hindrance.holding(read(connection, company_id))


def read(connection: Connection, company_id: int) -> list[Reason]:
    """Return all reasons of a company, in the order of `of`."""
    row = connection.execute(_WHOLE, {"company": company_id}).one()
    there = () if row.attention_id is None else standing(connection, company_id)
    return of(
        Facts(
            mode=told_mode(row.mode, row.paused_by, is_read_first=row.is_read_first),
            created_at=row.created_at,
            mode_at=row.mode_at,
            paused_why=row.paused_why,
            attentions=tuple(there),
            late_at=row.late_at,
            last_seen_at=row.last_seen_at,
            wrong_password_at=row.wrong_password_at,
            guessed_at=row.guessed_at,
            has_mosaic_key=row.has_mosaic_key,
            counted=tuple(
                (
                    name,
                    Counted(
                        min(getattr(row, name), MANY + 1),
                        getattr(row, f"{name}_since"),
                    ),
                )
                for name in _COUNTED
            ),
        )
    )


def told_mode(mode: str, paused_by: str | None, *, is_read_first: bool) -> str:
    """Return a mode as `words.state` tells it more closely.

    A pause by who began it; a preview by whether both sides `is_read_first`.
    """
    if mode == "preview" and is_read_first:
        return FIRST_READS
    return pauses.told(mode, paused_by)


def _is_unread(kind: str) -> sa.ColumnElement[bool]:
    """Tell whether a list or time was never read whole, and nothing says why."""
    read = sa.or_(_READING.c.last_full_at.is_not(None), _READING.c.problem.is_not(None))
    own = _READING.c.company_id == sa.bindparam("company")
    return ~sa.exists().where(own, _READING.c.kind == kind, read)


def _read_first() -> sa.ColumnElement[bool]:
    """Tell whether a side is still to be read: until then there is no preview."""
    has_time = sa.func.coalesce(_COMPANY.c.time_tracking, sa.true())
    of_time = sa.or_(_COMPANY.c.mosaic_time_from.is_(None), _is_unread(time_entry.NAME))
    lists = (
        sa.and_(
            _COMPANY.c[one.by_setting] if one.by_setting else sa.true(),
            _is_unread(one.name),
        )
        for one in KINDS.values()
        if one.mirror is not None
    )
    never = (_COMPANY.c.file_name.is_(None), _COMPANY.c.mosaic_read_at.is_(None))
    return sa.or_(*never, *lists, sa.and_(has_time, of_time))


def is_read_first(connection: Connection, company_id: int) -> bool:
    """Tell whether a side of a company is read for the first time still."""
    query = sa.select(_read_first()).where(_COMPANY.c.id == sa.bindparam("company"))
    return bool(connection.execute(query, {"company": company_id}).scalar_one())


OURS: Final = f"(unread IS NOT NULL OR failures >= {tries.MOST} AND restored IS NULL)"
"""What is refused, and so by a fault of our program or of Mosaic."""
_FAULT: Final[sa.ColumnElement[bool]] = sa.literal_column(
    f"(state = 'refused' AND {OURS})", sa.Boolean
)
_SPECIAL: Final = ("state = 'conflict'", "state = 'refused'", "state = 'locked'")
_FREE: Final = "state = 'unlinked' AND waits_for IS NULL"
"""Written as the partial indexes are, which must know them word by word."""


def _few(
    table: sa.Table, *which: _Which, **columns: sa.ColumnElement[Any]
) -> sa.Subquery:
    """Return the first rows of a company for which an index knows what is asked."""
    query = sa.select(*(one.label(name) for name, one in columns.items()))
    own = table.c.company_id == sa.bindparam("company")
    return query.where(own, *which).order_by(table.c.id).limit(MANY + 1).subquery()


def _needing() -> sa.Subquery:
    """Return how many records need somebody, and since when: ours, and others."""
    which: list[tuple[_Which, ...]] = [(sa.text(one),) for one in _SPECIAL]
    # Time without a counterpart needs nobody by itself, see `words.need`.
    which += [(_RECORD.c.kind == kind, sa.text(_FREE)) for kind in KINDS]
    shown = {"at": _RECORD.c.changed_at, "fault": _FAULT}
    parts = [_few(_RECORD, *one, **shown) for one in which]
    found = sa.union_all(*(sa.select(part) for part in parts)).subquery()
    return sa.select(
        *(
            part
            for name, here in (("faults", found.c.fault), ("records", ~found.c.fault))
            for part in (
                sa.func.coalesce(sa.func.sum(sa.case((here, 1), else_=0)), 0).label(
                    name
                ),
                sa.func.min(sa.case((here, found.c.at))).label(f"{name}_since"),
            )
        )
    ).subquery()


def _counted(name: str, few: sa.Subquery) -> sa.Subquery:
    return sa.select(
        sa.func.count().label(name), sa.func.min(few.c.at).label(f"{name}_since")
    ).subquery()


_FAILED: Final = _counted(
    "failed", _few(_JOB, sa.text("state = 'failed'"), at=_JOB.c.created_at)
)
_UNUSED: Final = _counted(
    "unused",
    _few(_EXCHANGE, _EXCHANGE.c.failed_at.is_not(None), at=_EXCHANGE.c.failed_at),
)
_SUMS: Final = (_FAILED, _UNUSED, _needing())
"""Each is one row."""
_WHOLE: Final = (
    sa.select(
        *(_COMPANY.c.id, _COMPANY.c.mode, _COMPANY.c.created_at, _COMPANY.c.mode_at),
        *(_COMPANY.c.paused_by, _COMPANY.c.paused_why),
        *(_COMPANY.c.attention_id, _COMPANY.c.late_at),
        *(_COMPANY.c.last_seen_at, _COMPANY.c.wrong_password_at),
        _COMPANY.c.guessed_at,
        _COMPANY.c.mosaic_key.is_not(None).label("has_mosaic_key"),
        _read_first().label("is_read_first"),
        *(column for one in _SUMS for column in one.c),
    )
    .select_from(
        _COMPANY.join(_SUMS[0], sa.true())
        .join(_SUMS[1], sa.true())
        .join(_SUMS[2], sa.true())
    )
    .where(_COMPANY.c.id == sa.bindparam("company"))
)
