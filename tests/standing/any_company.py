"""Companies and records in whatever state they may be, by chance."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import attention
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.restored import Mark
from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.urgency import STOPPING
from tests.conftest import Clock
from tests.standing.told import DAY

ASKS: Final = (
    *sorted(STOPPING),
    *("wrong-company-file", "company-file-moved", "two-computers", "list-not-read"),
    *("mosaic-unauthorised", "mosaic-delivery-failed", "mosaic-key-missing"),
    *("quickbooks-0x80040400", "quickbooks-unsupported-country", "write-in-doubt"),
    "time-tracking-off",
)
ALONE: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"mode": "paused", "paused_by": "customer", "paused_why": "Books are closed."},
    {"mode": "paused", "paused_by": "support"},
    {"mode": "preview"},
    {"late": True},
    {"wrong_password": timedelta(hours=1), "late": True},
    {"wrong_password": timedelta(hours=1)},
    {"guessed": timedelta(hours=1), "late": True},
    {"begun": "new"},
    {"begun": "new", "wrong_password": timedelta()},
    *({"begun": one, "mode": "preview"} for one in ("reading", "read")),
    *({"begun": one, "only": "in_sync"} for one in ("reading", "read")),
    {"mosaic_key": None},
    {"mosaic_key": None, "mode": "preview", "begun": "read"},
    {"failed": True},
    {"unused": True},
    {"only": "in_sync"},
    {"only": "pending"},
    {"only": "locked"},
    {"only": "refused", "unread": "No duration."},
    {"only": "unplaced"},
    {"only": "in_sync", "by_rule": True},
    {"only": "filling"},
    *({"asks": [one], "only": "in_sync"} for one in ASKS),
)
"""What stands alone in a company that works, but for records of all states."""
_KINDS: Final = tuple(SHOWN)
_REASONS: Final = (
    None,
    "It has no e-mail address.",
    "It may be there. Support: `qbwc-server records two 1-2`.",
)
_CLEAN: Final = (
    *(tables.record, tables.job, tables.exchange, tables.mosaic_call),
    *(tables.attention, tables.reading, tables.session, tables.joined),
)


def by_chance(chance: random.Random) -> dict[str, Any]:
    """Return whatever a company may be at once."""
    begun = chance.choice(("new", "reading", "read", "done", "done", "done"))
    mode = chance.choice(("live", "live", "live", "paused", "preview"))
    return {
        "begun": begun,
        "mode": mode if begun == "done" else chance.choice(("live", "preview")),
        "paused_by": chance.choice(("customer", "support")),
        "late": chance.random() < 0.2 and begun != "new",
        "wrong_password": chance.choice((None, None, timedelta(hours=1))),
        "guessed": chance.choice((None, None, timedelta(hours=1))),
        "mosaic_key": chance.choice((None, "k", "k", "k")),
        "two_way": chance.random() < 0.7,
        "failed": chance.random() < 0.2,
        "unused": chance.random() < 0.2,
        "asks": chance.sample(ASKS, chance.choice((0, 0, 0, 1, 2, 3))),
        "only": chance.choice(("", "", "", "in_sync", "pending", "unplaced")),
        "by_rule": chance.random() < 0.3,
    }


def make(
    engine: Engine, clock: Clock, chance: random.Random, how: dict[str, Any]
) -> None:
    """Have company 1 be so, whatever it was."""
    with company_transaction(engine, 1) as connection:
        for table in _CLEAN:
            connection.execute(table.delete().where(table.c.company_id == 1))
        _company(connection, clock, how)
        _connection_of(connection, clock, how)
        for number, one in enumerate(how.get("asks", ())):
            text = f"Look at {one.replace('-', ' ')}. Support: `qbwc-server {number}`."
            attention.attend(connection, 1, error_id=one, text=text, now=clock())
        rows = _records(chance, clock, how)
        if rows:
            connection.execute(tables.record.insert(), rows)


def _company(connection: Connection, clock: Clock, how: dict[str, Any]) -> None:
    now, begun = clock(), how.get("begun", "done")
    seen = None if begun == "new" else now - timedelta(minutes=1)
    after = seen or now
    wrong, guessed = how.get("wrong_password"), how.get("guessed")
    connection.execute(
        tables.company.update()
        .where(tables.company.c.id == 1)
        .values(
            attention_id=None,
            attention=None,
            mode=how.get("mode", "live"),
            mode_at=now,
            paused_by=how.get("paused_by"),
            paused_why=how.get("paused_why"),
            late_at=now if how.get("late") else None,
            last_seen_at=seen,
            wrong_password_at=None if wrong is None else after + wrong,
            guessed_at=None if guessed is None else after + guessed,
            mosaic_key=how.get("mosaic_key", "k"),
            two_way=how.get("two_way", True),
            contractors=True,
            file_name=None if begun == "new" else "Vale",
            host={"product": "QuickBooks", "automatic_login": True}
            | {"personal_data": True},
            mosaic_read_at=now if begun == "done" else None,
            mosaic_time_from="2024-01-01" if begun == "done" else None,
        )
    )


def _connection_of(connection: Connection, clock: Clock, how: dict[str, Any]) -> None:
    """Have what was read, the last run, and work that failed."""
    now, begun = clock(), how.get("begun", "done")
    connection.execute(
        tables.session.insert(),
        {
            "company_id": 1,
            "id": 9_000_000,
            "state": "closed",
            "summary": "Nothing new.",
            "last_error": "",
            "started_at": now,
            "last_call_at": now,
            "ended_at": now,
            "ended_why": "closed",
            "ticket_hash": "t",
        },
    )
    if begun in {"read", "done"}:
        connection.execute(
            tables.reading.insert(),
            [{"company_id": 1, "kind": kind, "last_full_at": now} for kind in _READ],
        )
    if how.get("failed"):
        job = {"id": 9_000_001, "kind": time_entry.NAME, "state": "failed"}
        job |= {"company_id": 1, "action": "add", "summary": "Add"}
        job |= {"created_at": now, "run_at": now}
        connection.execute(tables.job.insert(), job)
    if how.get("unused"):
        exchange = {"id": 9_000_002, "state": "answered", "purpose": "work"}
        exchange |= {"company_id": 1, "session_id": 9_000_000, "request": ""}
        exchange |= {"sent_at": now, "failed_at": now}
        connection.execute(tables.exchange.insert(), exchange)


_READ: Final = (*_KINDS, "class", "payroll_item")


def _records(
    chance: random.Random, clock: Clock, how: dict[str, Any]
) -> list[dict[str, Any]]:
    only = how.get("only", "")
    if only == "filling":
        return [
            _record(clock, number, "customer", "pending") for number in range(100, 180)
        ]
    made = []
    for number, kind, quickbooks_id, mosaic_type, mosaic_id in _LINKED:
        row = _record(clock, number, kind, "in_sync")
        both = {"mosaic_type": mosaic_type, "mosaic_id": mosaic_id}
        made.append(row | both | {"quickbooks_id": quickbooks_id})
    for number in range(100, 130):
        kind = chance.choice(_KINDS)
        state = chance.choice(tables.RECORD_STATES)
        if only == "unplaced":
            kind, state = time_entry.NAME, "unlinked"
        elif only:
            state = only
        row = _record(clock, number, kind, state)
        if kind == time_entry.NAME:
            _as_time(chance, row, only)
            if not how.get("two_way", True) and row["quickbooks_id"] is None:
                # Where time goes one way, what is only in Mosaic waits for nothing.
                row["waits_for"] = None
        else:
            _as_list(chance, row)
        _go_wrong(chance, row, how)
        made.append(row)
    return made


_LINKED: Final = (
    (90, "employee", "E-1", "employee", 7),
    (91, "customer", "J-1", "project", 8),
)
_MINUTES: Final = {"quickbooks": 60, "mosaic": 90}


def _go_wrong(chance: random.Random, row: dict[str, Any], how: dict[str, Any]) -> None:
    """Have what our program or Mosaic fails on, and what a rule decided."""
    state = row["state"]
    if state == "refused" and chance.random() < 0.4:
        row["failures"] = 5
    if state in {"refused", "conflict", "gone"}:
        row["unread"] = how.get("unread", chance.choice((None, "No duration.")))
    if how.get("by_rule") and state == "in_sync" and chance.random() < 0.5:
        kept = chance.choice(("quickbooks", "mosaic"))
        row["conflict"] = {"minutes": {**_MINUTES, "kept": kept}}


def _record(clock: Clock, number: int, kind: str, state: str) -> dict[str, Any]:
    return {
        "company_id": 1,
        "id": number,
        "kind": kind,
        "state": state,
        "name": ("Ann Berg", "Elm Garage", "Ben Okafor")[number % 3],
        "reason": None,
        "day": None,
        "quickbooks_id": f"Q-{number}",
        "mosaic_type": None,
        "mosaic_id": None,
        "quickbooks": None,
        "mosaic": None,
        "conflict": None,
        "unread": None,
        "failures": 0,
        "restored": None,
        "waits_for": None,
        "choice": None,
        "created_at": clock(),
        "changed_at": clock(),
    }


def _as_list(chance: random.Random, row: dict[str, Any]) -> None:
    row["reason"] = chance.choice(_REASONS)
    row["quickbooks"] = {"name": row["name"]}
    if row["state"] == "unlinked":
        row["waits_for"] = chance.choice((None, "customer:Q-100"))
        row["choice"] = chance.choice((None, "later"))
    if row["state"] == "conflict":
        row["conflict"] = {"name": {"quickbooks": "a", "mosaic": "b", "kept": None}}


def _as_time(chance: random.Random, row: dict[str, Any], only: str) -> None:
    """Have an hour on one side or both, as each state may have it."""
    entry = {"date": DAY, "minutes": 60, "notes": "Site visit"}
    row |= {"day": DAY, "reason": chance.choice(_REASONS)}
    here = {**entry, "person": "E-1", "job": "J-1", "item": None, "billable": ""}
    there = {**entry, "person": 7, "job": [8, None], "item": None, "billable": False}
    both = row["state"] in {"in_sync", "conflict"}
    only_mosaic = not both and (only == "unplaced" or chance.random() < 0.3)
    row["quickbooks"] = None if only_mosaic else here
    if both:
        row |= {"mosaic": there, "mosaic_type": "time_entry", "mosaic_id": row["id"]}
    if only_mosaic:
        row |= {"quickbooks_id": None, "mosaic": there}
        row |= {"mosaic_type": "time_entry", "mosaic_id": row["id"]}
    if row["state"] == "unlinked":
        theirs = ("project:7", "employee:8", "standard_work_category:9")
        ours = (None, "customer:Q-101", "employee:Q-102")
        row["waits_for"] = chance.choice(theirs if only_mosaic else ours)
    if row["state"] == "refused":
        marks = (None, None, *(mark.value for mark in Mark))
        row["restored"] = chance.choice(marks)
        row["waits_for"] = chance.choice((None, "company:before-live"))
    if row["state"] == "gone":
        row["restored"] = chance.choice((None, Mark.LEFT.value))
    if row["state"] == "conflict":
        settled = chance.choice((None, "mosaic"))
        row["conflict"] = {"minutes": {**_MINUTES, "kept": None, "settled": settled}}
