"""The beginning of a session: recognising the open company file before anything else.

Web Connector brings the answers along with its first call. Where it does not, or where
they cannot be read, the same questions are asked by us, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server import words
from qbwc_server.companies import (
    attention,
    company_file,
    computers,
    editions,
    registry,
    sessions,
)
from qbwc_server.companies.company_file import Judgement, OpenFile
from qbwc_server.companies.registry import Company
from qbwc_server.companies.session_states import State
from qbwc_server.companies.sessions import Session
from qbwc_server.jobs import exchanges
from qbwc_server.qbxml import response
from qbwc_server.qbxml.request import message_set
from qbwc_server.qbxml.response import ResponseMalformed
from qbwc_server.quickbooks import time_write_answers
from qbwc_server.storage.database import company_transaction

_LOG = structlog.get_logger(__name__)
_NOT_SAID = "company-file-not-said"
_TWO = "two-computers"
_EARLY = "run-ended-early"


@dataclass(frozen=True, slots=True)
class Recognition:
    """What to answer: None to go on, "" to end with `said`, or our own questions."""

    text: str | None
    said: str = ""
    exchange_id: int | None = None


def recognise(
    engine: Engine, session: Session, *, hcp: str, path: str, now: datetime
) -> Recognition:
    """Recognise the open company file from `hcp`, or from answers to our questions.

    `path` is the file's path on the customer's computer. A file that is recognised is
    kept with the company; one that is not stops the run with a sentence.
    """
    company_id = session.company_id
    answers = exchanges.storable(hcp)
    if answers.strip():
        with company_transaction(engine, company_id) as connection:
            exchanges.keep_unasked(connection, company_id, session.id, answers, now)
    with company_transaction(engine, company_id) as connection:
        company = registry.get(connection, company_id)
        asked = exchanges.latest(connection, company_id, session.id, "identity")
        if not answers.strip() and asked is not None:
            answers = asked.answer or ""
        file = _read(answers, company)
        if file is not None:
            return _judge(connection, company, session, file, path, now)
        if asked is not None:
            said = words.attention(_NOT_SAID).said
            attention.attend(
                connection, company_id, error_id=_NOT_SAID, text=said, now=now
            )
            return Recognition("", said)
        text = message_set(company_file.questions(company.owner_id))
        exchange_id = exchanges.send(
            connection,
            company_id,
            session_id=session.id,
            jobs=(),
            cursors=(),
            request=text,
            purpose="identity",
            now=now,
        )
        return Recognition(text, exchange_id=exchange_id)


def ended_early(connection: Connection, session: Session, now: datetime) -> str:
    """Say that a run is over before it began, "" if it is not so.

    Web Connector writes its mark into the open company file before it asks for
    anything. Where it cannot, it ends the run, and tells nobody but its own log. What
    QuickBooks said before, of the path that we named, is why.
    """
    if session.state != State.AUTHENTICATED:
        return ""
    said = session.last_error or words.attention(_EARLY).said
    attention.attend(
        connection, session.company_id, error_id=_EARLY, text=said, now=now
    )
    sessions.change(connection, session, last_error=said)
    return said


def _read(answers: str, company: Company) -> OpenFile | None:
    try:
        return company_file.read(response.parse(answers), company.owner_id)
    except ResponseMalformed as error:
        _LOG.warning("first answers not readable", company=company.id, why=str(error))
        return None


def _judge(
    connection: Connection,
    company: Company,
    session: Session,
    file: OpenFile,
    path: str,
    now: datetime,
) -> Recognition:
    judgement = company_file.judge(company, file, path)
    if judgement.problem is not None:
        if judgement.changes:
            registry.change(connection, company.id, **judgement.changes)
        attention.attend(
            connection,
            company.id,
            error_id=str(judgement.problem_id),
            text=judgement.problem,
            now=now,
        )
        return Recognition("", judgement.problem)
    changes = {**judgement.changes, "open_failures": 0, "open_after": None}
    known = (company.host or {}).get("computers", {})
    there = computers.seen(known, file.app_lock, now)
    changes["host"] = {**changes["host"], "computers": there}
    if company.file_name is None:
        changes["file_bound_at"] = now
    registry.change(connection, company.id, **changes)
    if _locked_up_to(company.host) != _locked_up_to(changes.get("host")):
        time_write_answers.release_locked(connection, company.id, now)
    known = _to_know(judgement, changes["host"])
    attention.calm(connection, company.id, now=now, but=known)
    for error_id, text in known.items():
        attention.attend(connection, company.id, error_id=error_id, text=text, now=now)
    for note in judgement.notes:
        registry.audit(connection, company.id, now, who="quickbooks", what=note)
    sessions.change(
        connection, session, identified=True, last_error="", last_call_at=now
    )
    return Recognition(None)


def _to_know(judgement: Judgement, host: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person should know and what stops nothing, by its id."""
    known = {}
    two = computers.together(host["computers"])
    if two:
        named = words.fitting(" and ".join(two), 60)
        text = f"{words.attention(_TWO).said} They are {named}."
        known[_TWO] = text
    for warning in (judgement.warning, *editions.warnings(host)):
        if warning is not None:
            known[warning] = words.attention(warning).said
    return known


def _locked_up_to(host: Mapping[str, Any] | None) -> tuple[object, ...]:
    known = host or {}
    return known.get("closing_date"), known.get("dividing_date")
