"""What a person must look at about a company: a row each, begun, seen again, and ended.

Nothing else writes the table `attention`, nor `attention_id` and `attention` of a
company, which say what goes first, so that every call knows of a stop without a look.

Rule: nothing is written where nothing changed. What is met again is noted once a
minute; what comes back within an hour of its end is the same one, not a new one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import moved, next_id
from qbwc_server.words import urgency

_COMPANY, _TABLE = tables.company, tables.attention
COMPARING: Final = urgency.COMPARING
WHICH_SIDE: Final = urgency.WHICH_SIDE
RESTORED: Final = urgency.RESTORED
GONE_IN_QUICKBOOKS: Final = urgency.GONE_IN_QUICKBOOKS
GONE_IN_MOSAIC: Final = urgency.GONE_IN_MOSAIC
STOPPING: Final = urgency.STOPPING
TIME_OFF: Final = urgency.TIME_OFF
NOT_READ: Final = urgency.NOT_READ
IN_DOUBT: Final = urgency.IN_DOUBT
_LASTING: Final = frozenset({TIME_OFF, NOT_READ, IN_DOUBT})
"""Those that a good run does not end; what ends them says so by `over`."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""What is met again sooner is not written down anew."""
_SAME_WITHIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attention:
    """One that stands; `text` is for the customer."""

    id: int
    reason: str
    place: int
    text: str
    began_at: datetime
    seen_at: datetime


def standing(connection: Connection, company_id: int) -> list[Attention]:
    """Return all that stand, what goes first first: a stop, and then the latest."""
    return _in_order(connection.execute(_STANDING, {"company": company_id}).all())


def stands(connection: Connection, company_id: int, reason: str) -> bool:
    """Tell whether one stands, whatever goes before it."""
    return any(one.reason == reason for one in standing(connection, company_id))


def attend(
    connection: Connection, company_id: int, *, error_id: str, text: str, now: datetime
) -> None:
    """Say what a person must look at, beside all else that he must."""
    there = _read(connection, company_id, now)
    known = next((one for one in there if one.reason == error_id), None)
    if known is None:
        over = [one for one in there if urgency.replaces(error_id, one.reason)]
        _end(connection, company_id, over, now)
        _begin(connection, company_id, error_id, text, now)
    elif known.text != text or known.seen_at + SEEN_EVERY <= now:
        _change(connection, company_id, known.id, text=text, seen_at=now)
    else:
        return
    _lead(connection, company_id)
    if error_id in STOPPING:
        moved(connection, company_id)
        _alert(connection, company_id, now)


def calm(
    connection: Connection,
    company_id: int,
    *,
    now: datetime,
    also_stops: bool = False,
    mosaic: bool = False,
    but: Collection[str] = (),
) -> None:
    """Take back what needed attention, because it is over; all but some ids.

    `mosaic` says on which side it is over: the trouble of the other side stays.
    """
    stay = {*_LASTING, *but, *(() if also_stops else STOPPING)}
    _take_back(
        connection,
        company_id,
        [
            one
            for one in _read(connection, company_id, now)
            if one.reason.startswith(urgency.OF_MOSAIC) is mosaic
            and one.reason not in stay
        ],
        now,
    )


def over(
    connection: Connection, company_id: int, *error_ids: str, now: datetime
) -> None:
    """Take back things that needed attention, those of them that stand."""
    there = _read(connection, company_id, now)
    ended = [one for one in there if one.reason in error_ids]
    _take_back(connection, company_id, ended, now)


def _take_back(
    connection: Connection, company_id: int, ended: Sequence[Attention], now: datetime
) -> None:
    if ended:
        _end(connection, company_id, ended, now)
        _lead(connection, company_id)
        if any(one.reason in STOPPING for one in ended):
            _alert(connection, company_id, now)


def _alert(connection: Connection, company_id: int, now: datetime) -> None:
    """Have it looked what the customer is to be told of a stop, or of its end."""
    key = {"company_id": company_id}
    statements.change(connection, tables.duty, key, {"alert_at": now})


def _read(connection: Connection, company_id: int, now: datetime) -> list[Attention]:
    """Return all that stand, brought to agree with what stands in the company's row.

    While servers are replaced one by one, the program before this one writes only
    there: what it said is taken over, and what it took back is over.
    """
    rows = connection.execute(_STANDING, {"company": company_id}).all()
    there = _in_order(rows)
    said, text = rows[0].attention_id, rows[0].attention
    if said == (there[0].reason if there else None):
        return there
    ended = [*takewhile(lambda one: said is None or _leads(one, said), there)]
    _end(connection, company_id, ended, now)
    if said is not None and all(one.reason != said for one in there):
        _begin(connection, company_id, said, text or "", now)
    return standing(connection, company_id)


def _leads(one: Attention, said: str) -> bool:
    return one.reason != said and one.place <= urgency.place(said)


def _lead(connection: Connection, company_id: int) -> None:
    """Have the company's row say what goes first."""
    rows = connection.execute(_STANDING, {"company": company_id}).all()
    there = _in_order(rows)
    first = (there[0].reason, there[0].text) if there else (None, None)
    if first != (rows[0].attention_id, rows[0].attention):
        connection.execute(
            _COMPANY.update()
            .where(_COMPANY.c.id == company_id)
            .values(attention_id=first[0], attention=first[1])
        )


def _begin(
    connection: Connection, company_id: int, reason: str, text: str, now: datetime
) -> None:
    again = connection.execute(
        sa.select(_TABLE.c.id)
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.reason == reason,
            _TABLE.c.ended_at >= now - _SAME_WITHIN,
        )
        .order_by(_TABLE.c.id.desc())
        .limit(1)
    ).scalar()
    if again is not None:
        _change(connection, company_id, again, text=text, seen_at=now, ended_at=None)
        return
    connection.execute(
        _TABLE.insert(),
        {
            "company_id": company_id,
            "id": next_id(connection, company_id),
            "reason": reason,
            "place": int(urgency.place(reason)),
            "text": text,
            "began_at": now,
            "seen_at": now,
        },
    )


def _end(
    connection: Connection, company_id: int, ended: Sequence[Attention], now: datetime
) -> None:
    for one in ended:
        _change(connection, company_id, one.id, ended_at=now)


def _change(
    connection: Connection, company_id: int, number: int, **values: object
) -> None:
    key = {"company_id": company_id, "id": number}
    statements.change(connection, _TABLE, key, values)


def _in_order(rows: Sequence[Row[Any]]) -> list[Attention]:
    found = [
        Attention(row.id, row.reason, row.place, row.text, row.began_at, row.seen_at)
        for row in rows
        if row.id is not None
    ]
    latest = sorted(found, key=lambda one: (one.began_at, one.id), reverse=True)
    return sorted(latest, key=lambda one: one.place)


_STANDING: Final[sa.Select[Any]] = (
    sa.select(
        _COMPANY.c.attention_id,
        _COMPANY.c.attention,
        *(_TABLE.c[name] for name in ("id", "reason", "place", "text")),
        *(_TABLE.c.began_at, _TABLE.c.seen_at),
    )
    .select_from(
        _COMPANY.outerjoin(
            _TABLE,
            statements.equal(_TABLE.c.company_id, "company")
            & _TABLE.c.ended_at.is_(None),
        )
    )
    .where(statements.equal(_COMPANY.c.id, "company"))
)
"""The company's row, with each that stands."""
