"""Companies: one QuickBooks company file bound to one Mosaic team, the tenant."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.companies import attention, team_claims, time_claims
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys, new_secret
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import (
    lock_company,
    next_id,
    transaction,
)
from qbwc_server.storage.statements import insert

_TABLE = tables.company
_FIRST_HOUSEKEEPING = timedelta(days=1)
_FIRST_PREVIEW = timedelta(minutes=10)
MOSAIC_TIME = "mosaic_time"
"""The row of `reading` that keeps that deletions of time in Mosaic are accepted."""


class CompanyUnknown(QbwcError):
    """No company has that name or number."""

    id: ClassVar[str] = "company-unknown"


class CompanyExists(QbwcError):
    """Another company has that name already."""

    id: ClassVar[str] = "company-exists"


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

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the company of a row of `company`."""
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


_GET = sa.select(*(_TABLE.c[part.name] for part in fields(Company))).where(
    statements.equal(_TABLE.c.id, "company")
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
    QuickBooks: ask, add or leave.

    Raises:
        CompanyExists: the name is taken.
    """
    password, setup, webhook = new_secret(), new_secret(), new_secret()
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold().strip()).strip("-")[:20]
    username = f"{slug or 'company'}-{uuid.uuid4().hex[:6]}"
    with transaction(engine) as connection:
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
                "housekeep_at": now + _FIRST_HOUSEKEEPING,
                "setup_expires_at": now + timedelta(days=setup_days),
                "preview_at": now + _FIRST_PREVIEW,
            },
        ).scalar()
        if company_id is None:
            raise CompanyExists(f"There is a company named {name!r} already.")
        connection.execute(
            tables.company_sequence.insert(), {"company_id": company_id, "last_id": 0}
        )
        lock_company(connection, company_id)
        team = team_claims.team_of(mosaic_url.rstrip("/"), mosaic_team)
        time_claims.note_files(connection, team)
        audit(connection, company_id, now, who="operator", what="company added")
    return NewCompany(company_id, name, username, password, setup, webhook)


def find(engine: Engine, name_or_id: str) -> Company:
    """Return the company of that name, or of that number.

    Raises:
        CompanyUnknown: there is none.
    """
    condition = _TABLE.c.name == name_or_id
    if name_or_id.isascii() and name_or_id.isdigit() and len(name_or_id) < 19:
        condition |= _TABLE.c.id == int(name_or_id)
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(_TABLE).where(condition)).all()
    for row in rows:
        if row.name == name_or_id or len(rows) == 1:
            return Company.of(row)
    raise CompanyUnknown(
        f"There is no company {name_or_id!r}. `qbwc-server company list` shows them."
    )


def get(connection: Connection, company_id: int) -> Company:
    """Return a company that is known to exist."""
    return Company(*connection.execute(_GET, {"company": company_id}).one())


def every(engine: Engine) -> list[Company]:
    """Return all companies by name."""
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.name)).all()
    return [Company.of(row) for row in rows]


def change(connection: Connection, company_id: int, **values: object) -> None:
    """Change columns of a company."""
    statements.change(connection, _TABLE, {"id": company_id}, values)


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
