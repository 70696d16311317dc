"""Who may use the support console: tokens, logins, and what a browser keeps of them.

Rule 1: a token belongs to a person and is stored as a hash; removing it ends at once
what was opened with it.
Rule 2: what a browser keeps is signed, ends after `LASTS`, and opens nothing after its
person logged out, wherever.
Rule 3: the right token is always heard, whoever guesses; every try is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import logins
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys, new_secret
from qbwc_server.proxies import group
from qbwc_server.storage import tables
from qbwc_server.storage.database import transaction
from qbwc_server.storage.statements import insert

LASTS: Final = timedelta(hours=8)
"""How long a login is good for."""
KEPT: Final = timedelta(days=400)
"""How long it is kept who logged in."""
_MOST_ADDRESSES = 100
"""From so many a refusal is kept in one hour; all others share a row."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_UNKNOWN, _ELSEWHERE, _NOBODY = "unknown", "elsewhere", "0" * 64
_TOKEN, _LOGIN = tables.support_token, tables.support_login


class TokenExists(QbwcError):
    """Somebody has a token of that name."""

    id: ClassVar[str] = "support-token-exists"


class TokenUnknown(QbwcError):
    """Nobody has a token of that name."""

    id: ClassVar[str] = "support-token-unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """Who has logged in, and whether he may change something."""

    name: str
    may_act: bool


def is_name(text: str) -> bool:
    """Tell whether a token may have a name: it stands in the audit."""
    return _NAME.fullmatch(text) is not None


def add(
    connection: Connection,
    keys: Keys,
    name: str,
    *,
    may_act: bool,
    now: datetime,
    who: str,
) -> str:
    """Return a new token, which is told once and stored as a hash.

    The transaction is an operator's: on PostgreSQL the server may not do it.

    Raises:
        ValueError: the name is none.
        TokenExists: somebody has that name.
    """
    if not is_name(name):
        raise ValueError(name)
    token = new_secret()
    statement = (
        insert(connection, _TOKEN).on_conflict_do_nothing().returning(_TOKEN.c.name)
    )
    values = {
        "name": name,
        "may_act": may_act,
        "made_by": who,
        "made_at": now,
        "token_hash": keys.hash("support", token),
    }
    if connection.execute(statement, values).first() is None:
        raise TokenExists(f"There is a token of {name} already.")
    _keep(connection, now, name, f"token made by {who}", "")
    return token


def remove(connection: Connection, name: str, *, now: datetime, who: str) -> None:
    """End a token, and all that was opened with it; in an operator's transaction.

    Raises:
        TokenUnknown: there is none.
    """
    gone = connection.execute(_TOKEN.delete().where(_TOKEN.c.name == name))
    if gone.rowcount != 1:
        raise TokenUnknown(f"There is no token of {name}.")
    _keep(connection, now, name, f"token removed by {who}", "")


def every(engine: Engine) -> list[Row[Any]]:
    """Return who has a token, without its hash."""
    told = [_TOKEN.c[one] for one in ("name", "may_act", "made_by", "made_at")]
    query = sa.select(*told, _TOKEN.c.last_login_at).order_by(_TOKEN.c.name)
    with transaction(engine) as connection:
        return list(connection.execute(query))


def latest_logins(engine: Engine, limit: int) -> list[Row[Any]]:
    """Return who logged in, was refused, or was given a token, the latest first."""
    query = sa.select(_LOGIN).order_by(_LOGIN.c.hour.desc(), _LOGIN.c.last_at.desc())
    with transaction(engine) as connection:
        return list(connection.execute(query.limit(limit)))


def exist(engine: Engine) -> bool:
    """Tell whether anybody has a token; without one there is no console."""
    with transaction(engine) as connection:
        found = connection.execute(sa.select(_TOKEN.c.name).limit(1))
        return found.first() is not None


def log_in(
    engine: Engine, keys: Keys, name: str, token: str, *, peer: str, now: datetime
) -> str | None:
    """Return what the browser keeps, None if name and token are not right.

    The right token is always heard, as a password in `logins`.
    """
    here = keys.hash("address", group(peer))
    with transaction(engine) as connection:
        row = _find(connection, name)
        stored = _NOBODY if row is None else row.token_hash
        matches = keys.matches("support", token, stored)
        who = _UNKNOWN if row is None else row.name
        if row is None or not matches:
            door = logins.SUPPORT
            counted = logins.failed(connection, keys, name, peer, now, door)
            why = "refused" if counted else "refused, too many tries"
            _keep(connection, now, who, why, peer)
            return None
        logins.forgive(connection, keys, name, peer, logins.SUPPORT)
        if not keys.hashed_now(stored):
            stored = keys.hash("support", token)
        connection.execute(
            _TOKEN.update()
            .where(_TOKEN.c.name == row.name)
            .values(token_hash=stored, login_from=here, last_login_at=now)
        )
        _keep(connection, now, who, "logged in", peer)
    told = f"{int((now + LASTS).timestamp())}.{row.round}.{row.name}"
    return f"{told}.{keys.hash('support session', _signed(told, stored))}"


def person(engine: Engine, keys: Keys, kept: str, now: datetime) -> Person | None:
    """Return who has logged in by what his browser keeps, None if it opens nothing."""
    with transaction(engine) as connection:
        row = _opened(connection, keys, kept, now)
    return None if row is None else Person(row.name, row.may_act)


def log_out(engine: Engine, keys: Keys, kept: str, *, peer: str, now: datetime) -> None:
    """End all that a person has opened, in every browser."""
    with transaction(engine) as connection:
        row = _opened(connection, keys, kept, now)
        if row is None:
            return
        connection.execute(
            _TOKEN.update()
            .where(_TOKEN.c.name == row.name)
            .values(round=_TOKEN.c.round + 1)
        )
        _keep(connection, now, row.name, "logged out", peer)


def _find(connection: Connection, name: str) -> Row[Any] | None:
    query = sa.select(_TOKEN).where(_TOKEN.c.name == name)
    return connection.execute(query).first() if is_name(name) else None


def _opened(
    connection: Connection, keys: Keys, kept: str, now: datetime
) -> Row[Any] | None:
    told, _, signature = kept.rpartition(".")
    parts = told.split(".")
    if len(parts) != len(("ends", "round", "name")):
        return None
    row = _find(connection, parts[2])
    stored = _NOBODY if row is None else row.token_hash
    if not keys.matches("support session", _signed(told, stored), signature):
        return None
    # What is signed was written here, so it is of numbers.
    is_over = now.timestamp() >= int(parts[0])
    return row if row and not is_over and int(parts[1]) == row.round else None


def _signed(told: str, token_hash: str) -> str:
    """Return what is signed: another token of the same name is another person's."""
    return f"{told}\n{token_hash}"


def _keep(
    connection: Connection, now: datetime, who: str, what: str, peer: str
) -> None:
    """Keep what was done: of each kind one row in an hour, of guessers not too many."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    peer = group(peer)[:60]
    if what.startswith("refused"):
        several = (
            sa.select(sa.func.count())
            .select_from(_LOGIN)
            .where(_LOGIN.c.hour == hour, _LOGIN.c.what == what)
        )
        if connection.execute(several).scalar_one() >= _MOST_ADDRESSES:
            peer = _ELSEWHERE
    else:
        connection.execute(_LOGIN.delete().where(_LOGIN.c.hour < now - KEPT))
    connection.execute(
        insert(connection, _LOGIN).on_conflict_do_update(
            index_elements=["hour", "who", "what", "peer"],
            set_={"times": _LOGIN.c.times + 1, "last_at": now},
        ),
        {"hour": hour, "who": who, "what": what, "peer": peer, "last_at": now},
    )
