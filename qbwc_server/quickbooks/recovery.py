"""Writes whose answer was lost: asked about before anything else is written.

First QuickBooks is asked for the answer that it stored of the message set (probe);
where it has none, or one that cannot be used, for the entries themselves (look). Both
only read. What is asked next, and when a person must look, says `jobs.doubt`.

Rule 1: nothing is sent again on doubt, and no doubt stays for ever.
Rule 2: a question goes after something else was answered in its session, so that a
refusal is one of the question; and what becomes of it stops no other work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from qbwc_server import logs
from qbwc_server.companies import attention
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import claiming, exchanges, queue
from qbwc_server.jobs.doubt import TOGETHER, Doubt, Heard, Question
from qbwc_server.jobs.queue import Job
from qbwc_server.qbxml import response
from qbwc_server.qbxml.request import Request, message_set
from qbwc_server.qbxml.response import MessageSet
from qbwc_server.qbxml.status import Verdict, message_set_status
from qbwc_server.quickbooks import job_answers
from qbwc_server.quickbooks.writing import WRITINGS
from qbwc_server.storage import tables
from qbwc_server.storage.database import NOT_USABLE

_LOST_IN_DOUBT = (
    "Whether QuickBooks did this could not be found out. Look for it in QuickBooks, "
    "then say on the setup page which it is. Support: `jobs found`, `jobs missing` or "
    "`jobs leave`."
)
_LOG = structlog.get_logger(__name__)


def ask(
    connection: Connection,
    company: Company,
    session_id: int,
    now: datetime,
    *,
    version: str,
    last: bool = False,
) -> tuple[int, str] | None:
    """Return the next question about lost writes; None if there is none to ask.

    It is kept as an exchange; returned are its id and its text. Nothing is asked twice
    in a session. With `last` nothing else is left to be asked in it; else there is
    nothing before something was answered, and nothing that goes last.
    """
    unsure = claiming.unsure(connection, company.id)
    if not unsure:
        return None
    unsure = _give_up(connection, unsure, session_id, now)
    if not last:
        unsure = [job for job in unsure if not job.doubt.goes_last]
        if not unsure or not exchanges.is_answered(connection, company.id, session_id):
            return None
    unsure = [job for job in unsure if job.doubt.may_ask(session_id)]
    return _probe(connection, company, unsure, session_id, now, version) or _look(
        connection, company, unsure, session_id, now, version
    )


def rounds_left(connection: Connection, company_id: int, session_id: int) -> int:
    """Return how many questions about lost writes this session may still ask."""
    probes: set[int | None] = set()
    looks, alone = 0, 0
    for job in claiming.unsure(connection, company_id):
        doubt = job.doubt.ready()
        if not doubt.may_ask(session_id):
            continue
        if doubt.question is Question.STORED:
            probes.add(job.exchange_id)
        elif doubt.together < TOGETHER:
            alone += 1
        else:
            looks += 1
    return len(probes) + alone + -(-looks // TOGETHER)


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
    unsure: Sequence[Job],
    session_id: int,
    now: datetime,
    version: str,
) -> tuple[int, str] | None:
    """Ask for the stored answer of a set of writes.

    Asking does not execute anything: the ids are equal and there is no request
    (Intuit's error recovery samples).
    """
    stored = [job for job in unsure if _question(job) is Question.STORED]
    for first in stored:
        set_id = _set_of(connection, first)
        if set_id is None:
            continue
        text = message_set(
            (), new_message_set_id=set_id, old_message_set_id=set_id, version=version
        )
        exchange_id = _keep(connection, company, session_id, "probe", text, now, set_id)
        for job in stored:
            if job.exchange_id == first.exchange_id:
                asked = job.doubt.asked(session_id, exchange_id, now)
                _note(connection, job, asked)
        return exchange_id, text
    return None


def _look(
    connection: Connection,
    company: Company,
    unsure: Sequence[Job],
    session_id: int,
    now: datetime,
    version: str,
) -> tuple[int, str] | None:
    asked: list[tuple[Job, Doubt]] = []
    requests: list[Request] = []
    most = TOGETHER
    for job in unsure:
        doubt = job.doubt.ready()
        if doubt.question is Question.STORED:
            # Its message set had no id: there is nothing to ask for.
            doubt = replace(doubt, question=Question.ENTRY)
        limit = min(most, 1 if doubt.goes_last else doubt.together)
        if len(asked) >= limit:
            break
        try:
            built = WRITINGS[job.kind].look(_with(job, doubt))
        except Exception:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("look not built", company=company.id, job=job.id)
            doubt = doubt.asked(session_id, 0, now)
            _note(connection, job, doubt.heard(Heard.UNREADABLE, session_id, now))
            continue
        most = limit
        asked.append((job, doubt))
        requests.append(Request(built.name, built.body, request_id=str(job.id)))
    if not asked:
        return None
    text = message_set(requests, version=version)
    exchange_id = _keep(connection, company, session_id, "look", text, now)
    for job, doubt in asked:
        _note(connection, job, doubt.asked(session_id, exchange_id, now))
    return exchange_id, text


def _apply_probe(
    connection: Connection,
    company: Company,
    exchange: Row[Any],
    parsed: MessageSet,
    now: datetime,
) -> dict[str, int]:
    lost = _asked_by(connection, company.id, exchange.id)
    verdict = message_set_status(parsed.status_code or 0)
    for job in lost:
        # Asked once is enough: what it said now it would say again.
        _hear(connection, job, Heard.ABSENT, exchange, now)
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
    asked = _asked_by(connection, company.id, exchange.id)
    messages = [
        (WRITINGS[job.kind].look(job).name.removesuffix("Rq"), str(job.id))
        for job in asked
    ]
    for job, answer in zip(asked, response.pair(messages, parsed), strict=True):
        heard: Heard | None = Heard.UNREADABLE
        told = "nothing" if answer is None else f"only {answer.status_code}"
        why = f"It was looked for, but QuickBooks answered {told}."
        try:
            with logs.within(job=job.id), connection.begin_nested():
                if answer is not None:
                    heard = WRITINGS[job.kind].looked(connection, job, answer, now)
        except NOT_USABLE:
            raise  # the database went away: nothing was decided
        except Exception:  # noqa: BLE001 - it must not stop the others
            _LOG.exception("look not worked with", company=company.id, job=job.id)
            heard = Heard.UNREADABLE
            why = (
                "Our program failed on the answer, which is kept in exchange "
                f"{exchange.id}. Support must look at it."
            )
        if heard is not None:
            queue.note(connection, job, reason=why)
            _hear(connection, job, heard, exchange, now)


def unheard(
    connection: Connection,
    company_id: int,
    exchange: Row[Any],
    why: str,
    now: datetime,
    *,
    counts: bool,
) -> None:
    """Take that a probe or a look got an HRESULT, or an answer nobody can read.

    `counts` says that it is about this question: QuickBooks answers others. A set of
    several questions is asked again in parts, for one of them may be what it is about.
    """
    asked = _asked_by(connection, company_id, exchange.id)
    apart = exchange.purpose == "look" and len(asked) > 1
    for job in asked:
        queue.note(connection, job, reason=why)
        if apart and counts:
            most = replace(job.doubt, together=min(job.doubt.together, len(asked)))
            _note(connection, job, most.apart())
        else:
            what = Heard.UNREADABLE if counts else Heard.SILENCE
            _hear(connection, job, what, exchange, now)


def _hear(
    connection: Connection, job: Job, what: Heard, exchange: Row[Any], now: datetime
) -> None:
    """Keep what was heard of a write; what cannot go on is for a person."""
    (fresh,) = _among(connection, job.company_id, [job])
    doubt = fresh.doubt.heard(what, exchange.session_id, now)
    if doubt.given_up and fresh.state == "unsure":
        _to_person(connection, fresh, doubt, now)
    else:
        _note(connection, fresh, doubt)


def _give_up(
    connection: Connection, unsure: Sequence[Job], session_id: int, now: datetime
) -> list[Job]:
    """Hand to a person what was asked often enough; return the others."""
    left: list[Job] = []
    for job in unsure:
        if job.doubt.needs_person and job.doubt.may_ask(session_id):
            _to_person(connection, job, replace(job.doubt, given_up=True), now)
        else:
            left.append(job)
    return left


def _to_person(connection: Connection, job: Job, doubt: Doubt, now: datetime) -> None:
    reason = _LOST_IN_DOUBT
    if doubt.question is Question.NAMED:
        reason = f"QuickBooks does not show an entry {doubt.txn_id}. {reason}"
    queue.move(
        connection,
        job,
        "failed",
        by="look",
        now=now,
        reason=reason,
        cursor=doubt.kept(),
    )
    if job.action == "add":
        attention.attend(
            connection,
            job.company_id,
            error_id=attention.IN_DOUBT,
            text=f"{job.summary}: whether QuickBooks has it could not be found out. "
            "Our support asks you to look for it.",
            now=now,
        )
    WRITINGS[job.kind].in_doubt(connection, job, now)


def _question(job: Job) -> Question:
    return job.doubt.ready().question


def _set_of(connection: Connection, job: Job) -> str | None:
    row = exchanges.get(connection, job.company_id, job.exchange_id or 0)
    found: str | None = row.message_set_id
    return found


def _with(job: Job, doubt: Doubt) -> Job:
    return replace(job, cursor=doubt.kept())


def _asked_by(connection: Connection, company_id: int, exchange_id: int) -> list[Job]:
    """Return the writes that are in doubt and were asked about in an exchange."""
    return [
        job
        for job in claiming.unsure(connection, company_id)
        if job.doubt.asked_by == exchange_id
    ]


def _among(connection: Connection, company_id: int, jobs: Sequence[Job]) -> list[Job]:
    ids = [job.id for job in jobs]
    return queue.select(connection, company_id, tables.job.c.id.in_(ids))


def _note(connection: Connection, job: Job, doubt: Doubt) -> None:
    queue.note(connection, job, cursor=doubt.kept())


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
