"""What a connection is opened with: whose it is, and a person renews it.

Each is kept with who did it and why. What is made is told once and stored as a hash.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import callers, registry
from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys, new_secret
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, transaction
from qbwc_server.storage.walls import bind_company

_TABLE = tables.company
Purpose = Literal["setup", "webhook"]
_COLUMNS: dict[Purpose, sa.Column[str]] = {
    "setup": _TABLE.c.setup_token_hash,
    "webhook": _TABLE.c.webhook_token_hash,
}
_NOTED_AGAIN = timedelta(hours=6)


def company_of(
    engine: Engine, keys: Keys, purpose: Purpose, token: str
) -> Company | None:
    """Return the company of a token in an address, None if it is nobody's.

    One that was hashed under an older key is hashed anew under the one in use.
    """
    column = _COLUMNS[purpose]
    with transaction(engine) as connection:
        known = callers.find(connection, keys, purpose, token)
        if known is None:
            return None
        bind_company(connection, known.company_id)
        row = connection.execute(
            registry.SECRETS.where(_TABLE.c.id == known.company_id)
        ).first()
        # Also where the lookup says so, the company itself must.
        stored = None if row is None else getattr(row, column.name)
        if row is None or not keys.matches(purpose, token, stored):
            return None
        if not (known.is_new and keys.hashed_now(str(stored))):
            _hash_anew(connection, keys, row.id, purpose, token, str(stored))
    return Company.of(row)


def _hash_anew(
    connection: Connection,
    keys: Keys,
    company_id: int,
    purpose: Purpose,
    token: str,
    stored: str,
) -> None:
    """Hash a token under the key in use, unless it was renewed just now."""
    column, hashed = _COLUMNS[purpose], keys.hash(purpose, token)
    changed = connection.execute(
        _TABLE.update()
        .where(_TABLE.c.id == company_id, column == stored)
        .values({column.name: hashed})
    )
    if changed.rowcount == 1:
        callers.know(connection, company_id, purpose, hashed)


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
            sa.select(
                _TABLE.c.username, _TABLE.c.password_hash, _TABLE.c.former_password_hash
            ).where(_TABLE.c.id == company_id)
        ).one()
        # Also where it was known under a key that is lost.
        callers.know(connection, company_id, "user", keys.hash("user", row.username))
        registry.change(
            connection,
            company_id,
            password_hash=keys.hash("password", password),
            former_password_hash=row.former_password_hash or row.password_hash,
        )
        registry.audit(
            connection, company_id, now, who=who, what="new password", why=why
        )
    return password


def new_owner_id(
    engine: Engine, company_id: int, *, now: datetime, who: str, why: str | None = None
) -> str:
    """Give a company a new OwnerID, for QBWC1039, and return it.

    The FileID stays: with another OwnerID the pair is new to QuickBooks, and the file
    is still known as the same. Until the new .qwc is added, the old one works on; the
    file is then known by name and place alone.
    """
    owner_id = "{" + str(uuid.uuid4()) + "}"
    with company_transaction(engine, company_id) as connection:
        before = registry.get(connection, company_id).owner_id
        registry.change(connection, company_id, owner_id=owner_id)
        detail: dict[str, Any] = {"before": before, "now": owner_id}
        registry.audit(
            connection,
            company_id,
            now,
            who=who,
            what="new OwnerID",
            why=why,
            detail=detail,
        )
    return owner_id


def new_setup_link(
    engine: Engine,
    keys: Keys,
    company_id: int,
    *,
    days: int,
    now: datetime,
    who: str,
    why: str | None = None,
) -> tuple[str, datetime]:
    """Return the token of a new setup link and when it ends; the old one ends now."""
    token, ends = new_secret(), now + timedelta(days=days)
    hashed = keys.hash("setup", token)
    with company_transaction(engine, company_id) as connection:
        callers.know(connection, company_id, "setup", hashed)
        registry.change(
            connection,
            company_id,
            setup_token_hash=hashed,
            setup_expires_at=ends,
            setup_used_at=None,
        )
        detail = {"expires_at": ends.isoformat()}
        registry.audit(
            connection,
            company_id,
            now,
            who=who,
            what="new setup link",
            why=why,
            detail=detail,
        )
    return token, ends


def page_ends_at(company: Company, days: int) -> datetime | None:
    """Return when a company's link stops opening its page, None if it does not.

    One that was never used ends with its password; one in use goes on until nobody
    has used it for `days`.
    """
    ends, used = company.setup_expires_at, company.setup_used_at
    if ends is None or used is None:
        return ends
    return max(ends, used + timedelta(days=days))


def shows_passwords(company: Company, now: datetime) -> bool:
    """Tell whether a company's link may still show a new password."""
    return company.setup_expires_at is None or now < company.setup_expires_at


def note_use(engine: Engine, company: Company, now: datetime) -> None:
    """Note that a company's link was used: once in some hours, not with each page."""
    if company.setup_used_at is None or now - company.setup_used_at > _NOTED_AGAIN:
        with company_transaction(engine, company.id) as connection:
            registry.change(connection, company.id, setup_used_at=now)
