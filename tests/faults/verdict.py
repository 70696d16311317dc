"""Bringing a plant to rest, and what must be true then: the promises, as assertions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from qbwc_server.decisions import gone
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records import tombstones
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.terms import FIELDS
from tests.faults.firm import Firm
from tests.faults.plant import TAKEOVER, Plant

MOST_SECONDS = 120
"""Of real time, for a plant to come to rest once all faults are over."""
_AT_ONCE = 0.3
_LOOKS = 2
_LONG = timedelta(hours=13)
"""Longer than the product ever lets something rest that will go on by itself."""


class Stuck(AssertionError):
    """Something does not go on by itself."""


def come_to_rest(plant: Plant, *, most: float = MOST_SECONDS) -> float:
    """Let everything run, with nothing going wrong, until nothing is left to do.

    At the end both sides are read as the clock would have it, so that what nobody
    called back about is seen; twice, because an entry is gone when two reads missed it.
    Returns the seconds it took.

    Raises:
        Stuck: it does not come to rest within `most` seconds of real time.
    """
    begun = time.monotonic()
    plant.ready()
    _until_quiet(plant, begun + most)
    for _ in range(_LOOKS):
        _look_everywhere(plant)
        _until_quiet(plant, begun + most)
    if _answer_what_is_gone(plant):
        _until_quiet(plant, begun + most)
    return time.monotonic() - begun


def at_rest(plant: Plant) -> None:
    """Assert all that has been promised of a plant that came to rest.

    Raises:
        AssertionError: a promise is broken; the text says which.
    """
    nothing_stuck(plant)
    for firm in plant.firms:
        nothing_twice(firm)
        nothing_lost(firm)
        nothing_crossed(firm)
        differences = firm.agreement().differences
        assert not differences, f"different: {differences}"
        firm.touched.clear()


def _until_quiet(plant: Plant, deadline: float) -> None:
    while time.monotonic() < deadline:
        for firm in plant.firms:
            firm.connect()
        _let_workers_work(plant)
        if not unfinished(plant):
            return
        _skip_waiting(plant)
    raise Stuck(f"stuck: {unfinished(plant)}")


def _let_workers_work(plant: Plant) -> None:
    """Wait until no worker has anything to do at this moment, but not for ever."""
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        if not _due_now(plant):
            return
        time.sleep(0.03)


def _due_now(plant: Plant) -> bool:
    duty, call, back = tables.duty, tables.mosaic_call, tables.mosaic_callback
    now = plant.clock()
    with plant.engine.begin() as connection:
        return bool(
            plant.sandbox.outbox._waiting
            and any(one.due <= now for one in plant.sandbox.outbox._waiting)
        ) or any(
            connection.execute(sa.select(sa.exists().where(*wanted))).scalar_one()
            for wanted in (
                [duty.c.deliver_at <= now],
                [duty.c.leased_until > now],
                [back.c.handled_at.is_(None)],
                [call.c.settled_at.is_(None), call.c.check_at <= now],
            )
        )


def unfinished(plant: Plant) -> list[str]:
    """Return in words what will go on by itself and has not."""
    session, call, job = tables.session, tables.mosaic_call, tables.job
    record, back = tables.record, tables.mosaic_callback
    company, duty = tables.company, tables.duty
    waits = record.c.due_at.is_not(None) | (record.c.state == "pending")
    busy = (
        duty.c.leased_until.is_not(None)
        | (duty.c.deliver_at <= plant.clock())
        | company.c.mosaic_read_at.is_(None)
        | company.c.attention_id.is_not(None)
    )
    with plant.engine.begin() as connection:

        def rows(table: sa.Table, *conditions: Any) -> Sequence[sa.Row[Any]]:
            return connection.execute(sa.select(table).where(*conditions)).all()

        found = [
            *(
                f"job {row.kind} {row.action} {row.state}: {row.reason}"
                for row in rows(
                    job, job.c.finished_at.is_(None), job.c.state != "failed"
                )
            ),
            *(
                f"session {row.state} since {row.last_call_at}"
                for row in rows(session, session.c.state != "closed")
            ),
            *(
                f"call {row.operation} {row.data_type} {row.state}: {row.reason}"
                for row in rows(call, call.c.settled_at.is_(None))
            ),
            *(
                f"record {row.name} {row.state} {row.due_at}: {row.reason}"
                for row in rows(record, waits)
            ),
            *(
                f"callback {row.id} nobody looked at"
                for row in rows(back, back.c.handled_at.is_(None))
            ),
            *(
                f"{row.name} leased until {row.leased_until}, due {row.deliver_at}, "
                f"{row.attention_id}"
                for row in connection.execute(_WITH_DUTY.where(busy))
            ),
        ]
    found += ["a callback on its way" for _ in plant.sandbox.outbox._waiting]
    return found


def _skip_waiting(plant: Plant) -> None:
    """Skip the time until something is due, if everybody only waits for that."""
    if plant.slow_requests:
        return
    now = plant.clock()
    due = _moments(plant)
    if due and min(due) > now:
        plant.skip(min((min(due) - now), _LONG).total_seconds() + 0.05)
    else:
        time.sleep(_AT_ONCE)


_WITH_DUTY = sa.select(
    *(tables.company.c[name] for name in ("id", "name", "attention_id")),
    *(tables.duty.c[name] for name in ("leased_until", "deliver_at")),
).where(tables.duty.c.company_id == tables.company.c.id)


def _moments(plant: Plant) -> list[datetime]:
    """Return the moments at which something is due that nobody has to do before."""
    call, job, session, record, back = (
        *(tables.mosaic_call, tables.job, tables.session, tables.record),
        tables.mosaic_callback,
    )
    moments: list[datetime | None] = [one.due for one in plant.sandbox.outbox._waiting]
    with plant.engine.begin() as connection:

        def first(column: sa.Column[Any], *conditions: Any) -> datetime | None:
            asked = sa.select(sa.func.min(column)).where(*conditions)
            return connection.execute(asked).scalar()

        for row in connection.execute(_WITH_DUTY).all():
            waiting = [
                first(record.c.due_at, record.c.company_id == row.id),
                first(
                    back.c.received_at,
                    back.c.company_id == row.id,
                    back.c.handled_at.is_(None),
                ),
                first(
                    call.c.check_at,
                    call.c.company_id == row.id,
                    call.c.settled_at.is_(None),
                ),
            ]
            due = [one for one in waiting if one is not None]
            if row.leased_until is not None:
                moments.append(row.leased_until)
            elif due and row.deliver_at is not None:
                moments.append(max(row.deliver_at, min(due)))
            if row.attention_id == "two-computers":
                # Over a day after the second one was seen, and nothing else ends it.
                moments.append(plant.clock() + _LONG)
            elif row.attention_id is not None:
                moments.append(row.deliver_at)
        unfinished_job = (job.c.finished_at.is_(None), job.c.state != "failed")
        moments.append(first(job.c.run_at, *unfinished_job))
        silent = first(session.c.last_call_at, session.c.state != "closed")
        if silent is not None:
            moments.append(silent + timedelta(seconds=TAKEOVER + 0.1))
    return [one for one in moments if one is not None]


def _look_everywhere(plant: Plant) -> None:
    """Have both sides read as after a while: what nobody called back about is seen."""
    now = plant.clock()
    with plant.engine.begin() as connection:
        connection.execute(
            tables.company.update().values(
                next_read_at=None, open_after=None, time_window_at=now
            )
        )
        connection.execute(tables.duty.update().values(deliver_at=now))


def _answer_what_is_gone(plant: Plant) -> bool:
    """Say that what Mosaic does not show is deleted, where that is asked.

    Whoever deletes all entries of a project there is asked.
    """
    record, said = tables.record, False
    refused = (record.c.state == "refused", record.c.gone.is_not(None))
    with plant.engine.begin() as connection:
        found = connection.execute(
            sa.select(record.c.company_id, record.c.id).where(*refused)
        ).all()
    for company_id, number in found:
        with company_transaction(plant.engine, company_id) as connection:
            row = connection.execute(
                sa.select(record).where(
                    record.c.company_id == company_id, record.c.id == number
                )
            ).one()
            if row.state == "refused" and tombstones.mosaics(row) is not None:
                gone.say(connection, row, Word.DELETED, by="person", now=plant.clock())
                said = True
    return said


def nothing_stuck(plant: Plant) -> None:
    """No job is out, in doubt or given up, no session lives, no call is open."""
    assert not unfinished(plant), f"stuck: {unfinished(plant)}"
    job = tables.job
    with plant.engine.begin() as connection:
        failed = connection.execute(
            sa.select(job.c.kind, job.c.action, job.c.reason).where(
                job.c.state == "failed"
            )
        ).all()
    assert not failed, f"stuck: {failed}"


def nothing_twice(firm: Firm) -> None:
    """No entry is there twice on a side, and no creation was sent twice."""
    for side, held in (
        ("QuickBooks", firm.ledger.in_quickbooks()),
        ("Mosaic", firm.ledger.in_mosaic()),
    ):
        twice = {mark: found for mark, found in held.items() if len(found) > 1}
        assert not twice, f"twice in {side}: {twice}"
    made = [one["ref"] for one in firm.team.store.writes if one["op"] == "create"]
    assert len(made) == len(set(made)), "twice: one creation was sent two times"


def nothing_lost(firm: Firm) -> None:
    """Every entry is on both sides as somebody left it, or was deleted by somebody."""
    here, there = firm.ledger.in_quickbooks(), firm.ledger.in_mosaic()
    for mark, life in firm.ledger.lives.items():
        for side, held in (("QuickBooks", here), ("Mosaic", there)):
            if life.deleted:
                assert mark not in held, f"lost: {mark} was deleted, {side} has it"
                continue
            assert mark in held, f"lost: {mark} is not in {side}"
            shown = held[mark][0][1]
            wrong = [name for name in FIELDS if shown[name] != life.values[name]]
            assert not wrong, f"lost: {wrong} of {mark} in {side}: {shown}"


def nothing_crossed(firm: Firm) -> None:
    """Whatever a company has is its own."""
    held = firm.ledger.in_quickbooks().keys() | firm.ledger.in_mosaic().keys()
    foreign = held - firm.ledger.lives.keys()
    assert not foreign, f"crossed: {foreign}"
