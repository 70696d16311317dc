"""Who calls: user names and passwords of Web Connectors, and slowing down guessers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import companies, models
from qbwc_server.companies import Company
from qbwc_server.database import insert, transaction
from qbwc_server.keys import Keys

MOST_FAILURES = 10
FORGOTTEN_AFTER = timedelta(minutes=15)
_FORGET_AT_ONCE = 100
_FAILURE = models.login_failure
_NOBODY = "0" * 64


def check(
    engine: Engine,
    keys: Keys,
    username: str,
    password: str,
    *,
    peer: str,
    now: datetime,
) -> Company | None:
    """Return the company of a user name and password, None if they are not right.

    The work is the same for known and unknown names. Who failed ten times from one
    address with one name is refused there for fifteen minutes, whatever is said; from
    elsewhere the name still works, so that nobody can be locked out by others. Asking
    again meanwhile makes it no longer: a Web Connector whose password was mended calls
    every minute. After a reset the former password works until the new one was used.
    """
    who = keys.hash("failure", f"{peer}\n{username}")
    with transaction(engine) as connection:
        row = connection.execute(
            sa.select(models.company).where(models.company.c.username == username)
        ).first()
        matches = keys.matches(
            "password", password, row.password_hash if row is not None else _NOBODY
        )
        former = keys.matches(
            "password",
            password,
            (row.former_password_hash if row is not None else None) or _NOBODY,
        )
        if _blocked(connection, who, now):
            return None
        if row is None or not (matches or former):
            _count_failure(connection, who, now)
            return None
        connection.execute(_FAILURE.delete().where(_FAILURE.c.who == who))
        _renew(connection, keys, row, password, former=not matches)
        if matches and row.former_password_hash is not None:
            companies.change(connection, row.id, former_password_hash=None)
    return Company.of(row)


def _renew(
    connection: Connection, keys: Keys, row: Row[Any], password: str, *, former: bool
) -> None:
    """Hash a password anew that was hashed under an older key.

    Unless somebody has just given the company another one.
    """
    table = models.company
    column = table.c.former_password_hash if former else table.c.password_hash
    stored = getattr(row, column.name)
    if not keys.hashed_now(stored):
        connection.execute(
            table.update()
            .where(table.c.id == row.id, column == stored)
            .values({column.name: keys.hash("password", password)})
        )


def _blocked(connection: Connection, who: str, now: datetime) -> bool:
    row = connection.execute(sa.select(_FAILURE).where(_FAILURE.c.who == who)).first()
    return (
        row is not None
        and row.failures >= MOST_FAILURES
        and now - row.last_at < FORGOTTEN_AFTER
    )


def _count_failure(connection: Connection, who: str, now: datetime) -> None:
    forgotten = _FAILURE.c.last_at <= now - FORGOTTEN_AFTER
    connection.execute(
        insert(connection, _FAILURE).on_conflict_do_update(
            index_elements=["who"],
            set_={
                "failures": sa.case((forgotten, 1), else_=_FAILURE.c.failures + 1),
                "last_at": now,
            },
        ),
        {"who": who, "failures": 1, "last_at": now},
    )
    # A guesser who takes another name each time must not fill the database; those that
    # somebody else is about to change are left, so that nobody waits for anybody.
    old = sa.select(_FAILURE.c.who).where(forgotten).limit(_FORGET_AT_ONCE)
    connection.execute(
        _FAILURE.delete().where(
            _FAILURE.c.who.in_(old.with_for_update(skip_locked=True))
        )
    )
