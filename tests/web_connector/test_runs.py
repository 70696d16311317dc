"""Whole runs: a Web Connector, or zeep with our WSDL, from first call to last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zeep

from qbwc_server.sandbox.web_connector.interference import (
    Call,
    ConnectionLost,
    SendAgain,
    Vanish,
)
from qbwc_server.storage import tables
from tests.web_connector.desk import PATH, Desk, serving

pytestmark = pytest.mark.in_turn

METHODS = ["authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection"]


class Once:
    """Does something once, before or after a call of a method."""

    def __init__(self, method: str, how: type[Exception], *, after: bool) -> None:
        self._method, self._how, self._after, self.done = method, how, after, False

    def before(self, call: Call, /) -> None:
        """Break a call that is about to be sent."""
        if not self._after:
            self._break(call)

    def after(self, call: Call, answer: bytes, /) -> None:
        """Break a call that was answered."""
        del answer
        if self._after:
            self._break(call)

    def _break(self, call: Call) -> None:
        if call.method == self._method and not self.done:
            self.done = True
            raise self._how


def settle(desk: Desk) -> None:
    """Let Web Connector call every two minutes for a while."""
    for _ in range(4):
        desk.clock.pass_(minutes=2)
        desk.run()


@pytest.fixture
def client(desk: Desk) -> Iterator[Any]:
    """A SOAP client of another make, with nothing but our WSDL."""
    made = zeep.Client(f"{desk.url}/qbwc?wsdl")  # type: ignore[no-untyped-call]
    yield made.service
    made.transport.session.close()


def test_zeep_does_a_whole_session_with_the_wsdl(desk: Desk, client: Any) -> None:
    """The contract is served where Intuit's tools look for it, and is kept."""
    assert client.serverVersion().startswith("qbwc-server ")
    assert not client.clientVersion("34.0.10010.76")
    who = desk.company
    answer = client.authenticate(who.username, who.password)
    ticket, state = answer[0], answer[1]
    assert not state
    request = client.sendRequestXML(ticket, desk.hcp(), PATH, "US", 13, 0)
    percent = 0
    quickbooks = desk.quickbooks()
    while percent < 100:
        percent = client.receiveResponseXML(ticket, quickbooks.process(request), "", "")
        assert isinstance(percent, int)
        if percent < 100:
            request = client.sendRequestXML(ticket, "", PATH, "US", 13, 0)
    assert client.getLastError(ticket) == "No error."
    assert client.connectionError(ticket, "", "") == "done"
    assert client.closeConnection(ticket)
    assert client.getInteractiveURL("t", "s") in {"", None}
    assert client.interactiveDone("t") == "Done"
    assert client.interactiveRejected("t", "r")
    assert desk.all_read()


def test_a_quiet_poll_that_reads_is_one_round_trip(desk: Desk) -> None:
    """The reads of all kinds travel in one message set."""
    desk.run()
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert (run.error, run.round_trips, run.percents) == (None, 1, (100,))
    assert run.calls == (
        *("serverVersion", "clientVersion", "authenticate", "sendRequestXML"),
        *("receiveResponseXML", "closeConnection"),
    )


def test_a_poll_without_work_never_touches_quickbooks(desk: Desk) -> None:
    """Between two reads the answer is none, whatever changes in QuickBooks."""
    desk.run()
    desk.hands.add("Customer", "New")
    for _ in range(14):
        desk.clock.pass_(minutes=1)
        run = desk.run()
        assert (run.result, run.round_trips) == ("No Data Exchange", 0)
    desk.clock.pass_(minutes=1)
    assert desk.run().round_trips == 1
    assert ("customer", "New") in desk.names()


def test_percentages_rise_and_end_in_a_hundred(desk: Desk) -> None:
    """Long reads and writes alike."""
    for index in range(2600):
        desk.hands.add("Customer", f"Customer {index:04}")
    run = desk.run()
    assert run.error is None
    assert len(run.percents) == 6
    assert list(run.percents) == sorted(set(run.percents))
    assert run.percents.index(100) == len(run.percents) - 1


@pytest.mark.in_turn(False)
def test_two_web_connectors_with_one_connection_file_do_no_harm(desk: Desk) -> None:
    """The second is told busy, or that the file is locked, and nothing is lost."""
    second = desk.connector(computer="SECOND-PC")
    results = []

    class Meanwhile:
        def before(self, call: Call, /) -> None:
            if call.method == "receiveResponseXML":
                results.append(second.run().result)

        def after(self, call: Call, answer: bytes, /) -> None:
            del call, answer

    first = desk.run(Meanwhile())
    assert set(results) == {"Application Busy"}
    assert (first.error, first.percents) == (None, (100,))
    assert desk.all_read()
    assert second.run().result == "No Data Exchange"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("how", [ConnectionLost, Vanish])
def test_a_call_or_an_answer_that_is_lost_loses_nothing(
    desk: Desk, method: str, how: type[Exception], *, after: bool
) -> None:
    """The next runs put it right, with no help from anybody."""
    broken = Once(method, how, after=after)
    desk.run(broken)
    assert broken.done
    settle(desk)
    assert desk.all_read()
    assert {row.state for row in desk.rows(tables.session)} == {"closed"}


@pytest.mark.parametrize("method", METHODS)
def test_a_call_that_is_delivered_twice_does_no_harm(desk: Desk, method: str) -> None:
    """The second answer is the one that Web Connector reads."""
    desk.run(Once(method, SendAgain, after=True))
    settle(desk)
    assert desk.all_read()
    names = [(row.kind, row.quickbooks_id) for row in desk.rows(tables.record)]
    assert len(names) == len(set(names)) == 4


def test_the_wrong_company_file_ends_a_run_with_a_sentence(
    new_desk: Callable[..., Desk],
) -> None:
    """What Web Connector shows is what the customer must do."""
    alice, bob = new_desk("Alice"), new_desk("Bob")
    with serving(alice.wsgi) as url:
        alice.run()
        bob.url = url
        alice.hands.set("company_name", "Somebody Else")
        alice.hands.set("file_name", "C:\\Books\\Else.QBW")
        alice.clock.pass_(minutes=15)
        run = alice.run()
    assert run.result.startswith("The open company is Somebody Else; this connection")
    assert run.percents == ()


def test_a_modal_dialog_in_quickbooks_ends_a_run_and_the_next_one_works(
    desk: Desk,
) -> None:
    """Nothing is lost, and the setup page says what to do until then."""
    desk.hands.set("dialog_open", value=True)
    assert desk.run().error == "QBWC1013"
    assert "QuickBooks" in str(desk.stored().attention)
    desk.hands.set("dialog_open", value=False)
    desk.clock.pass_(minutes=1)
    assert desk.run().percents[-1] == 100
    assert desk.stored().attention is None
    assert desk.all_read()
