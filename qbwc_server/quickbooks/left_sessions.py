"""Sessions that their Web Connector has left: what they left is settled first."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from qbwc_server import logs
from qbwc_server.companies import sessions
from qbwc_server.companies.session_states import State
from qbwc_server.companies.sessions import Session
from qbwc_server.jobs import exchanges
from qbwc_server.quickbooks import roundtrip
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction


def finish_left_over(
    engine: Engine, settings: Settings, company_id: int, peer: str, now: datetime
) -> None:
    """End a session that its Web Connector has left, and settle what it left.

    One that is silent for the idle limit has ended. The same computer calling
    again, or a run of which only closeConnection was missing, ends it earlier.
    """
    with company_transaction(engine, company_id) as connection:
        session = sessions.live(connection, company_id)
        if session is None:
            return
        # Its last call lies in the future where a clock was wrong.
        silent = abs(now - session.last_call_at)
        limit = timedelta(minutes=settings.session_idle_minutes)
        if peer == session.peer:
            limit = timedelta(seconds=settings.session_takeover_seconds)
        if silent < limit and session.state != State.FINISHING:
            return
    with logs.within(session=session.id):
        leave(engine, session, now)
    with company_transaction(engine, company_id) as connection:
        sessions.close(connection, session, now=now, why="left without closing")


def leave(engine: Engine, session: Session, now: datetime) -> None:
    """Settle every exchange of which nothing more will come.

    An answer that was stored but not yet worked with is worked with now. There may
    be more than the session knows of, when the network delivered a call twice.
    """
    company_id = session.company_id
    with company_transaction(engine, company_id) as connection:
        left = exchanges.open_of(connection, company_id, session.id)
    for exchange_id in left:
        roundtrip.apply(engine, company_id, exchange_id, now=now)
    with company_transaction(engine, company_id) as connection:
        for exchange_id in left:
            if exchanges.get(connection, company_id, exchange_id).state == "sent":
                exchanges.lose(
                    connection, company_id, exchange_id, by="no answer", now=now
                )
        if session.exchange_id is not None:
            sessions.change(connection, session, exchange_id=None, state=State.READY)
