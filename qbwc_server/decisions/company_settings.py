"""What is set for a company: how it is synced, and that it rests or goes on."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import team_claims, time_claims
from qbwc_server.errors import QbwcError
from qbwc_server.records import due
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    moved,
    operator_transaction,
)
from qbwc_server.storage.statements import upsert
from qbwc_server.words.customer import pauses

_SECRET = re.compile("key|hash")
_WAKING = {"structure", "two_way", "policy", "contractors"}
"""What changes the plan of records."""


class CompanyLinked(QbwcError):
    """A company cannot change its Mosaic team once it has counterparts there."""

    id: ClassVar[str] = "company-linked"


class PausedBySupport(QbwcError):
    """A customer does not end a pause that support began."""

    id: ClassVar[str] = "paused-by-support"


def set_values(
    engine: Engine,
    company_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
    **values: object,
) -> None:
    """Change a company's settings and keep who did it; going live wakes what waits.

    A pause keeps what the mode was before.

    Raises:
        CompanyLinked: it has counterparts in one Mosaic team and is to get another.
        SeesOneCompany: its team is set with a login that is held to one company.
    """
    # Of which team a company is concerns the other files of that team.
    of_team = {"mosaic_url", "mosaic_team"} & values.keys()
    opened = operator_transaction if of_team else company_transaction
    with opened(engine, company_id) as connection:
        before = registry.get(connection, company_id)
        team = values.get("mosaic_team")
        if team is not None and team != before.mosaic_team:
            _require_unlinked(connection, company_id)
        _set(connection, before, values, now=now, who=who, why=why)
        if of_team:
            now_called = registry.get(connection, company_id).team
            team_claims.move(connection, company_id, now_called)
            time_claims.move(connection, company_id, now_called)
            time_claims.note_files(connection, now_called)


def _set(
    connection: Connection,
    before: Company,
    values: dict[str, object],
    *,
    now: datetime,
    who: str,
    why: str | None,
    by: str = "support",
) -> None:
    pausing = _pausing(before, values, now, by, why)
    registry.change(connection, before.id, **values, **pausing)
    if "mode" in values:
        registry.change(connection, before.id, alert_at=now)
    moved(connection, before.id)
    shown = {
        name: "[hidden]" if _SECRET.search(name) else value
        for name, value in values.items()
    }
    registry.audit(
        connection,
        before.id,
        now,
        who=who,
        what="company changed",
        why=why,
        detail=shown,
    )
    if values.get("mode") == "live" or _WAKING & values.keys():
        due.look_at_all(connection, before.id, now)
    elif any(name == "mode" or name.startswith("mosaic_") for name in values):
        registry.change(connection, before.id, deliver_at=now)


def pause(
    engine: Engine,
    company: Company,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
    by: str = "support",
) -> None:
    """Have a company neither read nor write; Web Connector is told there is nothing.

    `by` says who may have it go on: support, or the customer, too. A customer's pause
    becomes support's where support pauses, and never the other way round.
    """
    with company_transaction(engine, company.id) as connection:
        before = registry.get(connection, company.id)
        if before.mode != "paused" or by != pauses.CUSTOMER:
            values: dict[str, object] = {"mode": "paused"}
            _set(connection, before, values, now=now, who=who, why=why, by=by)


def resume(
    engine: Engine,
    company: Company,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
    by: str = "support",
) -> str:
    """Have a paused company go on as before; return its mode.

    Where it is not known what it was before, it only looks: going live is a choice.

    Raises:
        PausedBySupport: it is asked `by` the customer, and is not his pause.
    """
    with company_transaction(engine, company.id) as connection:
        before = registry.get(connection, company.id)
        if before.mode != "paused":
            return before.mode
        if not pauses.may_resume(before.paused_by, by):
            raise PausedBySupport(
                "Our support paused this connection, and has it go on: please ask them."
            )
        mode = before.mode_before_pause or "preview"
        _set(connection, before, {"mode": mode}, now=now, who=who, why=why, by=by)
    return mode


def accept_deletions(
    connection: Connection,
    company_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> None:
    """Have everything read again, and whatever is gone then be believed.

    A yes to what Mosaic does not show any more is none to what QuickBooks may not have
    when its computer is on again: nobody was asked about that.
    """
    stops = {one.reason for one in attention.standing(connection, company_id)}
    stops &= attention.STOPPING
    if stops != {attention.GONE_IN_MOSAIC}:
        connection.execute(
            tables.reading.update()
            .where(
                tables.reading.c.company_id == company_id,
                tables.reading.c.kind != registry.MOSAIC_TIME,
            )
            .values(deletions_accepted=True, full_due=True)
        )
    if attention.GONE_IN_MOSAIC in stops:
        upsert(
            connection,
            tables.reading,
            [
                {
                    "company_id": company_id,
                    "kind": registry.MOSAIC_TIME,
                    "deletions_accepted": True,
                }
            ],
            key=("company_id", "kind"),
        )
    attention.over(connection, company_id, *attention.STOPPING, now=now)
    due.look_at_all(connection, company_id, now)
    registry.change(connection, company_id, next_read_at=now, time_window_at=now)
    what = "deletions accepted"
    registry.audit(connection, company_id, now, who=who, what=what, why=why)


def _pausing(
    before: Company, values: dict[str, object], now: datetime, by: str, why: str | None
) -> dict[str, object]:
    """Return what a change of mode means for going on, and for being missed."""
    mode = values.get("mode")
    if mode == "paused":
        told: dict[str, object] = {"paused_by": by, "paused_why": why}
        if before.mode != "paused":
            told |= {"mode_at": now, "mode_before_pause": before.mode}
        return told
    if mode is None or mode == before.mode:
        return {}
    was = before.mode_before_pause if before.mode == "paused" else before.mode
    live = mode == "live" and was != "live"
    return {
        "mode_at": now,
        "time_window_at": now if live else before.time_window_at,
        "mode_before_pause": None,
        "paused_by": None,
        "paused_why": None,
        "check_at": before.last_seen_at and now,
        "preview_at": now,
    }


def _require_unlinked(connection: Connection, company_id: int) -> None:
    record = tables.record
    linked = connection.execute(
        sa.select(record.c.id)
        .where(record.c.company_id == company_id, record.c.mosaic_id.is_not(None))
        .limit(1)
    ).first()
    if (
        linked is not None
        or registry.get(connection, company_id).mosaic_portfolio is not None
    ):
        raise CompanyLinked(
            "This company is linked to objects of its Mosaic team; their numbers mean "
            "other things in another team. Add a new company for the other team."
        )
