"""Calls with a ticket that opens nothing: refused, and kept where support looks.

Anybody may call as often as the network lets him. So one row of the audit stands for
all such calls of one kind from one address in one hour, and when more addresses than
`MOST_ADDRESSES` do it, one row for all others. Only making a row takes the company's
lock: who calls without a ticket keeps nobody waiting who has one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    lock_company,
    next_id,
    transaction,
)
from qbwc_server.storage.statements import insert
from qbwc_server.storage.walls import bind_company

MOST_ADDRESSES = 20
"""In one hour, of one company."""
ELSEWHERE = "elsewhere"
_TABLE = tables.audit


class Refusal(StrEnum):
    """Why a ticket opens nothing, in words for the audit."""

    UNKNOWN = "call with a ticket that is none of this company"
    ENDED = "call with the ticket of a session that has ended"


def keep(
    engine: Engine,
    company_id: int,
    refusal: Refusal,
    *,
    call: str,
    peer: str,
    now: datetime,
) -> bool:
    """Keep that a call was refused; False if there is no such company.

    `call` is the method, `peer` the caller's network address; the ticket is not told,
    because a part of it may be right.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    with transaction(engine) as connection:
        bind_company(connection, company_id)
        who = peer[:60] or "unknown"
        if _count_one_more(connection, company_id, _key(hour, refusal, who), now):
            return True
        if _rows_of(connection, company_id, hour) >= MOST_ADDRESSES:
            who = ELSEWHERE
            if _count_one_more(connection, company_id, _key(hour, refusal, who), now):
                return True
        if not lock_company(connection, company_id):
            return False
        statement = insert(connection, _TABLE).on_conflict_do_update(
            index_elements=["company_id", "dedupe_key"],
            index_where=_TABLE.c.dedupe_key.is_not(None),
            set_={"times": _TABLE.c.times + 1, "last_at": now},
        )
        row = {
            "company_id": company_id,
            "id": next_id(connection, company_id),
            "at": now,
            "who": who,
            "what": refusal.value,
            "why": f"The first was {call}.",
            "dedupe_key": _key(hour, refusal, who),
            "last_at": now,
        }
        connection.execute(statement, row)
    return True


def _key(hour: datetime, refusal: Refusal, who: str) -> str:
    return f"{hour:%Y-%m-%dT%H}Z {refusal.name} {who}"


def _count_one_more(
    connection: Connection, company_id: int, key: str, now: datetime
) -> bool:
    changed = connection.execute(
        _TABLE.update()
        .where(_TABLE.c.company_id == company_id, _TABLE.c.dedupe_key == key)
        .values(times=_TABLE.c.times + 1, last_at=now)
    )
    return changed.rowcount == 1


def _rows_of(connection: Connection, company_id: int, hour: datetime) -> int:
    found: int = connection.execute(
        sa.select(sa.func.count())
        .select_from(_TABLE)
        .where(
            _TABLE.c.company_id == company_id,
            _TABLE.c.dedupe_key.is_not(None),
            _TABLE.c.at >= hour,
        )
    ).scalar_one()
    return found
