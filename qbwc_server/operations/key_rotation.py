"""Renewing the secret key: what is still under an older one, and bringing it over.

A new key is put in front of the old one in QBWC_SECRET_KEY. Mosaic's keys and addresses
for alerts are encrypted anew by `rotate`. A hash can be made anew only from what it is
of, so that happens when a password or a token is next used rightly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import InvalidToken
from sqlalchemy.engine import Engine

from qbwc_server.companies import callers, credentials, registry
from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import company_transaction, operator_transaction

_TABLE, _CALLER, _ALERT = tables.company, tables.caller, tables.alert_address
SETUP = "setup address"
_HASHES = {
    "password": _TABLE.c.password_hash,
    "former password": _TABLE.c.former_password_hash,
    SETUP: _TABLE.c.setup_token_hash,
    "webhook address": _TABLE.c.webhook_token_hash,
}
MOSAIC_KEY, USER_NAME, ADDRESS = "Mosaic key", "user name", "alert address"


@dataclass(frozen=True, slots=True)
class Older:
    """Something of a company, or of who does support, not under the key in use.

    `lost` says that it is under none of the keys: it must be set anew.
    """

    company: str
    what: str
    lost: bool = False


def rotate(engine: Engine, keys: Keys, *, now: datetime, who: str) -> int:
    """Encrypt Mosaic keys and addresses under the key in use; return how many were not.

    User names are hashed anew, too: those are known without the customer's help.
    One that no key opens is left as it is; `older` names it.
    """
    with operator_transaction(engine) as connection:
        callers.note_all(connection, keys)
        rows = connection.execute(sa.select(_TABLE.c.id, _TABLE.c.mosaic_key)).all()
        alerted = connection.execute(
            sa.select(_ALERT.c.company_id, _ALERT.c.id, _ALERT.c.address)
        ).all()
    return sum(
        _rotate_one(engine, keys, row.id, now, who)
        for row in rows
        if row.mosaic_key is not None and not keys.encrypted_now(row.mosaic_key)
    ) + sum(
        _rotate_address(engine, keys, row.company_id, row.id, now, who)
        for row in alerted
        if not keys.encrypted_now(row.address)
    )


def _rotate_one(
    engine: Engine, keys: Keys, company_id: int, now: datetime, who: str
) -> int:
    with company_transaction(engine, company_id) as connection:
        token = registry.get(connection, company_id).mosaic_key
        if token is None or keys.encrypted_now(token):
            return 0  # somebody else was quicker
        try:
            renewed = keys.encrypt(keys.decrypt(token))
        except InvalidToken:
            return 0
        registry.change(connection, company_id, mosaic_key=renewed)
        registry.audit(
            connection, company_id, now, who=who, what="Mosaic key encrypted anew"
        )
    return 1


def _rotate_address(
    engine: Engine, keys: Keys, company_id: int, number: int, now: datetime, who: str
) -> int:
    key = {"company_id": company_id, "id": number}
    with company_transaction(engine, company_id) as connection:
        token = connection.execute(
            sa.select(_ALERT.c.address).where(
                _ALERT.c.company_id == company_id, _ALERT.c.id == number
            )
        ).scalar()
        if token is None or keys.encrypted_now(token):
            return 0  # somebody else was quicker
        try:
            renewed = keys.encrypt(keys.decrypt(token))
        except InvalidToken:
            return 0
        statements.change(connection, _ALERT, key, {"address": renewed})
        what = "alert address encrypted anew"
        detail = {"address": number}
        registry.audit(connection, company_id, now, who=who, what=what, detail=detail)
    return 1


def older(
    engine: Engine, keys: Keys, *, now: datetime, page_link_days: int
) -> list[Older]:
    """Return all that needs another key than the one in use.

    A setup address that has ended needs none: it opens nothing under any key.
    """
    with operator_transaction(engine) as connection:
        rows = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.name)).all()
        token = tables.support_token
        people = connection.execute(sa.select(token).order_by(token.c.name)).all()
        alerted = connection.execute(sa.select(_ALERT)).all()
        users = {
            one.company_id: one.hash
            for one in connection.execute(
                sa.select(_CALLER).where(_CALLER.c.kind == "user")
            )
        }
    found = []
    for row in rows:
        if row.mosaic_key is not None and not keys.encrypted_now(row.mosaic_key):
            lost = not _opens(keys, row.mosaic_key)
            found.append(Older(row.name, MOSAIC_KEY, lost))
        if not keys.hashed_now(users.get(row.id, "")):
            found.append(Older(row.name, USER_NAME))
        for what, column in _HASHES.items():
            stored = getattr(row, column.name)
            if what == SETUP and _has_ended(row, now, page_link_days):
                continue
            if stored is not None and not keys.hashed_now(stored):
                found.append(Older(row.name, what))
        found += [
            Older(row.name, ADDRESS, not _opens(keys, one.address))
            for one in alerted
            if one.company_id == row.id and not keys.encrypted_now(one.address)
        ]
    found += [
        Older(one.name, "support token")
        for one in people
        if not keys.hashed_now(one.token_hash)
    ]
    return found


def _has_ended(row: sa.Row[Any], now: datetime, days: int) -> bool:
    ends = credentials.page_ends_at(Company.of(row), days)
    return ends is not None and ends <= now


def fit(engine: Engine, keys: Keys) -> bool:
    """Tell whether a database is one of these keys.

    One secret of it that they know is enough: of another a key may be lost. A database
    without companies fits any.
    """
    secrets = sa.select(_TABLE.c.mosaic_key, _TABLE.c.password_hash)
    with operator_transaction(engine) as connection:
        rows = connection.execute(secrets).all()
    return not rows or any(
        keys.made(row.password_hash)
        or (row.mosaic_key is not None and _opens(keys, row.mosaic_key))
        for row in rows
    )


def _opens(keys: Keys, token: str) -> bool:
    try:
        keys.decrypt(token)
    except InvalidToken:
        return False
    return True
