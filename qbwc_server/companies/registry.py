"""Companies: one QuickBooks company file bound to one Mosaic team, the tenant."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import attention, callers, names
from qbwc_server.companies.names import CompanyExists
from qbwc_server.companies.team import team_claims, time_claims
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys, new_secret
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import (
    company_reading,
    lock_company,
    next_id,
    operator_transaction,
    transaction,
)
from qbwc_server.storage.statements import insert
from qbwc_server.storage.walls import bind_company
from qbwc_server.storage.which_copy import is_compared

_TABLE, _DUTY, _FILE = tables.company, tables.duty, tables.team_file
_FIRST_HOUSEKEEPING = timedelta(days=1)
_FIRST_PREVIEW = timedelta(minutes=10)
_AT_ONCE = 200
MOSAIC_TIME = "mosaic_time"
"""The row of `reading` that keeps that deletions of time in Mosaic are accepted."""


class CompanyUnknown(QbwcError):
    """No company has that name or number."""

    id: ClassVar[str] = "company-unknown"


@dataclass(frozen=True, slots=True)
class Company:
    """A company as its row has it; secrets only as hashes or encrypted."""

    id: int
    name: str
    mode: str
    attention: str | None
    attention_id: str | None
    last_seen_at: datetime | None
    last_session_at: datetime | None
    next_read_at: datetime | None
    open_after: datetime | None
    open_failures: int
    poll_every: int
    read_every: int
    structure: str
    username: str
    owner_id: str
    file_id: str
    mosaic_url: str
    mosaic_team: str
    mosaic_key: str | None = field(repr=False)
    mosaic_auth_scheme: str
    mosaic_portfolio: int | None
    mosaic_read_at: datetime | None
    file_name: str | None
    file_path: str | None
    host: dict[str, Any] | None
    offset_minutes: int | None
    last_restore: str | None
    two_way: bool
    policy: str
    contractors: bool
    time_class: str | None
    time_payroll_item: str | None
    closing_date: str | None
    class_tracking: bool | None
    time_tracking: bool | None
    time_hot_at: datetime | None
    time_window_at: datetime | None
    mosaic_time_from: str | None
    both_known_at: datetime | None
    first_known_at: datetime | None
    time_claims: str
    before_live: str
    relinks_from: int | None
    copied: dict[str, Any] | None
    filling: dict[str, Any] | None
    setup_expires_at: datetime | None
    setup_used_at: datetime | None
    check_at: datetime | None
    late_at: datetime | None
    notice_at: datetime | None
    notice: str | None
    notice_id: str | None
    notice_left: str | None
    notice_tries: int
    mode_before_pause: str | None
    mode_at: datetime | None
    paused_by: str | None
    paused_why: str | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the company of a row of `WHOLE`."""
        return cls(**{part.name: getattr(row, part.name) for part in fields(cls)})

    @property
    def team(self) -> str:
        """What names its Mosaic team among companies; see `team_claims`."""
        return team_claims.team_of(self.mosaic_url, self.mosaic_team)

    @property
    def delivers(self) -> bool:
        """Whether anything may be written to Mosaic for it now."""
        return self.mode == "live" and self.attention_id not in attention.STOPPING

    @property
    def writes_quickbooks(self) -> bool:
        """Whether anything may be written to QuickBooks for it now."""
        return self.delivers and self.two_way


_OF_DUTY = frozenset(column.name for column in _DUTY.c) - {"company_id"}
_OF_FILE = frozenset({"time_claims"})
_TOLD_TO_FILES = {"mode", "mode_before_pause", "mosaic_url", "mosaic_team"}


def _home(name: str) -> sa.Table:
    """Return the table that has a part of a company."""
    return _DUTY if name in _OF_DUTY else _FILE if name in _OF_FILE else _TABLE


def _whole(*more: str) -> sa.Select[Any]:
    """Return the statement that reads companies, and more columns than all need."""
    names = (*(part.name for part in fields(Company)), *more)
    return sa.select(*(_home(name).c[name] for name in names)).select_from(
        _TABLE.join(_DUTY, _DUTY.c.company_id == _TABLE.c.id).join(
            _FILE, _FILE.c.company_id == _TABLE.c.id
        )
    )


WHOLE: Final = _whole()
"""The statement that reads companies; a transaction of the server sees one of them."""
SECRETS: Final = _whole(
    *("password_hash", "former_password_hash", "login_from", "known_from"),
    *("setup_token_hash", "webhook_token_hash"),
)
"""The same with what callers are known by."""
_GET = WHOLE.where(
    statements.equal(_TABLE.c.id, "company"),
    statements.equal(_DUTY.c.company_id, "company"),
    statements.equal(_FILE.c.company_id, "company"),
)


@dataclass(frozen=True, slots=True)
class NewCompany:
    """What is told once: the password and the tokens are stored only as hashes."""

    id: int
    name: str
    username: str
    password: str = field(repr=False)
    setup_token: str = field(repr=False)
    webhook_token: str = field(repr=False)


def add(
    engine: Engine,
    keys: Keys,
    *,
    name: str,
    mosaic_url: str,
    mosaic_team: str,
    now: datetime,
    mosaic_key: str | None = None,
    mode: str = "live",
    structure: str = "client",
    poll_every: int = 1,
    read_every: int = 15,
    setup_days: int = 14,
    before_live: str = "add",
) -> NewCompany:
    """Make a company; OwnerID and FileID are made once and never change by themselves.

    QuickBooks remembers the first pair of OwnerID and FileID in the company file and
    refuses a second (QBWC1039), so a new .qwc must always carry the old pair.
    `before_live` says whether hours that Mosaic has before the company goes live enter
    QuickBooks: ask, add or leave. Blanks around a name, and all but one within it, are
    taken away.

    Raises:
        CompanyNameBlank: nothing of the name can be seen.
        CompanyExists: the name is taken, or its AppName would look as another's.
        SeesOneCompany: the database's login is held to one company at a time.
    """
    password, setup, webhook = new_secret(), new_secret(), new_secret()
    name = names.called(name)
    with operator_transaction(engine) as connection:
        username = names.user_name(connection, name)
        company_id: int | None = connection.execute(
            insert(connection, _TABLE)
            .on_conflict_do_nothing(index_elements=["name"])
            .returning(_TABLE.c.id),
            {
                "name": name,
                "mode": mode,
                "username": username,
                "password_hash": keys.hash("password", password),
                "owner_id": _guid(),
                "file_id": _guid(),
                "setup_token_hash": keys.hash("setup", setup),
                "webhook_token_hash": keys.hash("webhook", webhook),
                "mosaic_url": mosaic_url.rstrip("/"),
                "mosaic_team": mosaic_team,
                "mosaic_key": keys.encrypt(mosaic_key) if mosaic_key else None,
                "structure": structure,
                "before_live": before_live,
                "poll_every": poll_every,
                "read_every": read_every,
                "created_at": now,
                "setup_expires_at": now + timedelta(days=setup_days),
            },
        ).scalar()
        if company_id is None:
            # Somebody took it meanwhile.
            raise CompanyExists(f"There is a company named {name!r} already.")
        connection.execute(
            tables.company_sequence.insert(), {"company_id": company_id, "last_id": 0}
        )
        is_compared(connection, company_id)
        lock_company(connection, company_id)
        connection.execute(
            _DUTY.insert(),
            {
                "company_id": company_id,
                "housekeep_at": now + _FIRST_HOUSEKEEPING,
                "preview_at": now + _FIRST_PREVIEW,
            },
        )
        callers.know(connection, company_id, "user", keys.hash("user", username))
        callers.know(connection, company_id, "setup", keys.hash("setup", setup))
        callers.know(connection, company_id, "webhook", keys.hash("webhook", webhook))
        time_claims.note_file(connection, company_id)
        team = team_claims.team_of(mosaic_url.rstrip("/"), mosaic_team)
        time_claims.note_files(connection, team)
        audit(connection, company_id, now, who="operator", what="company added")
    return NewCompany(company_id, name, username, password, setup, webhook)


def find(engine: Engine, name_or_id: str) -> Company:
    """Return the company of that name, or of that number; for operators' commands.

    Blanks that are too many are taken away from what is asked for, too.

    Raises:
        CompanyUnknown: there is none.
        SeesOneCompany: the database's login is held to one company at a time.
    """
    asked = (name_or_id, names.called(name_or_id))
    condition: sa.ColumnElement[bool] = _TABLE.c.name.in_(asked)
    if name_or_id.isascii() and name_or_id.isdigit() and len(name_or_id) < 19:
        condition |= _TABLE.c.id == int(name_or_id)
    with operator_transaction(engine) as connection:
        rows = connection.execute(WHOLE.where(condition)).all()
    named = {row.name: row for row in rows}
    for name in asked:
        if name in named:
            return Company.of(named[name])
    if rows:
        return Company.of(rows[0])
    raise CompanyUnknown(
        f"There is no company {name_or_id!r}. `qbwc-server company list` shows them."
    )


def get(connection: Connection, company_id: int) -> Company:
    """Return a company that is known to exist; the transaction is bound to it."""
    return Company(*connection.execute(_GET, {"company": company_id}).one())


def numbered(engine: Engine, company_id: int) -> Company:
    """Return the company of a number.

    Raises:
        CompanyUnknown: there is none.
    """
    with company_reading(engine, company_id) as connection:
        row = connection.execute(_GET, {"company": company_id}).first()
    if row is None:
        raise CompanyUnknown(f"There is no company of the number {company_id}.")
    return Company(*row)


def every(engine: Engine) -> list[Company]:
    """Return all companies by name; for operators' commands.

    Raises:
        SeesOneCompany: the database's login is held to one company at a time.
    """
    with operator_transaction(engine) as connection:
        rows = connection.execute(WHOLE.order_by(_TABLE.c.name)).all()
    return [Company.of(row) for row in rows]


def change(connection: Connection, company_id: int, **values: object) -> None:
    """Change what is said of a company, wherever it is kept.

    When something is due is kept in `duty`, where workers look for it across companies;
    and what its mode and team are is told to the other files of its team.
    """
    for table, key in ((_TABLE, "id"), (_DUTY, "company_id"), (_FILE, "company_id")):
        here = {name: one for name, one in values.items() if _home(name) is table}
        if here:
            statements.change(connection, table, {key: company_id}, here)
    if not _TOLD_TO_FILES.isdisjoint(values):
        time_claims.note_file(connection, company_id)


def due(connection: Connection, what: sa.Column[Any], now: datetime) -> list[int]:
    """Return the companies for which something of `duty` is due, the longest first."""
    found = sa.select(_DUTY.c.company_id).where(what <= now).order_by(what)
    return list(connection.execute(found.limit(_AT_ONCE)).scalars())


def take_next(
    engine: Engine, what: sa.Column[Any], now: datetime, put_off: timedelta
) -> int | None:
    """Put off what is due of one company, and return which; None if nothing is due.

    Nobody else is given it meanwhile: who puts it off first has it.
    """
    with transaction(engine) as connection:
        found = due(connection, what, now)
    for company_id in found:
        with transaction(engine) as connection:
            bind_company(connection, company_id)
            free = unless_taken(company_id, what <= now)
            taken = connection.execute(
                _DUTY.update().where(free).values({what.name: now + put_off})
            )
            if taken.rowcount == 1:
                return company_id
    return None


def unless_taken(
    company_id: int, condition: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Return that a row of `duty` is a company's, meets a condition and is not in use.

    Whoever changes it now is not waited for: there are other companies.
    """
    free = (
        sa.select(_DUTY.c.company_id)
        .where(_DUTY.c.company_id == company_id, condition)
        .with_for_update(skip_locked=True)
    )
    return _DUTY.c.company_id == free.scalar_subquery()


def audit(
    connection: Connection,
    company_id: int,
    now: datetime,
    *,
    who: str,
    what: str,
    why: str | None = None,
    detail: object = None,
) -> None:
    """Keep who did what to a company."""
    connection.execute(
        tables.audit.insert(),
        {
            "company_id": company_id,
            "id": next_id(connection, company_id),
            "at": now,
            "who": who,
            "what": what,
            "why": why,
            "detail": detail,
        },
    )


def _guid() -> str:
    return "{" + str(uuid.uuid4()) + "}"
