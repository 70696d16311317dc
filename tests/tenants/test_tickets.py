"""A ticket that opens nothing: the protocol's "no", an audit row, and never a flood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

from qbwc_server.companies import refused_tickets, sessions
from qbwc_server.companies.refused_tickets import Refusal
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, operator_transaction
from qbwc_server.storage.one_trip import first_at_once
from qbwc_server.web_connector.conversation import NO_SESSION, Conversation
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
PEER = "192.0.2.9"
CALLS: dict[str, tuple[Callable[[Conversation, str, str], Any], Any]] = {
    "sendRequestXML": (
        lambda talk, ticket, peer: talk.send_request(
            ticket, "<hcp/>", "C:\\A.QBW", "US", "13.0", peer=peer
        ),
        "",
    ),
    "receiveResponseXML": (
        lambda talk, ticket, peer: talk.receive_response(
            ticket, "<QBXML/>", "", "", peer=peer
        ),
        -1,
    ),
    "connectionError": (
        lambda talk, ticket, peer: talk.connection_error(
            ticket, "0x80040408", "x", peer=peer
        ),
        "done",
    ),
    "getLastError": (
        lambda talk, ticket, peer: talk.last_error(ticket, peer=peer),
        NO_SESSION,
    ),
    "closeConnection": (lambda talk, ticket, peer: talk.close(ticket, peer=peer), "OK"),
}


@pytest.fixture
def talk(engine: Engine, keys: Keys, settings: Settings, clock: Clock) -> Conversation:
    """The server's side."""
    return Conversation(engine, keys, settings, clock)


@pytest.fixture
def ticket(
    engine: Engine, keys: Keys, clock: Clock, new_company: NewCompanies
) -> Callable[..., str]:
    """A function that adds a company and returns the ticket of its session."""

    def make(name: str = "Alice", *, ended: bool = False) -> str:
        company_id = new_company(name).id
        with company_transaction(engine, company_id) as connection:
            made = sessions.begin(
                connection, keys, company_id, now=clock(), file_path="", peer=PEER
            )
            if ended:
                session = sessions.live(connection, company_id)
                assert session is not None
                sessions.close(connection, session, now=clock(), why="closed")
        return made

    return make


def _wrong_tickets(right: str, ended: str) -> dict[str, Refusal]:
    """Return tickets that open nothing, each with what the audit calls it."""
    mine, _, secret = right.partition("-")
    other = ended.partition("-")[0]
    return {
        f"{mine}-{'0' * 40}": Refusal.UNKNOWN,  # guessed
        f"{other}-{secret}": Refusal.UNKNOWN,  # of this company, used for the other
        ended: Refusal.ENDED,  # after closeConnection
    }


def _audit(engine: Engine) -> list[Any]:
    table = tables.audit
    with operator_transaction(engine) as connection:
        return list(
            connection.execute(
                sa.select(table)
                .where(table.c.dedupe_key.is_not(None))
                .order_by(table.c.company_id, table.c.id)
            )
        )


@pytest.mark.parametrize("call", CALLS)
def test_a_ticket_that_opens_nothing_gets_the_no_and_an_audit_row(
    talk: Conversation, ticket: Callable[..., str], engine: Engine, call: str
) -> None:
    """Guessed, of another company, after closeConnection: for every method."""
    right, ended = ticket("Alice"), ticket("Bob", ended=True)
    make, no = CALLS[call]
    expected = []
    for wrong, what in _wrong_tickets(right, ended).items():
        assert make(talk, wrong, PEER) == no
        expected.append((sessions.company_of(wrong), what.value, PEER, 1))

    rows = _audit(engine)
    assert [(row.company_id, row.what, row.who, row.times) for row in rows] == expected
    assert all(call in row.why for row in rows)
    for secret in (right.partition("-")[2], ended.partition("-")[2], "0" * 40):
        assert secret not in str(rows)


@pytest.mark.parametrize("call", CALLS)
def test_a_ticket_of_nobody_is_only_logged(
    talk: Conversation, engine: Engine, call: str
) -> None:
    """Where no company is there is nobody to keep it for; and no part of the ticket."""
    make, no = CALLS[call]
    with structlog.testing.capture_logs() as logs:
        for wrong in (f"77-{'ab' * 20}", "nonsense", "", "9" * 30 + "-1"):
            assert make(talk, wrong, PEER) == no

    assert _audit(engine) == []
    assert {(one["event"], one["call"], one["peer"]) for one in logs} == {
        ("call refused", call, PEER)
    }
    assert "abab" not in str(logs)
    assert "nonsense" not in str(logs)


def test_a_flood_makes_one_row_an_hour_and_counts(
    talk: Conversation, ticket: Callable[..., str], engine: Engine, clock: Clock
) -> None:
    """A thousand guesses are one line with a number, and the hour after another."""
    company_id = sessions.company_of(ticket())
    for number in range(30):
        clock.pass_(seconds=1)
        talk.close(f"{company_id}-{number:040}", peer=PEER)
    clock.pass_(hours=1)
    talk.last_error(f"{company_id}-1", peer=PEER)

    first, second = _audit(engine)
    assert (first.times, second.times) == (30, 1)
    assert (first.last_at - first.at).total_seconds() == 29


def test_a_flood_from_everywhere_is_one_row_more(
    talk: Conversation, ticket: Callable[..., str], engine: Engine
) -> None:
    """Addresses are free to whoever has a network of them."""
    company_id = sessions.company_of(ticket())
    for number in range(refused_tickets.MOST_ADDRESSES + 15):
        talk.close(f"{company_id}-1", peer=f"2001:db8::{number:x}")

    rows = _audit(engine)
    assert len(rows) == refused_tickets.MOST_ADDRESSES + 1
    assert (rows[-1].who, rows[-1].times) == (refused_tickets.ELSEWHERE, 15)


def test_a_flood_waits_for_nobody_and_keeps_nobody_waiting(
    talk: Conversation, ticket: Callable[..., str], engine: Engine
) -> None:
    """Once a row is there, counting it takes no lock of the company."""
    company_id = sessions.company_of(ticket())
    assert company_id is not None
    talk.close(f"{company_id}-1", peer=PEER)
    said: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2]))

    talk.close(f"{company_id}-1", peer=PEER)

    assert said
    assert not [text for text in said if "company_sequence" in text]


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged."""
    with structlog.testing.capture_logs() as made:
        yield made


def test_looking_for_a_ticket_is_the_same_work_whatever_is_wrong_with_it(
    talk: Conversation,
    ticket: Callable[..., str],
    engine: Engine,
    logs: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of an unknown company, with a wrong secret, ended: the same statements.

    What is kept of it comes after, and differs: the number of a company is no secret.
    """
    right, ended = ticket("Alice"), ticket("Bob", ended=True)
    del right
    work = []
    for wrong in ("77-1", "1-1", ended):
        said: list[str] = []

        def hear(*args: Any, said: list[str] = said) -> None:
            said.append(args[2])

        def look(*args: Any, said: list[str] = said) -> Any:
            said.append(str(args[2]))
            return first_at_once(*args)

        sa.event.listen(engine, "before_cursor_execute", hear)
        monkeypatch.setattr(sessions, "first_at_once", look)
        talk.last_error(wrong, peer=PEER)
        sa.event.remove(engine, "before_cursor_execute", hear)
        looked = next(n for n, text in enumerate(said) if "FROM session" in text)
        work.append(said[: looked + 1])

    assert work[0] == work[1] == work[2]
    refused = [one for one in logs if one["event"] == "call refused"]
    assert len(refused) == 3
