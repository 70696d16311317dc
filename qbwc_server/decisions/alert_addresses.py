"""Addresses to which a customer has told what is wrong: asked, confirmed and ended.

Rule 1: nothing but one mail that asks goes to an address before its owner said yes by
the link in it. Whoever has the setup link of a company can have few of those sent, and
few to one address, so that nobody's mailbox is filled.
Rule 2: an address is stored encrypted, is shown in part, and is removed a day after it
was ended, or a week after it was asked and nobody said yes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from cryptography.fernet import InvalidToken
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    next_id,
)

MOST: Final = 3
"""Addresses of one company."""
MOST_AN_HOUR: Final = 3
"""Mails that ask, of one company."""
MOST_A_DAY: Final = 2
"""Mails that ask, of one company to one address."""
LONGEST: Final = 254
BY_LINK: Final = "the link in a mail"
"""Who did it, in the audit: whoever has the link that was sent to the address."""
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_TABLE = tables.alert_address
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""One address without a name: nothing in it begins another one, or another line."""
_LINK: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9a-f]{8}\.[0-9a-f]{64})")
_UNREADABLE: Final = "an address that cannot be read"


class AddressRefused(QbwcError):
    """An address for alerts was not taken."""

    id: ClassVar[str] = "alert-address-refused"


@dataclass(frozen=True, slots=True)
class AlertAddress:
    """One as it is stored, and as pages show it; `is_open` says that it may be used."""

    company_id: int
    id: int
    shown: str
    asked_at: datetime
    confirmed_at: datetime | None
    is_open: bool


def checked(text: str) -> str:
    """Return what was typed as one address.

    Raises:
        AddressRefused: it is none, or more than one.
    """
    found = text.strip(" ")
    if len(found) > LONGEST or _ADDRESS.fullmatch(found) is None:
        raise AddressRefused(
            "That is not an e-mail address: one alone, such as name@example.com."
        )
    return found


def masked(address: str) -> str:
    """Return an address as whoever typed it knows it again, and nobody else."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}{'*' * min(max(len(name) - 1, 2), 6)}@{domain}"


def ask(
    engine: Engine, keys: Keys, company: Company, text: str, *, now: datetime, who: str
) -> int:
    """Keep an address, and that it is to be asked; return its number.

    Raises:
        AddressRefused: it is none, is there already, or there were too many lately.
    """
    address = checked(text)
    with company_transaction(engine, company.id) as connection:
        forget_old(connection, company.id, now)
        rows = _rows(connection, company.id)
        _require_few(rows, [_read(keys, row) for row in rows], address, now)
        number = next_id(connection, company.id)
        connection.execute(
            _TABLE.insert(),
            {
                "company_id": company.id,
                "id": number,
                "address": keys.encrypt(address),
                "asked_at": now,
                "notice": "confirm",
                "notice_id": f"{company.id}-{number}-confirm",
                "notice_at": now,
            },
        )
        _changed(connection, company.id, number, "alert address added", who, now)
    return number


def _require_few(
    rows: Sequence[Row[Any]], addresses: Sequence[str], address: str, now: datetime
) -> None:
    same = [
        row
        for row, known in zip(rows, addresses, strict=True)
        if known.lower() == address.lower()
    ]
    if any(_is_open(row, now) for row in same):
        raise AddressRefused("That address is there already.")
    if sum(_is_open(row, now) for row in rows) >= MOST:
        raise AddressRefused(f"There are {MOST} addresses already: end one first.")
    if sum(now - row.asked_at < _HOUR for row in rows) >= MOST_AN_HOUR:
        raise AddressRefused("Too many mails were asked for: try again in an hour.")
    if sum(now - row.asked_at < _DAY for row in same) >= MOST_A_DAY:
        raise AddressRefused("That address was asked already: try again tomorrow.")


def standing(
    connection: Connection, keys: Keys, company_id: int, now: datetime
) -> list[AlertAddress]:
    """Return the addresses that were asked and not ended, in their order."""
    found = [_of(keys, row, now) for row in _rows(connection, company_id)]
    return [one for one in found if one.is_open]


def link(keys: Keys, company_id: int, number: int, asked_at: datetime) -> str:
    """Return what names an address in the links of its mails: nobody else can make it.

    It is not kept anywhere: a new secret key leaves it good until the old one is gone.
    """
    told = keys.hash("alert", _named(company_id, number, asked_at))
    return f"{company_id}-{number}-{told.replace(':', '.')}"


def linked(
    engine: Engine, keys: Keys, token: str, now: datetime
) -> AlertAddress | None:
    """Return the address of a link, ended or not; None where it is of none."""
    parts = _LINK.fullmatch(token)
    if parts is None:
        return None
    company_id, number = int(parts[1]), int(parts[2])
    with company_reading(engine, company_id) as connection:
        row = _one(connection, company_id, number)
    if row is None:
        return None
    named = _named(company_id, number, row.asked_at)
    if not keys.matches("alert", named, parts[3].replace(".", ":")):
        return None
    return _of(keys, row, now)


def confirm(
    engine: Engine, keys: Keys, company_id: int, number: int, *, now: datetime
) -> None:
    """Have alerts go to an address; one that was confirmed or ended stays as it is."""
    with company_transaction(engine, company_id) as connection:
        row = _one(connection, company_id, number)
        if row is None or row.confirmed_at or not _of(keys, row, now).is_open:
            return
        values = {"confirmed_at": now, "told": "", **_NOTHING}
        change(connection, company_id, number, **values)
        _changed(
            connection, company_id, number, "alert address confirmed", BY_LINK, now
        )


def end(
    engine: Engine, company_id: int, number: int, *, now: datetime, who: str
) -> None:
    """Have nothing go to an address any more; once ended it stays so."""
    with company_transaction(engine, company_id) as connection:
        row = _one(connection, company_id, number)
        if row is None or row.ended_at is not None:
            return
        values = {"ended_at": now, "weekly_at": None, **_NOTHING}
        change(connection, company_id, number, **values)
        _changed(connection, company_id, number, "alert address ended", who, now)


def change(
    connection: Connection, company_id: int, number: int, **values: object
) -> None:
    """Change the row of an address."""
    connection.execute(
        _TABLE.update()
        .where(_TABLE.c.company_id == company_id, _TABLE.c.id == number)
        .values(values)
    )


def rows(connection: Connection, company_id: int, now: datetime) -> list[Row[Any]]:
    """Return the rows of the addresses that may be used, also only to be asked."""
    return [row for row in _rows(connection, company_id) if _is_open(row, now)]


def forget_old(connection: Connection, company_id: int, now: datetime) -> int:
    """Remove what was ended a day ago, and what nobody confirmed; return how many."""
    gone = connection.execute(
        _TABLE.delete().where(
            _TABLE.c.company_id == company_id,
            sa.or_(
                _TABLE.c.ended_at < now - _DAY,
                sa.and_(
                    _TABLE.c.confirmed_at.is_(None), _TABLE.c.asked_at < now - _WEEK
                ),
            ),
        )
    )
    return gone.rowcount


_NOTHING: Final = {"notice": None, "notice_at": None, "notice_left": None}


def _rows(connection: Connection, company_id: int) -> Sequence[Row[Any]]:
    return connection.execute(
        sa.select(_TABLE).where(_TABLE.c.company_id == company_id).order_by(_TABLE.c.id)
    ).all()


def _one(connection: Connection, company_id: int, number: int) -> Row[Any] | None:
    return connection.execute(
        sa.select(_TABLE).where(
            _TABLE.c.company_id == company_id, _TABLE.c.id == number
        )
    ).first()


def _is_open(row: Row[Any], now: datetime) -> bool:
    if row.ended_at is not None:
        return False
    return row.confirmed_at is not None or now - row.asked_at < _WEEK


def _of(keys: Keys, row: Row[Any], now: datetime) -> AlertAddress:
    address = _read(keys, row)
    return AlertAddress(
        row.company_id,
        row.id,
        masked(address) if address else _UNREADABLE,
        row.asked_at,
        row.confirmed_at,
        _is_open(row, now),
    )


def _read(keys: Keys, row: Row[Any]) -> str:
    """Return the address of a row, "" where no key opens it."""
    try:
        return keys.decrypt(row.address)
    except InvalidToken:
        return ""


def _named(company_id: int, number: int, asked_at: datetime) -> str:
    # The moment, too: numbers of a company that was forgotten may come again.
    return f"{company_id}-{number}-{int(asked_at.timestamp())}"


def _changed(
    connection: Connection,
    company_id: int,
    number: int,
    what: str,
    who: str,
    now: datetime,
) -> None:
    registry.change(connection, company_id, alert_at=now)
    detail = {"address": number}
    registry.audit(connection, company_id, now, who=who, what=what, detail=detail)
