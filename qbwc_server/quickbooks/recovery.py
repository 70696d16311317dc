"""Writes whose answer was lost: asked about before anything else is sent.

First QuickBooks is asked for the answer that it stored of the message set (probe);
where it has none, or one that cannot be used, for the entries themselves (look). Both
only read. Rule: nothing is sent again on doubt, and no doubt stays for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import logs
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import claiming, exchanges, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.qbxml import response
from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import MessageSet
from qbwc_server.qbxml.status import Verdict, message_set_status
from qbwc_server.quickbooks import job_answers
from qbwc_server.quickbooks.writing import WRITINGS
from qbwc_server.storage import tables
from qbwc_server.storage.database import NOT_USABLE

MOST_LOOKS = 5
"""Sessions in which a write is asked about before a person must look."""
_TOGETHER = 25
_LOST_IN_DOUBT = (
    "Whether QuickBooks did this could not be found out. Look for it in QuickBooks, "
    "then retry or cancel it."
)
_LOG = structlog.get_logger(__name__)


def ask(
    connection: Connection,
    company: Company,
    session_id: int,
    now: datetime,
    *,
    version: str,
) -> tuple[int, str] | None:
    """Return the next question about lost writes; None if there is none to ask.

    It is kept as an exchange; returned are its id and its text. Nothing is asked twice
    in a session.
    """
    if not _unsure(connection, company.id):
        return None
    _give_up(connection, company, session_id, now)
    return _probe(connection, company, session_id, now, version) or _look(
        connection, company, session_id, now, version
    )


def rounds_left(connection: Connection, company_id: int, session_id: int) -> int:
    """Return how many questions about lost writes this session may still ask."""
    unsure = _unsure(connection, company_id)
    probes = {job.exchange_id for job in unsure if _may_probe(job, session_id)}
    looks = sum(1 for job in unsure if _cursor(job).get("looked_in") != session_id)
    return len(probes) + -(-looks // _TOGETHER)


def apply(
    connection: Connection,
    company: Company,
    exchange: Row[Any],
    parsed: MessageSet,
    now: datetime,
) -> dict[str, int]:
    """Take the answer to a probe or a look; return how many objects came."""
    if exchange.purpose == "probe":
        return _apply_probe(connection, company, exchange, parsed, now)
    _apply_look(connection, company, exchange, parsed, now)
    return {}


def to_forget(connection: Connection, company_id: int) -> str:
    """Return the message set of which QuickBooks may now forget the answer, or "".

    It is the latest one with writes, if its answer was worked with and left nothing
    open. It is named by the next one, so at most one is remembered for us.
    """
    table, job = tables.exchange, tables.job
    last = connection.execute(
        sa.select(table)
        .where(table.c.company_id == company_id, table.c.message_set_id.is_not(None))
        .order_by(table.c.id.desc())
        .limit(1)
    ).first()
    if last is None or last.state != "answered" or last.applied_at is None:
        return ""
    doubted = connection.execute(
        sa.select(job.c.id)
        .join(
            table,
            (table.c.company_id == job.c.company_id)
            & (table.c.id == job.c.exchange_id),
        )
        .where(
            job.c.company_id == company_id,
            job.c.finished_at.is_(None),
            job.c.state.in_(("sent", "unsure", "failed")),
            table.c.message_set_id == last.message_set_id,
        )
        .limit(1)
    ).first()
    return "" if doubted is not None else str(last.message_set_id)


def _probe(
    connection: Connection,
    company: Company,
    session_id: int,
    now: datetime,
    version: str,
) -> tuple[int, str] | None:
    """Ask for the stored answer of a set of writes.

    Asking does not execute anything: the ids are equal and there is no request
    (Intuit's error recovery samples).
    """
    unsure = _unsure(connection, company.id)
    first = next((job for job in unsure if _may_probe(job, session_id)), None)
    if first is None:
        return None
    for job in unsure:
        if job.exchange_id == first.exchange_id:
            _note(connection, job, probed_in=session_id)
    set_id = exchanges.get(
        connection, company.id, first.exchange_id or 0
    ).message_set_id
    if set_id is None:
        return _probe(connection, company, session_id, now, version)
    text = message_set(
        (), new_message_set_id=set_id, old_message_set_id=set_id, version=version
    )
    exchange_id = _keep(connection, company, session_id, "probe", text, now, set_id)
    return exchange_id, text


def _look(
    connection: Connection,
    company: Company,
    session_id: int,
    now: datetime,
    version: str,
) -> tuple[int, str] | None:
    asked: list[Job] = []
    requests: list[Request] = []
    for job in _unsure(connection, company.id):
        if _cursor(job).get("looked_in") == session_id or len(asked) == _TOGETHER:
            continue
        try:
            built = WRITINGS[job.kind].look(job)
        except Exception:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("look not built", company=company.id, job=job.id)
            _note(connection, job, looked_in=session_id, looks=MOST_LOOKS)
            continue
        asked.append(job)
        requests.append(Request(built.name, built.body, request_id=str(job.id)))
    if not asked:
        return None
    text = message_set(requests, version=version)
    exchange_id = _keep(connection, company, session_id, "look", text, now)
    for job in asked:
        looks = _cursor(job).get("looks", 0) + 1
        _note(connection, job, looked_in=session_id, looks=looks, look=exchange_id)
    return exchange_id, text


def _apply_probe(
    connection: Connection,
    company: Company,
    exchange: Row[Any],
    parsed: MessageSet,
    now: datetime,
) -> dict[str, int]:
    lost = [
        job
        for job in _unsure(connection, company.id)
        if exchanges.get(connection, company.id, job.exchange_id or 0).message_set_id
        == exchange.message_set_id
    ]
    verdict = message_set_status(parsed.status_code or 0)
    for job in lost:
        # Asked once is enough: what it said now it would say again.
        _note(connection, job, answered=True)
    if verdict is Verdict.DONE and parsed.answers:
        again = _among(connection, company.id, lost)
        return job_answers.apply(
            connection, company, again, parsed, now, exchange_id=exchange.id
        )
    said = f"QuickBooks keeps no answer for it ({parsed.status_code})"
    # So that it is not named to QuickBooks as one to forget.
    exchanges.change(connection, company.id, exchange.id, state="refused", reason=said)
    for job in lost:
        queue.note(connection, job, reason=f"{said}; it must be looked for.")
    return {}


def _apply_look(
    connection: Connection,
    company: Company,
    exchange: Row[Any],
    parsed: MessageSet,
    now: datetime,
) -> None:
    asked = [
        job
        for job in _unsure(connection, company.id)
        if _cursor(job).get("look") == exchange.id
    ]
    messages = [
        (WRITINGS[job.kind].look(job).name.removesuffix("Rq"), str(job.id))
        for job in asked
    ]
    for job, answer in zip(asked, response.pair(messages, parsed), strict=True):
        settled = False
        told = "nothing" if answer is None else f"only {answer.status_code}"
        why = f"It was looked for, but QuickBooks answered {told}."
        try:
            with logs.within(job=job.id), connection.begin_nested():
                if answer is not None:
                    settled = WRITINGS[job.kind].looked(connection, job, answer, now)
        except NOT_USABLE:
            raise  # the database went away: nothing was decided
        except Exception:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("look not worked with", company=company.id, job=job.id)
            why = (
                "Our program failed on the answer, which is kept in exchange "
                f"{exchange.id}. Support must look at it."
            )
        if not settled:
            queue.note(connection, job, reason=why)


def _give_up(
    connection: Connection, company: Company, session_id: int, now: datetime
) -> None:
    for job in _unsure(connection, company.id):
        cursor = _cursor(job)
        if cursor.get("looked_in") == session_id:
            continue
        if cursor.get("looks", 0) >= MOST_LOOKS:
            queue.move(
                connection,
                job,
                "failed",
                by="look",
                now=now,
                reason=_LOST_IN_DOUBT,
                cursor={**cursor, "in_doubt": True},
            )
            WRITINGS[job.kind].in_doubt(connection, job, now)


def _may_probe(job: Job, session_id: int) -> bool:
    cursor = _cursor(job)
    return (
        cursor.get("probed_in") != session_id
        and not cursor.get("answered")
        and cursor.get("looked_in") != session_id
    )


def _unsure(connection: Connection, company_id: int) -> list[Job]:
    return claiming.unsure(connection, company_id)


def _among(connection: Connection, company_id: int, jobs: Sequence[Job]) -> list[Job]:
    ids = [job.id for job in jobs]
    return queue.select(connection, company_id, tables.job.c.id.in_(ids))


def _cursor(job: Job) -> dict[str, Any]:
    return job.cursor or {}


def _note(connection: Connection, job: Job, **values: object) -> None:
    queue.note(connection, job, cursor={**_cursor(job), **values})


def _keep(
    connection: Connection,
    company: Company,
    session_id: int,
    purpose: str,
    text: str,
    now: datetime,
    set_id: str | None = None,
) -> int:
    return exchanges.send(
        connection,
        company.id,
        session_id=session_id,
        jobs=(),
        cursors=(),
        request=text,
        purpose=purpose,
        message_set_id=set_id,
        now=now,
    )
