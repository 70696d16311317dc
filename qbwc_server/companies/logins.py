"""Who calls: user names and passwords of Web Connectors, and what is kept of guessers.

Rule 1: the work is the same for known and unknown names, counted or not.
Rule 2: the right password is always heard, whatever others do or the same caller did
before. Passwords are 160 random bits that we made: no wait is needed against guessing,
and a wait that stops a right one is a lock that anybody may close.
Rule 3: guessers neither fill the database nor keep it busy. Who guesses more often than
typing goes wrong is not counted for a while, and each count is deleted in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import callers, failed_logins, registry
from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys
from qbwc_server.proxies import group, site
from qbwc_server.storage import tables
from qbwc_server.storage.database import transaction
from qbwc_server.storage.statements import insert
from qbwc_server.storage.walls import bind_company

FREE_WITH_A_NAME = 5
"""Failures with one name from one address that are all counted: typing goes wrong."""
FREE_OF_AN_ADDRESS = 20
FREE_OF_A_SITE = 100
"""Of a network that one customer of a provider may have: of IPv6 one of 48 bits."""
FREE_OF_A_NAME = 20
MOST_IN_A_MINUTE = 300
"""Failures at one door that are counted in a minute, whoever they are of."""
MOST_ADDRESSES = 8
"""That are known of a company: offices, lines and computers that it calls from."""
WEB_CONNECTOR, SUPPORT = "", "support"
"""The doors, each of which has counts of its own."""
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
_NOTED_EVERY = timedelta(minutes=1)
_FORGET_AT_ONCE = 100
_NOTED_AGAIN = timedelta(minutes=1)
_FAILURE = tables.login_failure
_COMPANY = tables.company
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class _Counts:
    """Under which names failures are counted; keyed hashes, so they tell nothing."""

    minute: str
    minute_before: str
    name: str
    address: str
    site: str
    both: str

    @classmethod
    def of(
        cls, keys: Keys, username: str, peer: str, now: datetime, door: str
    ) -> _Counts:
        minute = int(now.timestamp()) // 60
        where, wider = group(peer), site(peer)

        def who(told: str) -> str:
            return keys.hash("failure", f"{door}\n{told}" if door else told)

        return cls(
            minute=who(f"minute\n{minute}"),
            minute_before=who(f"minute\n{minute - 1}"),
            name=who(f"name\n{username}"),
            address=who(f"address\n{where}"),
            site=who(f"{'address' if wider == where else 'site'}\n{wider}"),
            both=who(_both(username, peer)),
        )


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

    After a reset the former password works until the new one was used.
    """
    with transaction(engine) as connection:
        known = callers.find(connection, keys, "user", username)
        company_id = callers.NOBODY if known is None else known.company_id
        bind_company(connection, company_id)
        row = connection.execute(
            registry.SECRETS.where(
                _COMPANY.c.id == company_id, _COMPANY.c.username == username
            )
        ).first()
        matches = keys.matches(
            "password", password, row.password_hash if row is not None else _NOBODY
        )
        former = keys.matches(
            "password",
            password,
            (row.former_password_hash if row is not None else None) or _NOBODY,
        )
        if row is None or not (matches or former):
            if failed(connection, keys, username, peer, now):
                _note(connection, keys, row, company_id, peer, now)
            return None
        if known is not None and not known.is_new:
            callers.know(connection, row.id, "user", keys.hash("user", username))
        forgive(connection, keys, username, peer)
        _renew(connection, keys, row, password, former=not matches)
        changed: dict[str, object] = {}
        if matches and row.former_password_hash is not None:
            changed["former_password_hash"] = None
        changed |= _known(row, keys.hash("address", group(peer)))
        if changed:
            registry.change(connection, row.id, **changed)
    return Company.of(row)


def _known(row: Row[Any], here: str) -> dict[str, object]:
    """Return what a company's row says anew of where its calls come from."""
    before = (row.known_from or "").split()
    if row.login_from == here and here in before:
        return {}
    others = [one for one in before if one != here]
    # The program before this one wrote down the last alone.
    if row.login_from not in {None, here, *others}:
        others = [row.login_from, *others]
    now = " ".join([here, *others][:MOST_ADDRESSES])
    return {"login_from": here, "known_from": now}


def _both(username: str, peer: str) -> str:
    return f"both\n{group(peer)}\n{username}"


def counted(keys: Keys, username: str, peer: str) -> str:
    """Return under what failures with a name from an address are counted."""
    return keys.hash("failure", _both(username, peer))


def failed(
    connection: Connection,
    keys: Keys,
    name: str,
    peer: str,
    now: datetime,
    door: str = WEB_CONNECTOR,
) -> bool:
    """Count a wrong password or token that came with a name; False: not this time."""
    counts = _Counts.of(keys, name, peer, now, door)
    if _enough(_failures(connection, counts), counts, now):
        return False
    _count_failure(connection, counts, now)
    return True


def forgive(
    connection: Connection,
    keys: Keys,
    name: str,
    peer: str,
    door: str = WEB_CONNECTOR,
) -> None:
    """Forget the failures with a name from an address: the right one came."""
    told = _both(name, peer)
    who = keys.hash("failure", f"{door}\n{told}" if door else told)
    connection.execute(_FAILURE.delete().where(_FAILURE.c.who == who))


def note_too_old(engine: Engine, keys: Keys, peer: str, now: datetime) -> None:
    """Note that a Web Connector of an address is too old; it does not say whose it is.

    Its address alone tells: whoever looks at their page from there is told.
    """
    who = _too_old(keys.hash("address", group(peer)))
    minute = keys.hash("failure", f"too old\nminute\n{int(now.timestamp()) // 60}")
    with transaction(engine) as connection:
        rows = connection.execute(
            sa.select(_FAILURE).where(_FAILURE.c.who.in_([who, minute]))
        )
        before = {row.who: row for row in rows}
        lately = who in before and before[who].last_at > now - _NOTED_AGAIN
        enough = minute in before and before[minute].failures >= MOST_IN_A_MINUTE
        if not lately and not enough:
            # Anybody may call with as many addresses as he has, and no password.
            _count(connection, (minute, who), now)


def too_old_at(
    connection: Connection, keys: Keys, company: Company, peer: str, now: datetime
) -> datetime | None:
    """Return when a Web Connector that may be a company's was too old, None if not.

    It called from where the company's calls come from, or where somebody looks from,
    and nothing has called for the company since.
    """
    since = max(company.last_seen_at or now - FORGOTTEN_AFTER, now - FORGOTTEN_AFTER)
    places = [keys.hash("address", group(peer))] if peer else []
    usual = connection.execute(
        sa.select(_COMPANY.c.login_from, _COMPANY.c.known_from).where(
            _COMPANY.c.id == company.id
        )
    ).first()
    if usual is not None:
        places += [usual.login_from] if usual.login_from else []
        places += (usual.known_from or "").split()
    at: datetime | None = connection.execute(
        sa.select(sa.func.max(_FAILURE.c.last_at)).where(
            _FAILURE.c.who.in_([_too_old(place) for place in places]),
            _FAILURE.c.last_at > since,
        )
    ).scalar()
    return at


def _too_old(place: str) -> str:
    return f"too old {place}"


def _renew(
    connection: Connection, keys: Keys, row: Row[Any], password: str, *, former: bool
) -> None:
    """Hash a password anew that was hashed under an older key.

    Unless somebody has just given the company another one.
    """
    table = tables.company
    column = table.c.former_password_hash if former else table.c.password_hash
    stored = getattr(row, column.name)
    if not keys.hashed_now(stored):
        connection.execute(
            table.update()
            .where(table.c.id == row.id, column == stored)
            .values({column.name: keys.hash("password", password)})
        )


def wait(failures: int, free: int) -> timedelta:
    """Return how long none is counted after so many: 1, 2, 4 seconds and so on."""
    if failures < free:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - free, 20)), LONGEST_WAIT)


def _enough(failures: dict[str, Row[Any]], counts: _Counts, now: datetime) -> bool:
    """Tell whether a failure is not counted, because so many were."""

    def waits(who: str, free: int) -> bool:
        row = failures.get(who)
        return row is not None and now < row.last_at + wait(row.failures, free)

    def in_minute(who: str) -> int:
        row = failures.get(who)
        return 0 if row is None else row.failures

    busy = max(in_minute(counts.minute), in_minute(counts.minute_before))
    return (
        busy >= MOST_IN_A_MINUTE
        or waits(counts.both, FREE_WITH_A_NAME)
        or waits(counts.address, FREE_OF_AN_ADDRESS)
        or waits(counts.site, FREE_OF_A_SITE)
        or waits(counts.name, FREE_OF_A_NAME)
    )


def _failures(connection: Connection, counts: _Counts) -> dict[str, Row[Any]]:
    whose = (
        *(counts.minute, counts.minute_before, counts.name),
        *(counts.address, counts.site, counts.both),
    )
    rows = connection.execute(sa.select(_FAILURE).where(_FAILURE.c.who.in_(whose)))
    return {row.who: row for row in rows}


def _note(
    connection: Connection,
    keys: Keys,
    row: Row[Any] | None,
    company_id: int,
    peer: str,
    now: datetime,
) -> None:
    """Keep with a company that a wrong password came, for who asks why it is silent.

    Once a minute at most, so that a guesser does not keep its row busy; and where the
    row is just being changed not at all, for everybody's count is held meanwhile.
    """
    latest, known = (None, None) if row is None else (row.login_from, row.known_from)
    whose = failed_logins.whose(latest, known, keys.hash("address", group(peer)))
    before = failed_logins.moment(whose)
    free = (
        sa.select(_COMPANY.c.id)
        .where(
            _COMPANY.c.id == company_id,
            sa.or_(before.is_(None), before <= now - _NOTED_EVERY),
        )
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        _COMPANY.update()
        .where(_COMPANY.c.id == free.scalar_subquery())
        .values({before.name: now})
    )
    failed_logins.keep(connection, company_id, peer, whose, now)


def _count_failure(connection: Connection, counts: _Counts, now: datetime) -> None:
    # Everybody's first, so that two who fail at once wait there and not crosswise.
    whose = (counts.minute, counts.name, counts.site, counts.address, counts.both)
    _count(connection, whose, now)


def _count(connection: Connection, whose: Sequence[str], now: datetime) -> None:
    """Count one more under each name, and forget some of what is old."""
    forgotten = _FAILURE.c.last_at <= now - FORGOTTEN_AFTER
    connection.execute(
        insert(connection, _FAILURE).on_conflict_do_update(
            index_elements=["who"],
            set_={
                "failures": sa.case((forgotten, 1), else_=_FAILURE.c.failures + 1),
                "last_at": now,
            },
        ),
        [{"who": who, "failures": 1, "last_at": now} for who in dict.fromkeys(whose)],
    )
    # A guesser who takes another name each time must not fill the database; those that
    # somebody else is about to change are left, so that nobody waits for anybody.
    old = sa.select(_FAILURE.c.who).where(forgotten).limit(_FORGET_AT_ONCE)
    connection.execute(
        _FAILURE.delete().where(
            _FAILURE.c.who.in_(old.with_for_update(skip_locked=True))
        )
    )
