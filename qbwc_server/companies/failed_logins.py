"""Wrong passwords of a company's Web Connector, by where they came from, and whose.

One row an address, so many of a company at most: a guesser who has more than those is
counted among `OTHERS`. It is written once a minute at most, by who holds its row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.storage import tables
from qbwc_server.storage.statements import insert

OTHERS: Final = "others"
MOST: Final = 50
"""Addresses of a company."""
_TABLE, _COMPANY = tables.failed_login, tables.company
_LONGEST: Final = 64


def whose(login_from: str | None, known_from: str | None, here: str) -> str:
    """Tell whose an address is; both are hashes of where the right password came from.

    Who moves to another network with a wrong password is a stranger until he is right.
    """
    known = {*(known_from or "").split(), *([login_from] if login_from else [])}
    if not known:
        return "unknown"
    return "customer" if here in known else "stranger"


def moment(whose: str) -> sa.Column[datetime]:
    """Return where a company keeps when the last one came.

    What a stranger sends says nothing about the password in its Web Connector.
    """
    return (
        _COMPANY.c.guessed_at if whose == "stranger" else _COMPANY.c.wrong_password_at
    )


def keep(
    connection: Connection, company_id: int, peer: str, whose: str, now: datetime
) -> None:
    """Keep that a wrong password came, if it was just noted with the company.

    One statement, also where there is no such company: its time tells nothing.
    """
    own = _TABLE.c.company_id == company_id
    here = sa.select(_TABLE.c.address).where(own, _TABLE.c.address == peer[:_LONGEST])
    many = sa.select(sa.func.count()).select_from(_TABLE).where(own).scalar_subquery()
    too_many = (many >= MOST) & ~here.exists()
    noted = moment(whose)
    row = sa.select(
        sa.bindparam("company_id_of", company_id, sa.BigInteger),
        sa.case((too_many, OTHERS), else_=peer[:_LONGEST]),
        sa.case((too_many, "stranger"), else_=whose),
        noted,
        noted,
    ).where(_COMPANY.c.id == company_id, noted == now)
    columns = ["company_id", "address", "whose", "first_at", "last_at"]
    statement = insert(connection, _TABLE).from_select(columns, row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["company_id", "address"],
            set_={
                "whose": statement.excluded.whose,
                "last_at": statement.excluded.last_at,
                "times": _TABLE.c.times + 1,
            },
        )
    )


def forget_old(connection: Connection, company_id: int, before: datetime) -> int:
    """Forget addresses from which none came since a moment; return how many."""
    gone = connection.execute(
        _TABLE.delete().where(
            _TABLE.c.company_id == company_id, _TABLE.c.last_at < before
        )
    )
    return gone.rowcount
