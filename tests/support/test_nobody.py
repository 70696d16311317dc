"""Nothing that is stopped, failed, doubtful or waiting for a person is nobody's.

Whatever a company and its records, jobs, messages and calls are, in every view and by
the rules that pages, commands, the CSV and the Status column go by.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server import words
from qbwc_server.companies import attention
from qbwc_server.companies.registry import NewCompany
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.kinds.restored import Mark
from qbwc_server.standing import differences, reasons, who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.words import hours, rows
from qbwc_server.words.urgency import STOPPING
from tests.both_read import both_read
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
_ASKS: Final = (
    *sorted(STOPPING),
    *("wrong-company-file", "mosaic-unauthorised", "mosaic-delivery-failed"),
    *("quickbooks-0x80040400", "quickbooks-status-3150", "quickbooks-status-3180"),
    *("write-in-doubt", "list-not-read", "two-computers", "never-heard-of"),
    "time-tracking-off",
)
"""All that asks for a person; what only tells something is not among them."""
_HELD: Final = {"conflict", "refused", "locked"}
"""States of a record in which it goes on for nobody but a person."""
_KINDS: Final = (*KINDS, time_entry.NAME)
_REST: Final = {*differences.DECIDED, "on_its_way", "first_reads", "cannot_go"}
"""Why hours differ on which nobody acts: they go on, or rest unless a person acts."""
_ROUNDS = 40
"""After one for each thing that stops a company, alone."""


def _records(chance: random.Random, clock: Clock) -> list[dict[str, Any]]:
    found = []
    for number in range(100, 140):
        state = chance.choice(tables.RECORD_STATES)
        restored = chance.choice((None, None, None, *(mark.value for mark in Mark)))
        found.append(
            {
                "company_id": 1,
                "id": number,
                "kind": chance.choice(_KINDS),
                "state": state,
                "name": f"Ann {number}",
                "day": "2026-03-02",
                "quickbooks_id": chance.choice((None, f"T{number}")),
                "unread": chance.choice((None, "No duration.")),
                "failures": chance.choice((0, 5)),
                "restored": restored,
                "waits_for": chance.choice((None, "customer:1", "project:7")),
                "choice": chance.choice((None, "later")),
                "created_at": clock(),
                "changed_at": clock(),
                "quickbooks": {"minutes": 60, "person": "P"},
            }
        )
    return found


def _work(
    connection: Connection, chance: random.Random, clock: Clock, *, every_job: bool
) -> None:
    """Have jobs, messages and calls in every state; some answers were not used."""
    final = {*tables.JOB_FINAL}
    jobs = [
        {
            "company_id": 1,
            "id": 200 + number,
            "kind": time_entry.NAME,
            "state": state,
            "action": chance.choice(("add", "read")),
            "record_id": chance.choice((None, 100, 101)),
            "exchange_id": 300 if state in {"sent", "unsure"} else None,
            "summary": "Add",
            "created_at": clock(),
            "run_at": clock(),
            "finished_at": clock() if state in final else None,
        }
        for number, state in enumerate(tables.JOB_STATES)
        if every_job or chance.random() < 0.5
    ]
    messages = [
        {
            "company_id": 1,
            "id": 300 + number,
            "state": state,
            "purpose": "work",
            "session_id": 1,
            "sent_at": clock(),
            "request": "",
            "failed_at": chance.choice((None, clock())),
        }
        for number, state in enumerate(tables.EXCHANGE_STATES)
        if chance.random() < 0.5
    ]
    calls: list[dict[str, Any]] = [
        {
            "company_id": 1,
            "id": 400 + number,
            "state": state,
            "operation": "create",
            "data_type": "time_entry",
            "record_id": 100 + number,
            "fields": {},
            "ref": f"r{number}",
            "created_at": clock(),
            "settled_at": clock() if state in {"done", "refused", "absent"} else None,
        }
        for number, state in enumerate(tables.CALL_STATES)
        if chance.random() < 0.5
    ]
    for table, made in (
        (tables.job, jobs),
        (tables.exchange, messages),
        (tables.mosaic_call, calls),
    ):
        if made:
            connection.execute(table.insert(), made)


def _make(
    engine: Engine,
    chance: random.Random,
    clock: Clock,
    alone: tuple[str | None, dict[str, Any]] | None,
) -> set[str]:
    """Have company 1 be anyhow, or go on but for what stands `alone`.

    Returns what it asks for.
    """
    now = clock()
    asks = set(chance.sample(_ASKS, chance.choice((0, 0, 1, 2, 4))))
    values: dict[str, Any] = {
        "mode": chance.choice(("live", "live", "paused", "preview")),
        "late_at": chance.choice((None, None, now)),
        "last_seen_at": chance.choice((None, now, now)),
        "wrong_password_at": chance.choice((None, now)),
        "guessed_at": chance.choice((None, now, now + timedelta(hours=1))),
        "mosaic_key": chance.choice((None, "k", "k")),
        "two_way": chance.choice((True, False)),
        "file_name": chance.choice((None, "Vale")),
    }
    if alone is not None:
        ask, differs = alone
        asks = set() if ask is None else {ask}
        values |= {"mode": "live", "late_at": None, "last_seen_at": now}
        values |= {"wrong_password_at": None, "mosaic_key": "k"}
        values |= {"file_name": "Vale", **differs}
    company = tables.company
    with company_transaction(engine, 1) as connection:
        for table in (
            *(tables.record, tables.job, tables.exchange, tables.mosaic_call),
            tables.attention,
        ):
            connection.execute(table.delete().where(table.c.company_id == 1))
        connection.execute(
            company.update()
            .where(company.c.id == 1)
            .values(attention_id=None, attention=None, **values)
        )
        for one in sorted(asks):
            attention.attend(connection, 1, error_id=one, text="Look.", now=now)
        connection.execute(tables.record.insert(), _records(chance, clock))
        _work(connection, chance, clock, every_job=alone is not None)
        standing = attention.standing(connection, 1)
    return {one.reason for one in standing}


def _view(connection: Connection, name: str) -> list[Any]:
    query = sa.text(f"SELECT * FROM support_{name} WHERE company_id = 1")
    return list(connection.execute(query))


def _is_held(row: Any) -> bool:
    """Tell of a record whether it waits for a person."""
    free = row.state == "unlinked" and row.waits_for is None
    return row.state in _HELD or (free and row.kind != time_entry.NAME)


def _of_company(engine: Engine, asks: set[str]) -> set[str]:
    with company_reading(engine, 1) as connection:
        ruled = reasons.read(connection, 1)
    with engine.begin() as connection:
        (company,) = _view(connection, "companies")
        told = {one.reason: one for one in _view(connection, "attentions")}
    for one in ruled:
        assert told[one.reason].who_must_act == one.who_must_act
        rests = one.reason == "first_reads"
        assert (one.who_must_act == "nobody") is rests, one
    assert asks <= set(told) == {one.reason for one in ruled}
    assert not ruled or company.who_must_act == ruled[0].who_must_act
    return asks


def _of_records(engine: Engine) -> set[str]:
    with company_reading(engine, 1) as connection:
        stored = list(connection.execute(sa.select(tables.record)))
        held_by = reasons.holding(connection, 1)
    with engine.begin() as connection:
        who = {one.record_id: one for one in _view(connection, "records")}
        lines = _view(connection, "hours")
    for row in stored:
        stands = who_must_act.of(row, held_by)
        assert who[row.id].who_must_act == stands.who, row
        if stands.is_held:
            assert held_by is not None
            assert who[row.id].why == stands.why
            told = (who[row.id].waits_because, who[row.id].next_step)
            assert told == (held_by.reason, held_by.next_step)
        assert not _is_held(row) or who[row.id].who_must_act in {
            "customer",
            "support",
        }, row
    for line in lines:
        rests = line.reason in _REST
        assert rests or line.who_must_act in {"customer", "support"}, line
        if line.reason == "locked":
            assert line.who_must_act == who[line.record_id].who_must_act
    held = {row.state for row in stored if _is_held(row)}
    if held_by is not None:
        held.add(f"held {held_by.reason}")
    return held | {f"hours {line.reason}" for line in lines}


def _of_work(engine: Engine) -> set[str]:
    with engine.begin() as connection:
        found = _view(connection, "jobs"), _view(connection, "exchanges")
    waits = {one.waits_because for one in found[0] if one.waits_because is not None}
    for one in found[0]:
        rests = one.waits_because in {None, "first_reads"}
        assert rests or one.who_must_act != "nobody", one
        assert one.waits_because is None or one.state in {"waiting", "ready", "unsure"}
    failed = [one for one in found[0] if one.state == "failed"]
    failed += [one for one in found[1] if one.failed_at is not None]
    assert {one.who_must_act for one in failed} <= {"support"}
    return {f"work {one.state}" for one in failed} | {f"job {one}" for one in waits}


def test_what_waits_for_somebody_is_never_nobody_s(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """In companies, attentions, records, hours, jobs and messages; views and rules."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        both_read(connection, company.id, clock())
    chance = random.Random(1)
    met: set[str] = set()
    each: list[tuple[str | None, dict[str, Any]]] = [
        *((ask, {}) for ask in _ASKS),
        *((None, {"mode": mode}) for mode in ("paused", "preview")),
        (None, {"mode": "preview", "file_name": None}),
        *((None, late) for late in ({"late_at": clock()}, {"mosaic_key": None})),
    ]
    for alone in (*each, *(None for _ in range(_ROUNDS))):
        met |= _of_company(engine, _make(engine, chance, clock, alone))
        met |= _of_records(engine) | _of_work(engine)
    assert met >= {*_HELD, "unlinked", "hours locked", "work failed", "work answered"}
    assert met >= set(_ASKS)
    held = {"paused", "late", "preview", "backup-restored", "wrong-company-file"}
    held |= {"first_reads", "mosaic-unauthorised", "mosaic-key-missing"}
    assert met >= {f"held {one}" for one in held}
    assert met >= {f"job {one}" for one in ("paused", "late", "wrong-company-file")}


def test_what_only_a_mended_program_ends_is_support_s() -> None:
    """Though the customer is told that there is nothing to do for him."""
    ours = {
        row.name: row.who_must_act
        for row in rows(_KINDS)
        if "our support" in row.next_step.lower()
        and row.topic == "attention"
        and row.next_step.startswith(("Nothing to do", "Our support"))
    }
    assert len(ours) > 15
    assert set(ours.values()) == {"support"}


def test_hours_that_differ_are_somebody_s_unless_they_go_on_or_were_decided() -> None:
    """And those that QuickBooks locks are whose the record is."""
    for reason in hours.REASONS:
        rests = reason in _REST
        assert (hours.who(reason) == "nobody") is rests
    told = words.standing(time_entry.NAME, "locked", waits=False)
    assert told.who == hours.who("locked") == "customer"
