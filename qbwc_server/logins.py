"""Who calls: user names and passwords of Web Connectors, and slowing down guessers."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server import companies, models
from qbwc_server.companies import Company
from qbwc_server.database import transaction
from qbwc_server.keys import Keys

MOST_FAILURES = 10
FORGOTTEN_AFTER = timedelta(minutes=15)
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
    elsewhere the name still works, so that nobody can be locked out by others. After
    a reset the former password works until the new one was used.
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
            return None  # not counted: a Web Connector that goes on calling gets in
        if row is None or not (matches or former):
            _count_failure(connection, who, now)
            return None
        connection.execute(_FAILURE.delete().where(_FAILURE.c.who == who))
        if matches and row.former_password_hash is not None:
            companies.change(connection, row.id, former_password_hash=None)
    return Company.of(row)


def _blocked(connection: Connection, who: str, now: datetime) -> bool:
    row = connection.execute(sa.select(_FAILURE).where(_FAILURE.c.who == who)).first()
    return (
        row is not None
        and row.failures >= MOST_FAILURES
        and now - row.last_at < FORGOTTEN_AFTER
    )


def _count_failure(connection: Connection, who: str, now: datetime) -> None:
    stale = sa.case((_FAILURE.c.last_at < now - FORGOTTEN_AFTER, 1), else_=0)
    changed = connection.execute(
        _FAILURE.update()
        .where(_FAILURE.c.who == who)
        .values(
            failures=sa.case((stale == 1, 1), else_=_FAILURE.c.failures + 1),
            last_at=now,
        )
    ).rowcount
    if changed == 0:
        connection.execute(
            _FAILURE.insert(), {"who": who, "failures": 1, "last_at": now}
        )
