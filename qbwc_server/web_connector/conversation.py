"""The Web Connector's protocol as a table of states. Knows no SOAP and no HTTP.

Rule 1: a call that is not in `TABLE` for the session's state gets the protocol's own
"no": an empty string, a negative number or `nvu`; never an exception.
Rule 2: the tenant comes from the ticket alone (`tickets`). `peer` is everywhere the
caller's network address.
Rule 3: nothing is asked of QuickBooks before the open company file was recognised.

What Web Connector does with each answer is told in Intuit's QuickBooks Web Connector
Programmer's Guide; the places where the real one differs were learnt from its logs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server import words
from qbwc_server.companies import attention, registry, sessions
from qbwc_server.companies.registry import Company
from qbwc_server.companies.session_states import State
from qbwc_server.companies.sessions import Session
from qbwc_server.jobs import claiming, exchanges
from qbwc_server.keys import Keys
from qbwc_server.qbxml.status import hresult
from qbwc_server.quickbooks import (
    handshake,
    left_sessions,
    list_requests,
    recovery,
    roundtrip,
)
from qbwc_server.quickbooks.list_requests import Rules
from qbwc_server.quickbooks.roundtrip import Outcome
from qbwc_server.records import restored
from qbwc_server.settings import Settings
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)
from qbwc_server.web_connector import status_column, tickets
from qbwc_server.web_connector.admission import Admission, rest_after
from qbwc_server.web_connector.status_column import NOTHING_TO_DO, WAIT

_LOG = structlog.get_logger(__name__)

NO_SESSION = "This session has ended. It will run again at the next scheduled time."
MOST_WAITS = 12
"""Web Connector pauses five seconds for each: a minute in all."""
SOON = timedelta(seconds=10)
MORE_ERRORS_THAN_A_TRY = 2


class Conversation:
    """Answers the calls of all Web Connectors of one server process.

    Those before there is a session are answered by its `admission`.
    """

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self.admission = Admission(engine, keys, settings, clock)
        self._rules = Rules(
            settings.page_size,
            timedelta(days=settings.full_compare_days),
            settings.time_history_years,
        )

    def send_request(
        self,
        ticket: str,
        hcp: str,
        company_file: str,
        country: str,
        version: str,
        *,
        peer: str = "",
    ) -> str:
        """Return the next qbXML, "NoOp" to be asked again, or "" to have it end."""
        del country, version  # the HCP answers say the same in more detail
        now = self._clock()
        found = self._find(ticket, "sendRequestXML", peer)
        if found is None:
            return ""
        session, company_id = found
        if session.exchange_id is not None:
            left_sessions.leave(self._engine, session, now)
        if not session.identified:
            known = handshake.recognise(
                self._engine, session, hcp=hcp, path=company_file, now=now
            )
            if known.text is not None:
                with company_transaction(self._engine, company_id) as connection:
                    sessions.change(
                        connection,
                        session,
                        state=State.ASKED if known.text else State.FINISHING,
                        exchange_id=known.exchange_id,
                        last_error=words.fitting(known.said),
                        last_call_at=now,
                    )
                return known.text
        with company_transaction(self._engine, company_id) as connection:
            company = registry.get(connection, company_id)
            if company.mode == "paused":
                return self._nothing_to_send(connection, session, now)
            if not session.checked:
                list_requests.ask_before_writing(connection, company, now)
            going = (
                roundtrip.ask(connection, company, session.id, now)
                or roundtrip.compose(
                    connection,
                    company,
                    session.id,
                    now=now,
                    rules=self._rules,
                    write_batch=self._settings.write_batch,
                    writes=_may_write(connection, company, session),
                )
                or roundtrip.ask(connection, company, session.id, now, last=True)
            )
            if going is not None:
                exchange_id, text = going
                sessions.change(
                    connection,
                    session,
                    state=State.ASKED,
                    exchange_id=exchange_id,
                    last_error="",
                    last_call_at=now,
                )
                return text
            return self._nothing_to_send(connection, session, now)

    def receive_response(
        self, ticket: str, answer: str, code: str, message: str, *, peer: str = ""
    ) -> int:
        """Keep the answer, work with it, and return the percentage done.

        100 ends the run; a negative number has Web Connector ask for the error's text.
        """
        return self._receive(ticket, answer, code, message, why=None, peer=peer)

    def _receive(
        self,
        ticket: str,
        answer: str,
        code: str,
        message: str,
        *,
        why: str | None,
        peer: str,
    ) -> int:
        now = self._clock()
        found = self._find(ticket, "receiveResponseXML", peer)
        if found is None:
            return -1
        session, company_id = found
        if session.exchange_id is None:
            return self._repeated(session, exchanges.storable(answer, why))
        with company_transaction(self._engine, company_id) as connection:
            kept = exchanges.keep_answer(
                connection,
                company_id,
                session.exchange_id,
                answer=answer,
                hresult=code.strip(),
                message=message,
                reason=why,
                now=now,
            )
            if kept is None:
                exchanges.keep_late(
                    connection, company_id, session.exchange_id, answer, now, why
                )
        results: list[int] = []

        def go_on(connection: Connection, outcome: Outcome) -> None:
            results.append(self._after_answer(connection, session, outcome))

        roundtrip.apply(
            self._engine,
            company_id,
            session.exchange_id,
            now=self._clock(),
            kept=kept,
            then=go_on,
        )
        return results[-1]

    def expects_more(self, ticket: str) -> bool:
        """Tell whether a ticket is of a session that is not over.

        Asked before a long body is read: who has no such ticket makes us read little.
        """
        company_id = sessions.company_of(ticket)
        if company_id is None:
            return False
        session = sessions.find(self._engine, self._keys, company_id, ticket)
        return session is not None and session.state != State.CLOSED

    def receive_unreadable(
        self, ticket: str, body: str, why: str, *, peer: str = ""
    ) -> int:
        """Keep a body that could not be read as the answer that it was meant to be."""
        said = f"The answer is {why}"
        return self._receive(ticket, body, "", "", why=said, peer=peer)

    def connection_error(
        self, ticket: str, code: str, message: str, *, peer: str = ""
    ) -> str:
        """Return "done" to end, or "" to have the company file tried that is open."""
        now = self._clock()
        found = self._find(ticket, "connectionError", peer)
        if found is None:
            return "done"
        session, company_id = found
        refusal = hresult(code)
        _LOG.warning(
            "QuickBooks not reached",
            company=company_id,
            hresult=refusal.hexadecimal,
            said=message[:200],
        )
        errors = session.access_errors + 1
        retry = (
            errors < MORE_ERRORS_THAN_A_TRY
            and bool(session.file_path)
            and refusal.permits_other_file
            and session.state == State.AUTHENTICATED
        )
        with company_transaction(self._engine, company_id) as connection:
            sessions.change(
                connection,
                session,
                state=State.AUTHENTICATED if retry else State.FINISHING,
                access_errors=errors,
                last_error=refusal.customer,
                last_call_at=now,
            )
            if not retry:
                attention.attend(
                    connection,
                    company_id,
                    error_id=f"quickbooks-{refusal.hexadecimal.lower()}",
                    text=refusal.customer,
                    now=now,
                )
                failures = registry.get(connection, company_id).open_failures + 1
                registry.change(
                    connection,
                    company_id,
                    open_failures=failures,
                    open_after=now + rest_after(failures),
                )
        return "" if retry else "done"

    def last_error(self, ticket: str, *, peer: str = "") -> str:
        """Return the text for the Status column, or "NoOp" for a pause; never ""."""
        found = self._find(ticket, "getLastError", peer)
        if found is None:
            return NO_SESSION
        session, _ = found
        with company_transaction(self._engine, session.company_id) as connection:
            return status_column.at_trouble(
                connection, session, self._settings.public_url
            )

    def close(self, ticket: str, *, peer: str = "") -> str:
        """End the session and return what it did, for the Status column."""
        now = self._clock()
        found = self._find(ticket, "closeConnection", peer)
        if found is None:
            return "OK"
        session, company_id = found
        left_sessions.leave(self._engine, session, now)
        with company_transaction(self._engine, company_id) as connection:
            early = handshake.ended_early(connection, session, now)
            url = self._settings.public_url
            summary = early or status_column.at_close(connection, session, url, now)
            sessions.change(connection, session, summary=summary)
            sessions.close(connection, session, now=now, why="closed")
        return summary

    def _find(self, ticket: str, call: str, peer: str) -> tuple[Session, int] | None:
        return tickets.opened(
            self._engine, self._keys, ticket, call, peer=peer, now=self._clock()
        )

    def _nothing_to_send(
        self, connection: Connection, session: Session, now: datetime
    ) -> str:
        company = registry.get(connection, session.company_id)
        soon = claiming.ready_by(
            connection,
            company.id,
            now + SOON,
            writes=_may_write(connection, company, session),
        )
        goes_on = company.mode != "paused" and session.waits < MOST_WAITS
        if soon and goes_on:
            sessions.change(
                connection,
                session,
                state=State.READY,
                last_error=WAIT,
                waits=session.waits + 1,
                last_call_at=now,
            )
            return WAIT
        sessions.change(
            connection,
            session,
            state=State.FINISHING,
            last_error=NOTHING_TO_DO,
            last_call_at=now,
        )
        return ""

    def _repeated(self, session: Session, answer: str) -> int:
        """Return the same percentage for the same answer again, else the "no".

        `answer` is as it would be stored.
        """
        with company_reading(self._engine, session.company_id) as connection:
            last = exchanges.latest(
                connection,
                session.company_id,
                session.id,
                "work",
                "probe",
                "look",
                "identity",
            )
        same = last is not None and last.answer == answer
        return session.percent if same else -1

    def _after_answer(
        self, connection: Connection, session: Session, outcome: Outcome
    ) -> int:
        """Move the session on; return the percentage, or -1 to have the error told."""
        now = self._clock()
        company_id = session.company_id
        company = registry.get(connection, company_id)
        left = recovery.rounds_left(connection, company_id, session.id)
        left += claiming.rounds_left(
            connection,
            company_id,
            now + SOON,
            page_size=self._settings.page_size,
            write_batch=self._settings.write_batch,
            writes=_may_write(connection, company, session),
        )
        done = session.done + 1
        percent = max(1, min(99, 100 * done // (done + left)), session.percent)
        state, result = State.READY, percent
        if outcome.said is not None:
            state, result = State.FINISHING, -1
        elif left == 0 and session.identified:
            state, result = State.FINISHING, 100
        sessions.change(
            connection,
            session,
            state=state,
            exchange_id=None,
            done=done,
            percent=100 if result == 100 else percent,
            last_error=words.fitting(outcome.said or ""),
            last_call_at=now,
            tally=dict(Counter(session.tally or {}) + Counter(outcome.counts)),
        )
        return result


def _may_write(connection: Connection, company: Company, session: Session) -> bool:
    """Tell whether writes may go out in a session now.

    Only after QuickBooks said in it whether a backup was restored; what was answered
    last may have changed that, so the row is read again.
    """
    writes = restored.writes_quickbooks(connection, company)
    return writes and sessions.may_write(connection, session)
