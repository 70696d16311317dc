"""What lets a company in: its password."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import companies, models
from qbwc_server.database import company_transaction
from qbwc_server.keys import Keys, new_secret

_TABLE = models.company


def new_password(
    engine: Engine,
    keys: Keys,
    company_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> str:
    """Return a new password; the one in use works until the new one was used.

    Made twice before it was used, the one that the customer has still works.
    """
    password = new_secret()
    with company_transaction(engine, company_id) as connection:
        row = connection.execute(
            sa.select(_TABLE.c.password_hash, _TABLE.c.former_password_hash).where(
                _TABLE.c.id == company_id
            )
        ).one()
        companies.change(
            connection,
            company_id,
            password_hash=keys.hash("password", password),
            former_password_hash=row.former_password_hash or row.password_hash,
        )
        companies.audit(
            connection, company_id, now, who=who, what="new password", why=why
        )
    return password
