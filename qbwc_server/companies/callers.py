"""Whose a user name or a token is, before it is known for which company anybody calls.

All that is kept for that is which company and a keyed hash (`caller`): whoever may read
it learns neither names nor addresses. The user name has another hash than in
`login_failure`, so that the two tell nothing of each other either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.keys import Keys
from qbwc_server.storage import statements, tables

Kind = Literal["user", "setup", "webhook"]
NOBODY: Final = 0
"""The number of no company: what is asked with it finds nothing."""
_CALLER, _COMPANY = tables.caller, tables.company


@dataclass(frozen=True, slots=True)
class Known:
    """Which company it is, and whether it is known by the key in use."""

    company_id: int
    is_new: bool


def know(connection: Connection, company_id: int, kind: Kind, hashed: str) -> None:
    """Note by which hash a company is known from now on, and no longer by another."""
    row = {"company_id": company_id, "kind": kind, "hash": hashed}
    statements.upsert(connection, _CALLER, [row], key=("company_id", "kind"))


def find(connection: Connection, keys: Keys, kind: Kind, secret: str) -> Known | None:
    """Return whose a secret is, None if it is nobody's."""
    row = connection.execute(
        sa.select(_CALLER.c.company_id, _CALLER.c.hash).where(
            _CALLER.c.kind == kind, _CALLER.c.hash.in_(keys.hashes(kind, secret))
        )
    ).first()
    return row and Known(row.company_id, keys.hashed_now(row.hash))


def are_missing(connection: Connection) -> bool:
    """Tell whether there are companies whose user name is not noted."""
    noted = sa.exists().where(
        _CALLER.c.company_id == _COMPANY.c.id, _CALLER.c.kind == "user"
    )
    return (
        connection.execute(sa.select(_COMPANY.c.id).where(~noted)).first() is not None
    )


def note_all(connection: Connection, keys: Keys) -> int:
    """Note every user name that is not noted under the key in use; return how many.

    In an operator's transaction: after an upgrade from a program that noted none, after
    another one of that age has added a company, and when the key was renewed.
    """
    noted = {
        row.company_id: row.hash
        for row in connection.execute(
            sa.select(_CALLER.c.company_id, _CALLER.c.hash).where(
                _CALLER.c.kind == "user"
            )
        )
    }
    users = connection.execute(sa.select(_COMPANY.c.id, _COMPANY.c.username)).all()
    count = 0
    for company_id, username in users:
        hashed = keys.hash("user", username)
        if noted.get(company_id) != hashed:
            know(connection, company_id, "user", hashed)
            count += 1
    return count
