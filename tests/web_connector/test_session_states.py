"""The table of states: what each call may lead to, and the "no" for all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.companies import sessions
from qbwc_server.companies.session_states import TABLE, State
from qbwc_server.storage import tables
from qbwc_server.web_connector.conversation import NO_SESSION, Conversation
from tests.web_connector.desk import PATH, Desk, dump

TICKET_CALLS = [
    *("sendRequestXML", "receiveResponseXML", "connectionError"),
    *("getLastError", "closeConnection"),
]
NO = {
    "sendRequestXML": "",
    "receiveResponseXML": -1,
    "connectionError": "done",
    "getLastError": NO_SESSION,
    "closeConnection": "OK",
}
PAIRS = [(state, call) for state in State for call in TICKET_CALLS]
ALLOWED = [(state, call) for state, call in PAIRS if call in TABLE[state]]
OTHERS = [(state, call) for state, call in PAIRS if call not in TABLE[state]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which it is."""
    return sqlite_url


def bring_to(desk: Desk, talk: Conversation, state: State) -> str:
    """Bring a session to a state by calls alone, and return its ticket."""
    who = desk.company
    ticket = talk.admission.authenticate(who.username, who.password, "1.1.1.1")[0]
    if state is State.AUTHENTICATED:
        return ticket
    if state is State.CLOSED:
        talk.close(ticket)
        return ticket
    if state is State.FINISHING:
        talk.connection_error(ticket, "0x80040408", "Could not start QuickBooks.")
        return ticket
    # Answers that the server asks for itself do not finish a session.
    request = talk.send_request(ticket, "", PATH, "US", "13.0")
    if state is State.READY:
        talk.receive_response(ticket, desk.quickbooks().process(request), "", "")
    return ticket


def variants(desk: Desk, talk: Conversation, call: str, ticket: str) -> list[Any]:
    """Return ways to make a call: as it should be, and as it should not."""
    if call == "sendRequestXML":
        return [
            lambda hcp=hcp: talk.send_request(ticket, hcp, PATH, "US", "13.0")
            for hcp in (desk.hcp(), "", "nonsense", desk.hcp().replace("Alice", "Bob"))
        ]
    if call == "receiveResponseXML":
        return [
            lambda text=text, code=code: talk.receive_response(ticket, text, code, "")
            for text, code in (
                (desk.hcp(), ""),
                ("", ""),
                ("", "0x80040400"),
                ("", "0x80010105"),
            )
        ] + [lambda: talk.receive_unreadable(ticket, "?", "no XML")]
    if call == "connectionError":
        return [
            lambda code=code: talk.connection_error(ticket, code, "no")
            for code in ("0x80040408", "0x8004040A", "0x80040418", "", "nonsense")
        ]
    method = talk.last_error if call == "getLastError" else talk.close
    return [lambda: method(ticket)]


def everything_but_the_audit(desk: Desk) -> dict[str, list[Any]]:
    """Return the database without what is kept of refused calls, see test_tickets."""
    found = dump(desk.engine)
    del found["audit"], found["company_sequence"]
    return found


def state_of(desk: Desk) -> State:
    """Return the state of the latest session."""
    return State(desk.session().state)


def test_the_table_names_every_state_and_only_calls_with_a_ticket() -> None:
    """A state without a row would be an exception in the middle of a session."""
    assert set(TABLE) == set(State) == set(tables.SESSION_STATES)
    assert {call for row in TABLE.values() for call in row} == set(TICKET_CALLS)
    assert not TABLE[State.CLOSED]


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_by_calls(
    new_desk: Callable[..., Desk], state: State
) -> None:
    """The tests below begin where they say."""
    desk = new_desk()
    bring_to(desk, desk.conversation(), state)
    assert state_of(desk) is state


@pytest.mark.parametrize(("state", "call"), ALLOWED)
def test_an_allowed_call_leads_only_where_the_table_says(
    new_desk: Callable[..., Desk], state: State, call: str
) -> None:
    """However it is made, and whatever it brings."""
    for number in range(5):
        desk = new_desk(f"Company {number}")
        talk = desk.conversation()
        ticket = bring_to(desk, talk, state)
        ways = variants(desk, talk, call, ticket)
        if number >= len(ways):
            break
        ways[number]()
        assert state_of(desk) in TABLE[state][call], number


@pytest.mark.parametrize(("state", "call"), OTHERS)
def test_a_call_that_the_table_does_not_name_gets_the_no_and_changes_nothing(
    new_desk: Callable[..., Desk], state: State, call: str
) -> None:
    """Not one row is different afterwards, but for the audit of what was refused."""
    desk = new_desk()
    talk = desk.conversation()
    ticket = bring_to(desk, talk, state)
    before = everything_but_the_audit(desk)
    for way in variants(desk, talk, call, ticket):
        assert way() == NO[call]
    assert everything_but_the_audit(desk) == before


@pytest.mark.parametrize("call", TICKET_CALLS)
def test_an_unknown_ticket_gets_the_no_and_changes_nothing(
    new_desk: Callable[..., Desk], call: str
) -> None:
    """Nobody's, another company's with our number, or no ticket at all."""
    alice, bob = new_desk("Alice"), new_desk("Bob")
    talk = alice.conversation()
    ticket = bring_to(alice, talk, State.ASKED)
    secret = ticket.partition("-")[2]
    before = everything_but_the_audit(alice)
    for wrong in (
        *("", "-", "x", "934ea5d9-231e-4426-9ae9-720d1020c472", "\u00b2-1"),
        *(f"{bob.company.id}-{secret}", f"{alice.company.id}-", ticket[:-1]),
        *(f"0{ticket}x", f"999999999999999999-{secret}", "1" * 40 + "-1"),
        ticket + "0",
    ):
        for way in variants(alice, talk, call, wrong):
            assert way() == NO[call]
    assert everything_but_the_audit(alice) == before


def test_a_stolen_ticket_opens_no_other_company(new_desk: Callable[..., Desk]) -> None:
    """The company is in the ticket, and its hash is looked for in that company only."""
    alice, bob = new_desk("Alice"), new_desk("Bob")
    ticket = bring_to(alice, alice.conversation(), State.AUTHENTICATED)
    engine, keys = alice.engine, alice.keys
    assert sessions.find(engine, keys, alice.company.id, ticket) is not None
    assert sessions.find(engine, keys, bob.company.id, ticket) is None


def test_tickets_are_stored_only_as_hashes(new_desk: Callable[..., Desk]) -> None:
    """Who reads the database cannot take part in a session."""
    desk = new_desk()
    ticket = bring_to(desk, desk.conversation(), State.ASKED)
    assert ticket.partition("-")[2] not in str(dump(desk.engine))
