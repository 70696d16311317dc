"""The tokens in the addresses of a setup page and of a webhook."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys
from qbwc_server.storage import tables
from qbwc_server.storage.database import transaction

_TABLE = tables.company
Purpose = Literal["setup", "webhook"]
_COLUMNS: dict[Purpose, sa.Column[str]] = {
    "setup": _TABLE.c.setup_token_hash,
    "webhook": _TABLE.c.webhook_token_hash,
}


def company_of(
    engine: Engine, keys: Keys, purpose: Purpose, token: str
) -> Company | None:
    """Return the company of a token, None if it is nobody's.

    One that was hashed under an older key is hashed anew under the one in use.
    """
    column = _COLUMNS[purpose]
    with transaction(engine) as connection:
        row = connection.execute(
            sa.select(_TABLE).where(column.in_(keys.hashes(purpose, token)))
        ).first()
        if row is None:
            return None
        stored = getattr(row, column.name)
        if not keys.hashed_now(stored):
            connection.execute(
                _TABLE.update()
                .where(_TABLE.c.id == row.id, column == stored)
                .values({column.name: keys.hash(purpose, token)})
            )
    return Company.of(row)
