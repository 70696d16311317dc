"""What the server must do when: one call, or a few, over a real socket."""

from __future__ import annotations

from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from qbwc_server import __version__, logs
from qbwc_server.companies import registry
from qbwc_server.jobs import queue
from qbwc_server.qbxml.check import problems
from qbwc_server.quickbooks import left_sessions
from qbwc_server.storage import tables
from qbwc_server.storage.database import make_engine
from qbwc_server.web_connector.conversation import Conversation
from tests.conftest import Clock
from tests.customer import Customer
from tests.web_connector.desk import PATH, Desk, body_of, post, result, serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which it is."""
    return sqlite_url


def get(url: str, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Ask for a page; return status, content type and body."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read()
    finally:
        connection.close()


def with_company(desk: Desk, **values: Any) -> None:
    """Change columns of the company."""
    with desk.engine.begin() as connection:
        registry.change(connection, desk.company.id, **values)


def test_get_and_head_on_the_endpoint_answer_200(desk: Desk) -> None:
    """Web Connector looks at the certificate so; a redirect or 405 ends it."""
    assert get(desk.url, "/qbwc")[:2] == (200, "text/plain")
    assert get(desk.url, "/qbwc", "HEAD") == (200, "text/plain", b"")
    assert get(desk.url, "/qbwc/")[0] == 200
    status, kind, body = get(desk.url, "/qbwc?wsdl")
    assert (status, kind) == (200, "text/xml")
    assert f'location="{desk.url}/qbwc"'.encode() in body


def test_the_support_page_answers_200(desk: Desk) -> None:
    """AppSupport of the .qwc file is on the same host and needs no login."""
    support = urlsplit(desk.application.app_support)
    assert support.hostname == urlsplit(desk.application.app_url).hostname
    assert get(desk.url, support.path)[0] == 200


def test_server_version_is_told_without_the_database(desk: Desk) -> None:
    """Even when the database is away."""
    away = make_engine("sqlite:////nowhere/at/all.db")
    talk = Conversation(away, desk.keys, desk.settings, desk.clock)
    assert talk.admission.server_version() == f"qbwc-server {__version__}"
    assert desk.call("serverVersion") == f"qbwc-server {__version__}"
    away.dispose()


@pytest.mark.parametrize("version", ["2.1", "2.1.0.30", "2.3.0.215", "34.0.10010.76"])
def test_a_web_connector_that_is_new_enough_goes_on(desk: Desk, version: str) -> None:
    """Versions are compared as numbers: 34 is more than 4."""
    assert desk.call("clientVersion", version) == ""


@pytest.mark.parametrize(
    "version",
    ["", "abc", "2.x", "2..1", "v34", "2.1-beta", "\u00b2.\u0663", "9" * 5000],
)
def test_an_unreadable_version_goes_on_and_is_logged(desk: Desk, version: str) -> None:
    """Nobody knows what the next one looks like."""
    with capture_logs() as lines:
        assert desk.call("clientVersion", version) == ""
    assert [line["log_level"] for line in lines] == ["warning"]


@pytest.mark.parametrize("version", ["1.0", "2.0.99", "0"])
def test_an_old_web_connector_is_told_which_one_it_needs(
    desk: Desk, version: str
) -> None:
    """Never a question that waits for a person."""
    assert desk.call("clientVersion", version) == "O:2.1"


def test_a_paused_company_gets_none(desk: Desk) -> None:
    """Not nvu: its password is right."""
    with_company(desk, mode="paused")
    assert desk.log_in() == ["", "none", "", "60"]
    assert desk.rows(tables.session) == []


def test_without_work_the_answer_is_none_and_the_interval(desk: Desk) -> None:
    """QuickBooks is not touched."""
    desk.read_all()
    with_company(desk, poll_every=5)
    assert desk.log_in() == ["", "none", "", "300"]
    assert desk.call("closeConnection", "") == "OK"
    desk.clock.pass_(minutes=14)
    assert desk.log_in()[1] == "none"


def test_a_poll_with_nothing_to_do_warns_of_nothing_and_a_guess_does(
    desk: Desk,
) -> None:
    """Web Connector closes also where it got no ticket: then it shows an empty one."""
    desk.read_all()
    with capture_logs() as lines:
        for _ in range(3):
            desk.call("serverVersion")
            desk.call("clientVersion", "2.3.0.0")
            assert desk.log_in()[1] == "none"
            assert desk.call("closeConnection", "") == "OK"
            desk.clock.pass_(minutes=1)
    assert [one for one in lines if one["log_level"] != "info"] == []

    with capture_logs() as lines:
        assert desk.call("closeConnection", "guessed") == "OK"
        assert desk.call("sendRequestXML", "", "", "", "US", "13", "0") == ""
    assert [(one["event"], one["call"]) for one in lines] == [
        ("call refused", "closeConnection")
    ]
    logs.SELDOM.forget()
    with capture_logs() as lines:
        assert desk.call("sendRequestXML", "", "", "", "US", "13", "0") == ""
    assert [one["call"] for one in lines] == ["sendRequestXML"]


def test_too_soon_the_answer_is_none(desk: Desk) -> None:
    """However often it is asked before the next read is due."""
    desk.read_all()
    for _ in range(5):
        assert desk.log_in()[1] == "none"


def test_work_gets_a_ticket_and_the_remembered_path(desk: Desk) -> None:
    """No other word may be in the second place: it would be taken for a path."""
    first = desk.log_in()
    assert first[1:] == ["", "", ""]
    desk.finish(first[0], desk.first(first[0]))
    desk.clock.pass_(minutes=15)
    second = desk.log_in()
    assert second[1:] == [PATH, "", ""]
    assert len({first[0], second[0], ""}) == 3


def test_a_write_that_waits_gets_a_ticket_at_once(desk: Desk) -> None:
    """A change in Mosaic is in QuickBooks at the next poll."""
    desk.read_all()
    with desk.engine.begin() as connection:
        queue.enqueue(
            connection,
            desk.company.id,
            kind="x",
            action="add",
            summary="",
            now=desk.clock(),
            by="test",
        )
    assert desk.log_in()[1] == PATH


def test_a_young_session_of_the_same_connection_means_busy(desk: Desk) -> None:
    """One live session per company; the first goes on undisturbed."""
    ticket = desk.ticket()
    desk.clock.pass_(seconds=59)
    assert desk.log_in() == ["", "busy", "", ""]
    assert desk.finish(ticket, desk.first(ticket)) == [100]
    assert desk.all_read()


def test_a_session_silent_for_the_idle_limit_is_ended_and_its_reads_go_out_again(
    desk: Desk,
) -> None:
    """From another address it takes the whole limit."""
    old = desk.ticket()
    desk.first(old)
    with desk.engine.begin() as connection:
        connection.execute(tables.session.update().values(peer="9.9.9.9"))
    desk.clock.pass_(minutes=14)
    assert desk.log_in()[1] == "busy"
    desk.clock.pass_(minutes=1)
    assert desk.read_all() == [100]
    assert desk.all_read()
    [lost] = [row for row in desk.rows(tables.exchange) if row.state == "lost"]
    assert lost.purpose == "work"
    assert desk.next(old) == ""


def test_the_same_computer_takes_over_after_a_minute(desk: Desk) -> None:
    """A Web Connector that was ended and started again does not wait for a quarter."""
    old = desk.ticket()
    desk.first(old)
    desk.clock.pass_(seconds=60)
    new = desk.ticket()
    assert desk.next(old) == ""
    assert desk.give(old, "<QBXML/>") == -1
    assert desk.finish(new, desk.first(new)) == [100]


def test_a_database_that_is_down_means_busy_for_five_minutes(desk: Desk) -> None:
    """And every other call has its own harmless answer, never a fault."""
    away = make_engine("sqlite:////nowhere/at/all.db")
    ticket = desk.ticket()
    before, desk.engine = desk.engine, away
    with serving(desk.wsgi):
        assert desk.log_in() == ["", "busy", "300", ""]
        assert desk.next(ticket) == ""
        assert desk.give(ticket, "<QBXML/>") == -1
        assert desk.call("connectionError", ticket, "0x80040408", "") == "done"
        assert "on our side" in desk.call("getLastError", ticket)
        assert desk.call("closeConnection", ticket) == "OK"
    desk.engine = before
    away.dispose()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("0x80040408", "QuickBooks"),
        ("0x80040414", "QuickBooks"),
        ("0x80040418", "Admin"),
        ("0x8004041A", "Integrated Applications"),
        ("0x8004041D", "automatically"),
        ("80040408", "QuickBooks"),
        ("-2147220472", "QuickBooks"),
        ("nonsense", "QuickBooks"),
        ("", "QuickBooks"),
    ],
)
def test_a_connection_error_ends_the_run_with_what_to_do(
    desk: Desk, code: str, words: str
) -> None:
    """The text is ready for the Status column, and on the setup page."""
    ticket = desk.ticket()
    assert desk.call("connectionError", ticket, code, "no") == "done"
    said = desk.call("getLastError", ticket)
    assert words in said
    assert (said.isascii(), len(said) <= 200) == (True, True)
    assert desk.stored().attention == said
    assert desk.call("closeConnection", ticket) == said
    assert desk.read_all() == [100]
    assert desk.stored().attention is None


def test_a_quickbooks_that_stays_closed_is_left_alone_for_a_while(desk: Desk) -> None:
    """Once is tried again at the next poll; then the pauses grow, and end."""
    for pause in (0, 2, 4, 8, 15, 15):
        desk.call("connectionError", desk.ticket(), "0x80040408", "closed")
        desk.clock.pass_(minutes=pause, seconds=-1 if pause else 0)
        if pause:
            assert desk.log_in()[1] == "none"
            desk.clock.pass_(seconds=1)
    desk.read_all()
    desk.clock.pass_(minutes=15)
    desk.call("connectionError", desk.ticket(), "0x80040408", "closed")
    assert desk.log_in()[1] not in {"none", "nvu"}


def test_a_remembered_path_that_fails_is_tried_once_without(desk: Desk) -> None:
    """The file that is open may be the same one, moved; the second time it ends."""
    desk.read_all()
    desk.clock.pass_(minutes=15)
    ticket = desk.ticket()
    assert desk.call("connectionError", ticket, "0x8004040A", "other file") == ""
    assert desk.call("connectionError", ticket, "0x8004040A", "other file") == "done"
    assert "QuickBooks" in desk.call("getLastError", ticket)


def test_without_a_remembered_path_the_first_connection_error_ends_it(
    desk: Desk,
) -> None:
    """There is nothing else to try."""
    ticket = desk.ticket()
    assert desk.call("connectionError", ticket, "0x8004040A", "other file") == "done"


def test_what_is_sent_is_ascii_valid_and_stored_first(desk: Desk) -> None:
    """The very text is in the database before Web Connector has it."""
    desk.hands.add("Employee", "Zo\u00eb")
    for index in range(600):
        desk.hands.add("Employee", f"Person {index:03} \u00e9")
    ticket = desk.ticket()
    request = desk.first(ticket)
    quickbooks = desk.quickbooks()
    while request:
        assert request.isascii()
        assert request == request.strip()
        assert problems(request) == []
        assert desk.exchange().request == request
        if desk.give(ticket, quickbooks.process(request)) == 100:
            break
        request = desk.next(ticket)
    assert ("employee", "Person 599 \u00e9") in desk.names()


def postponed_jobs(desk: Desk, seconds: float) -> None:
    """Have all ready jobs run later."""
    with desk.engine.begin() as connection:
        later = desk.clock() + timedelta(seconds=seconds)
        connection.execute(tables.job.update().values(run_at=later))


def test_work_that_is_ready_in_a_moment_is_waited_for(desk: Desk) -> None:
    """NoOp twice makes Web Connector wait five seconds and ask again."""
    ticket = desk.ticket()
    postponed_jobs(desk, 8)
    assert desk.first(ticket) == "NoOp"
    assert desk.call("getLastError", ticket) == "NoOp"
    desk.clock.pass_(seconds=5)
    assert desk.next(ticket) == "NoOp"
    desk.clock.pass_(seconds=5)
    request = desk.next(ticket)
    assert "CustomerQueryRq" in request
    assert desk.call("getLastError", ticket) != "NoOp"
    assert desk.finish(ticket, request) == [100]


def test_nobody_waits_for_longer_than_a_minute(desk: Desk) -> None:
    """Then the run ends, and the work is done in another."""
    ticket = desk.ticket()
    postponed_jobs(desk, 9)
    hcp = desk.hcp()
    answers = []
    for _ in range(13):
        answers.append(desk.first(ticket, hcp))
        hcp = ""
        postponed_jobs(desk, 9)
    assert answers == ["NoOp"] * 12 + [""]
    assert desk.call("getLastError", ticket) == "Nothing to do now."


def test_nothing_left_to_send_ends_with_a_harmless_text(desk: Desk) -> None:
    """It should not occur, because the last answer says 100."""
    ticket = desk.ticket()
    postponed_jobs(desk, 3600)
    assert desk.first(ticket) == ""
    assert desk.call("getLastError", ticket) == "Nothing to do now."
    assert desk.call("closeConnection", ticket) == "Nothing new."


def test_a_request_asked_for_twice_is_answered_anew(desk: Desk) -> None:
    """What became of the first is not known; reads simply go out again."""
    ticket = desk.ticket()
    desk.first(ticket)
    again = desk.next(ticket)
    assert "CustomerQueryRq" in again
    states = [row.state for row in desk.rows(tables.exchange) if row.request]
    assert states == ["lost", "sent"]
    assert desk.finish(ticket, again) == [100]
    assert desk.all_read()


def test_a_closed_ticket_is_dead_for_every_method(desk: Desk) -> None:
    """HTTP 200 and the protocol's no."""
    ticket = desk.ticket()
    request = desk.first(ticket)
    desk.call("closeConnection", ticket)
    assert desk.next(ticket) == ""
    assert desk.give(ticket, desk.quickbooks().process(request)) == -1
    assert desk.call("connectionError", ticket, "", "") == "done"
    assert desk.call("getLastError", ticket).startswith("This session has ended.")
    assert desk.call("closeConnection", ticket) == "OK"


def test_get_last_error_is_never_empty(desk: Desk) -> None:
    """In no state of a session, and without one."""
    assert desk.call("getLastError", "")
    ticket = desk.ticket()
    assert desk.call("getLastError", ticket) == "No error."
    desk.first(ticket)
    assert desk.call("getLastError", ticket) == "No error."
    desk.call("closeConnection", ticket)
    assert desk.call("getLastError", ticket)


def test_close_connection_sums_up_and_frees_the_company(desk: Desk) -> None:
    """A short text, and the next run may begin at once."""
    ticket = desk.ticket()
    desk.give(ticket, desk.quickbooks().process(desk.first(ticket)))
    said = desk.call("closeConnection", ticket)
    assert said.endswith(" in.")
    assert "2 customers and jobs" in said
    assert (said.isascii(), len(said) <= 200) == (True, True)
    assert desk.session().state == "closed"
    assert desk.log_in()[1] == "none"


def test_close_connection_in_the_middle_loses_nothing(desk: Desk) -> None:
    """What was handed out and not answered goes out in the next run."""
    ticket = desk.ticket()
    desk.first(ticket)
    desk.call("closeConnection", ticket)
    assert {job.state for job in desk.jobs()} == {"ready"}
    assert desk.read_all() == [100]
    assert desk.all_read()


def test_the_interactive_methods_are_refused_politely(desk: Desk) -> None:
    """There is nothing interactive, and no fault."""
    assert desk.call("getInteractiveURL", "t", "s") == ""
    assert desk.call("interactiveDone", "t") == "Done"
    assert "no interactive mode" in desk.call("interactiveRejected", "t", "why")


def test_an_unexpected_exception_gets_the_safe_value(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logged, HTTP 200, and nothing of it reaches the customer."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    ticket = desk.ticket()
    monkeypatch.setattr(Conversation, "_find", fail)
    monkeypatch.setattr(left_sessions, "finish_left_over", fail)
    with capture_logs() as lines:
        assert desk.log_in() == ["", "busy", "300", ""]
        assert desk.next(ticket) == ""
        assert desk.give(ticket, "<QBXML/>") == -1
        assert desk.call("connectionError", ticket, "", "") == "done"
        assert "secret" not in desk.call("getLastError", ticket)
        assert desk.call("closeConnection", ticket) == "OK"
    assert [line["event"] for line in lines] == ["call failed"] * 6


def test_two_requests_at_once_leave_no_exchange_behind(desk: Desk) -> None:
    """Of an exchange that its session does not know of nothing stays sent."""
    ticket = desk.ticket()
    desk.first(ticket)
    with desk.engine.begin() as connection:
        connection.execute(
            tables.session.update().values(exchange_id=None, state="ready")
        )
    desk.call("closeConnection", ticket)
    assert [row.state for row in desk.rows(tables.exchange)] == ["answered", "lost"]
    assert {job.state for job in desk.jobs()} == {"ready"}
    assert desk.read_all() == [100]


def test_a_run_that_ended_with_an_error_is_not_summed_up_as_ok(desk: Desk) -> None:
    """Also where something was read before it; three such answers end it."""
    for index in range(600):
        desk.hands.add("Customer", f"Customer {index:04}")
    ticket = desk.ticket()
    desk.give(ticket, desk.quickbooks().process(desk.first(ticket)))
    for left in (2, 1, 0):
        desk.next(ticket)
        assert (desk.give(ticket, "nonsense") == -1) is (left == 0)
    said = desk.call("getLastError", ticket)
    assert desk.call("closeConnection", ticket) == said
    assert desk.session().summary == said


def test_the_connection_file_is_the_same_on_every_download(desk: Desk) -> None:
    """A second pair of OwnerID and FileID would be refused by QuickBooks."""
    path = f"/setup/{desk.company.setup_token}/connection.qwc"
    browser = Customer(desk.wsgi(desk.url))
    first, second = browser.get(path), browser.get(path)
    assert first.mimetype == "application/x-qwc"
    assert desk.stored().owner_id in first.text
    assert second.data == first.data


def test_time_and_tickets_do_not_repeat(desk: Desk, clock: Clock) -> None:
    """Every session has a ticket of its own, and only its hash is stored."""
    tickets = set()
    for _ in range(3):
        ticket = desk.ticket()
        tickets.add(ticket)
        desk.call("closeConnection", ticket)
        clock.pass_(minutes=1)
    assert len(tickets) == 3
    with desk.engine.begin() as connection:
        hashes = connection.execute(sa.select(tables.session.c.ticket_hash)).scalars()
        assert not tickets & set(hashes)


def test_the_answer_to_the_peer_is_xml_in_intuits_namespace(desk: Desk) -> None:
    """Items of an array in another namespace end Web Connector with QBWC1012."""
    _, answer = post(desk.url, body_of("authenticate", "x", "y"), "authenticate")
    assert result("authenticate", answer) == ["", "nvu", "", ""]
    assert b"\n" not in answer.partition(b"?>")[2].strip()


@pytest.mark.parametrize(
    "method",
    [
        *("sendRequestXML", "receiveResponseXML", "connectionError"),
        *("getLastError", "closeConnection"),
    ],
)
def test_who_called_with_a_wrong_ticket_is_known(desk: Desk, method: str) -> None:
    """Over the socket: the address stands in the company's audit."""
    desk.call(method, f"{desk.company.id}-{'0' * 40}")

    row = desk.rows(tables.audit)[-1]
    assert (row.who, row.times) == ("127.0.0.1", 1)
    assert method in row.why
