"""Polls of companies that have nothing to do: by far the most calls there are.

One statement asks everything that `Admission.authenticate` asks of such a poll, and
keeps when the company was last seen, durably. It changes a row only where the whole way
would end in `none` and write nothing else. Where it changes none, that way is gone.

Only a name and password that have gone the whole way in this process are tried here, so
that a guess costs the same whether a name exists or not.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import logins
from qbwc_server.companies.registry import Company
from qbwc_server.keys import Keys
from qbwc_server.proxies import group
from qbwc_server.storage import tables
from qbwc_server.storage.loop_trips import LoopTrips
from qbwc_server.storage.one_trip import at_once

_MOST_REMEMBERED = 100_000
_COMPANY, _FAILURE = tables.company, tables.login_failure
_SESSION, _JOB, _DUTY = tables.session, tables.job, tables.duty
_NOW = sa.bindparam("now", type_=_COMPANY.c.next_read_at.type)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a company; how often is in minutes."""

    id: int
    password: str = field(repr=False)
    """Its keyed hash."""
    read_every: int
    poll_every: int


class Idle:
    """The companies that went the whole way here and had nothing to do."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys
        self._trips = LoopTrips(engine)
        self._known: dict[str, _Known] = {}

    def remember(self, company: Company, username: str, password: str) -> None:
        """Note that a company logged in and had nothing to do."""
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[username] = _Known(
            company.id,
            self._keys.hash("password", password),
            company.read_every,
            company.poll_every,
        )

    def still(
        self, username: str, password: str, *, peer: str, now: datetime
    ) -> int | None:
        """Return how often a company calls, in minutes, if it has nothing to do.

        Then it was seen `now`. None: somebody else must look.
        """
        company = self._company(username, password)
        if company is None:
            return None
        asked = self._asked(company, username, peer, now)
        found = at_once(self._engine, company.id, _STILL, asked)
        return company.poll_every if found else None

    async def still_at_once(
        self, username: str, password: str, *, peer: str, now: datetime
    ) -> int | None:
        """Return the same, with no thread that waits for it.

        None: it is to be asked with a thread.
        """
        company = self._company(username, password)
        if company is None:
            return None
        asked = self._asked(company, username, peer, now)
        found = await self._trips.change(company.id, _STILL, asked)
        return company.poll_every if found else None

    def close(self) -> None:
        """Close what it keeps open to the database; in the loop that used it."""
        self._trips.close()

    def _company(self, username: str, password: str) -> _Known | None:
        """Return the company of a name and its password, if it is known here."""
        company = self._known.get(username)
        stored = self._keys.hash("password", password)
        if company is None or not hmac.compare_digest(stored, company.password):
            return None
        return company

    def _asked(
        self, company: _Known, username: str, peer: str, now: datetime
    ) -> dict[str, object]:
        return {
            "company": company.id,
            "said_username": username,
            "said_password": company.password,
            "said_here": self._keys.hash("address", group(peer)),
            "now": now,
            "said_read_every": company.read_every,
            "said_poll_every": company.poll_every,
            "following": now + timedelta(minutes=company.read_every),
            "said_failure": logins.counted(self._keys, username, peer),
        }


def _nothing_to_do() -> sa.Update:
    """Return the statement; each condition is one of the whole way."""
    of_company = sa.bindparam("company", type_=_COMPANY.c.id.type)
    following = sa.bindparam("following", type_=_COMPANY.c.next_read_at.type)
    session = sa.exists().where(
        _SESSION.c.company_id == of_company,
        _SESSION.c.state != sa.literal_column("'closed'"),
    )
    job_ready = sa.exists().where(
        _JOB.c.company_id == of_company,
        _JOB.c.state == sa.literal_column("'ready'"),
        _JOB.c.run_at <= _NOW,
    )
    job_unsure = sa.exists().where(
        _JOB.c.company_id == of_company,
        _JOB.c.state == sa.literal_column("'unsure'"),
        _JOB.c.finished_at.is_(None),
    )
    missed = sa.exists().where(
        _DUTY.c.company_id == of_company, _DUTY.c.check_at.is_not(None)
    )
    said_here = sa.bindparam("said_here", type_=sa.Text())
    any_text = sa.literal_column("'%'", sa.Text())
    failure = sa.bindparam("said_failure", type_=sa.Text())
    failed = sa.exists().where(_FAILURE.c.who == failure)
    column = _COMPANY.c
    return (
        _COMPANY.update()
        .where(
            column.id == of_company,
            # Who calls, as `logins.check` wants it, with nothing to renew or to count.
            column.username == sa.bindparam("said_username", type_=sa.Text()),
            column.password_hash == sa.bindparam("said_password", type_=sa.Text()),
            column.former_password_hash.is_(None),
            # Hashes of one length and no wildcards, with a space between.
            column.known_from.like(any_text.concat(said_here).concat(any_text)),
            ~failed,
            # It was not missed, and nothing is due.
            column.late_at.is_(None),
            missed,
            column.mode != sa.literal_column("'paused'"),
            sa.or_(column.open_after.is_(None), column.open_after <= _NOW),
            column.next_read_at > _NOW,
            column.next_read_at <= following,
            column.read_every == sa.bindparam("said_read_every", type_=sa.Integer()),
            column.poll_every == sa.bindparam("said_poll_every", type_=sa.Integer()),
            ~session,
            ~job_ready,
            ~job_unsure,
        )
        .values(last_seen_at=_NOW)
    )


_STILL = _nothing_to_do()
