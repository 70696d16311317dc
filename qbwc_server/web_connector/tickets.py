"""Which session a ticket opens, and whether the call is one that it takes now.

Rule: a ticket that opens nothing gets the "no" of its call, whatever is wrong with it,
and a row in the audit of the company it names.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.engine import Engine

from qbwc_server import logs
from qbwc_server.companies import refused_tickets, sessions
from qbwc_server.companies.refused_tickets import Refusal
from qbwc_server.companies.session_states import TABLE, State
from qbwc_server.companies.sessions import Session
from qbwc_server.keys import Keys

_LOG = structlog.get_logger(__name__)


def opened(
    engine: Engine, keys: Keys, ticket: str, call: str, *, peer: str, now: datetime
) -> tuple[Session, int] | None:
    """Return the session of a ticket and its company, or None: the call is refused."""
    company_id = sessions.company_of(ticket)
    if not ticket and call == "closeConnection":
        return None  # how Web Connector ends a poll with nothing to do
    if company_id is None:
        why = "no ticket of ours"
        logs.seldom(_LOG.warning, "call refused", why, why=why, call=call, peer=peer)
        return None
    session = sessions.find(engine, keys, company_id, ticket)
    if session is not None:
        logs.about(company=company_id, session=session.id)
    if session is not None and call in TABLE[State(session.state)]:
        return session, company_id
    told = {"call": call, "peer": peer, "company": company_id}
    if session is not None and session.state != State.CLOSED:
        _LOG.warning("call out of order", state=session.state, **told)
        return None
    no = Refusal.UNKNOWN if session is None else Refusal.ENDED
    kept = refused_tickets.keep(engine, company_id, no, call=call, peer=peer, now=now)
    said = no.value if kept else "no such company"
    logs.seldom(_LOG.warning, "call refused", said, why=said, **told)
    return None
