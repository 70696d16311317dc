"""Bodies that are not what Web Connector sends, over a real socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from qbwc_server.cli.demo_processes import free_port
from qbwc_server.sandbox.web_connector.program import WebConnector
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.storage import tables
from qbwc_server.web_connector import soap
from qbwc_server.web_connector.conversation import NO_SESSION
from tests import logged_in
from tests.waiting import until_somebody_listens
from tests.web_connector.desk import PARAMETERS, Desk, body_of, post, result, serving

pytestmark = pytest.mark.in_turn

NO = {
    "serverVersion": "qbwc-server",
    "clientVersion": "",
    "authenticate": ["", "nvu", "", ""],
    "sendRequestXML": "",
    "receiveResponseXML": "-1",
    "connectionError": "done",
    "getLastError": NO_SESSION,
    "closeConnection": "OK",
    "getInteractiveURL": "",
    "interactiveDone": "Done",
    "interactiveRejected": "This connection has no interactive mode.",
}
SMALL = 4096
"""A limit for bodies that a test can exceed."""


def answer_body(desk: Desk, ticket: str) -> bytes:
    """Return the body with which Web Connector brings QuickBooks' answer."""
    answer = desk.quickbooks().process(desk.exchange().request)
    return body_of("receiveResponseXML", ticket, answer)


def is_refused_and_read_later(desk: Desk, ticket: str, kept: str, why: str) -> None:
    """Check what must be true after an answer that could not be used."""
    exchange = desk.exchange()
    assert kept in exchange.answer
    assert why in exchange.reason
    jobs = desk.jobs()
    assert {job.state for job in jobs} == {"ready"}
    assert all(why in str(job.reason) for job in jobs)
    told = desk.call("getLastError", ticket)
    assert told == "The answer of QuickBooks could not be read. It will be asked again."
    assert desk.call("closeConnection", ticket)
    desk.clock.pass_(minutes=2)
    assert desk.read_all()[-1] == 100
    assert desk.all_read()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="not-xml"),
        pytest.param(b"<a><b></a>", id="not-well-formed"),
        pytest.param(b"<Envelope/>", id="not-an-envelope"),
        pytest.param(b"\xff\xfe\x00", id="half-utf-16"),
        pytest.param(b"\xfe\xff<\x00", id="no-utf-16"),
        pytest.param(b"<a>\xe9</a>", id="no-utf-8"),
        pytest.param(b'<?xml version="1.0" encoding="x"?><a>\xe9</a>', id="unknown"),
        pytest.param(b"<!DOCTYPE a><a/>", id="doctype"),
        pytest.param(
            b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
            b"<s:Body/></s:Envelope>",
            id="no-call",
        ),
        pytest.param(
            b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
            b"<s:Body>&x;</s:Body></s:Envelope>",
            id="unknown-entity",
        ),
    ],
)
def test_a_body_that_is_no_call_gets_the_no_of_the_method(
    sqlite_desk: Desk, body: bytes
) -> None:
    """HTTP 200 and the protocol's own value: a fault helps nobody."""
    for method, refusal in NO.items():
        status, answer = post(sqlite_desk.url, body, method)
        assert (status, result(method, answer)) == (200, refusal)


def test_what_the_soap_library_cannot_read_is_not_logged_with_its_password(
    sqlite_desk: Desk,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Well-formed, but with a namespace that only the library looks at."""
    body = body_of("authenticate", "alice", "hunter2-hunter2")
    body = body.replace(b"http://www.w3.org/2001/XMLSchema", b"ht tp:{}")
    status, answer = post(sqlite_desk.url, body, "authenticate")
    assert (status, result("authenticate", answer)) == (200, NO["authenticate"])
    assert "hunter2" not in caplog.text
    assert "hunter2" not in str(capsys.readouterr())


def test_a_call_without_any_argument_gets_the_no_of_the_method(
    sqlite_desk: Desk,
) -> None:
    """Absent arguments are taken for empty ones."""
    assert set(NO) == set(PARAMETERS)
    for method, refusal in NO.items():
        found = sqlite_desk.call(method)
        if method == "serverVersion":
            assert found.startswith("qbwc-server ")
        else:
            assert found == refusal


@pytest.mark.parametrize("method", ["getServerVersion", "", "nothing"])
def test_an_unknown_method_gets_an_empty_answer(desk: Desk, method: str) -> None:
    """There is no result to give, and no fault either."""
    body = body_of("serverVersion").replace(b"serverVersion", method.encode() or b"x")
    status, answer = post(desk.url, body, method)
    assert status == 200
    assert answer.endswith(b"<soap:Body></soap:Body></soap:Envelope>")


def test_an_answer_with_a_doctype_is_kept_and_asked_for_again(desk: Desk) -> None:
    """Entities are never expanded nor kept; the rest of the body is evidence."""
    ticket = desk.ticket()
    desk.first(ticket)
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    body = answer_body(desk, ticket).replace(b"?>", b"?>" + bomb, 1)
    body = body.replace(b"Ada", b"&b;")
    status, answer = post(desk.url, body, "receiveResponseXML")
    assert (status, result("receiveResponseXML", answer)) == (200, "-1")
    is_refused_and_read_later(desk, ticket, "<!DOCTYPE x [", "has a DOCTYPE")


def test_an_answer_cut_in_half_on_the_wire_is_kept_and_asked_for_again(
    desk: Desk,
) -> None:
    """Half an envelope is no call that the SOAP library knows."""
    ticket = desk.ticket()
    desk.first(ticket)
    body = answer_body(desk, ticket)
    status, answer = post(desk.url, body[: len(body) // 2], "receiveResponseXML")
    assert (status, result("receiveResponseXML", answer)) == (200, "-1")
    is_refused_and_read_later(desk, ticket, "EmployeeRet", "not a call that is known")


def test_an_answer_over_the_limit_is_kept_and_asked_for_in_smaller_pages(
    desk: Desk,
) -> None:
    """What was read of it is kept, with why, and the next page is half as large."""
    ticket = desk.ticket()
    desk.first(ticket)
    body = answer_body(desk, ticket).replace(b"Ada", b"A" * 3 * SMALL)

    settings = desk.settings.model_copy(update={"max_body_bytes": SMALL})
    small = soap.application(desk.conversation(), address="", max_body_bytes=SMALL)
    assert settings.max_body_bytes == SMALL
    with serving(lambda _: small) as url:
        status, answer = post(url, body, "receiveResponseXML")
    assert (status, result("receiveResponseXML", answer)) == (200, "-1")
    is_refused_and_read_later(desk, ticket, "receiveResponseXML", "larger than 4096")
    asked = [row.request for row in desk.rows(tables.exchange) if row.request]
    assert "<MaxReturned>500<" in asked[0]
    assert "<MaxReturned>250<" in asked[-1]


def test_a_connection_stays_usable_after_a_body_over_the_limit(desk: Desk) -> None:
    """The rest of the body is not taken for the next call."""
    small = soap.application(desk.conversation(), address="", max_body_bytes=SMALL)
    large = body_of("receiveResponseXML", desk.ticket(), "x" * 900_000)
    with serving(lambda _: small) as url:
        parts = urlsplit(url)
        with closing(HTTPConnection(str(parts.hostname), parts.port)) as connection:
            for body, method in (
                (large, "receiveResponseXML"),
                (body_of("serverVersion"), "serverVersion"),
            ):
                action = {"SOAPAction": f'"{INTUIT}{method}"'}
                connection.request("POST", "/qbwc", body, action)
                response = connection.getresponse()
                answer = response.read()
                assert response.status == 200
    assert b"qbwc-server" in answer


NASTY = "Caf\u00e9 \u2013 M\u00fcnchen \u6771\u4eac \U0001f3db"


@pytest.mark.parametrize(
    ("before", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\r\n \t", "utf-8"),
        (b"\xef\xbb\xbf\n", "utf-8"),
        (b"", "utf-16"),
    ],
)
@pytest.mark.parametrize("declared", [b"utf-8", b"iso-8859-1", b"windows-1252", b""])
def test_names_arrive_whole_in_whatever_clothes_the_body_comes(
    sqlite_desk: Desk, before: bytes, encoding: str, declared: bytes
) -> None:
    """A byte order mark, white space, UTF-16 or a false declaration spoil nothing."""
    desk = sqlite_desk
    desk.hands.edit("Employee", desk.person, LastName="Lovelace")
    ticket = desk.ticket()
    desk.first(ticket)
    body = answer_body(desk, ticket).replace(b"Lovelace", NASTY.encode())
    declaration = b'<?xml version="1.0" encoding="' + declared + b'"?>'
    body = body.replace(
        b'<?xml version="1.0" encoding="utf-8"?>', declaration if declared else b""
    )
    body = before + body.decode().encode(encoding)
    _, answer = post(desk.url, body, "receiveResponseXML")
    assert result("receiveResponseXML", answer) == "100"
    assert NASTY in desk.exchange().answer
    [employee] = [row for row in desk.rows(tables.record) if row.kind == "employee"]
    assert employee.quickbooks["last_name"] == NASTY


def test_a_body_in_latin_1_that_says_so_is_read_as_that(desk: Desk) -> None:
    """What is no UTF-8 is read as it declares itself."""
    desk.hands.edit("Employee", desk.person, LastName="Lovelace")
    ticket = desk.ticket()
    desk.first(ticket)
    body = answer_body(desk, ticket).replace(b"Lovelace", "Café".encode("latin-1"))
    body = body.replace(b'encoding="utf-8"', b'encoding="iso-8859-1"')
    _, answer = post(desk.url, body, "receiveResponseXML")
    assert result("receiveResponseXML", answer) == "100"
    [employee] = [row for row in desk.rows(tables.record) if row.kind == "employee"]
    assert employee.quickbooks["last_name"] == "Café"


@pytest.mark.parametrize(
    "control",
    [b"\x01", b"\x0b", b"&#x2;", b"&#0;", b"&#xB;", b"&#55296;", b"&#x110000;"],
)
def test_control_characters_do_not_lose_an_answer(desk: Desk, control: bytes) -> None:
    """Raw ones and references to them are dropped, the rest is read."""
    desk.hands.edit("Employee", desk.person, LastName="Lovelace")
    ticket = desk.ticket()
    desk.first(ticket)
    body = answer_body(desk, ticket).replace(b"Lovelace", b"Love" + control + b"lace")
    _, answer = post(desk.url, body, "receiveResponseXML")
    assert result("receiveResponseXML", answer) == "100"
    [employee] = [row for row in desk.rows(tables.record) if row.kind == "employee"]
    assert employee.quickbooks["last_name"] == "Lovelace"


@pytest.mark.parametrize("inner", ["&#2;", "&#x0;", "&#xFFFF;"])
def test_control_characters_inside_the_qbxml_are_kept_and_read_over(
    desk: Desk, inner: str
) -> None:
    """The stored answer has them as QuickBooks wrote them; the records do not."""
    desk.hands.edit("Employee", desk.person, LastName="Lovelace")
    ticket = desk.ticket()
    request = desk.first(ticket)
    answer = desk.quickbooks().process(request)
    answer = answer.replace("Lovelace", f"Love{inner}lace")
    assert desk.give(ticket, answer) == 100
    assert desk.exchange().answer == answer
    [employee] = [row for row in desk.rows(tables.record) if row.kind == "employee"]
    assert employee.quickbooks["last_name"] == "Lovelace"


def test_an_answer_of_twelve_megabytes_is_read_where_the_setting_allows_it(
    new_desk: Callable[..., Desk],
) -> None:
    """The libraries' limits of 2 MiB and ten million characters are not ours."""
    desk = new_desk()
    most = {"max_body_bytes": 20_000_000}
    desk.settings = desk.settings.model_copy(update=most)
    with serving(desk.wsgi):
        ticket = desk.ticket()
        request = desk.first(ticket)
        answer = desk.quickbooks().process(request)
        unread = "<EmployeeRet><Notes>" + "n" * 12_000_000 + "</Notes></EmployeeRet>"
        answer = answer.replace("<EmployeeRet>", unread + "<EmployeeRet>", 1)
        assert desk.give(ticket, answer) == 100
    assert desk.exchange().answer == answer
    assert ("employee", "Ada") in desk.names()


def test_a_chunked_body_is_read(desk: Desk) -> None:
    """A proxy before us may send bodies without a length."""
    parts = urlsplit(desk.url)
    body = body_of("clientVersion", "1.0")
    with closing(HTTPConnection(str(parts.hostname), parts.port)) as connection:
        connection.request(
            "POST",
            "/qbwc",
            iter([body[:50], body[50:]]),
            {"SOAPAction": f'"{INTUIT}clientVersion"'},
            encode_chunked=True,
        )
        answer = connection.getresponse().read()
    assert result("clientVersion", answer) == "O:2.1"


def test_a_broken_chunked_body_gets_the_no(desk: Desk) -> None:
    """What the HTTP library says about it does not become an error page."""
    parts = urlsplit(desk.url)
    address = (str(parts.hostname), parts.port or 0)
    with closing(socket.create_connection(address)) as wire:
        wire.sendall(
            b"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b'SOAPAction: "http://developer.intuit.com/sendRequestXML"\r\n'
            b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n"
        )
        wire.settimeout(10)
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert b" 200 " in answer.split(b"\r\n")[0]
    assert b"<sendRequestXMLResult></sendRequestXMLResult>" in answer


@pytest.fixture
def served(desk: Desk, tmp_path: Path) -> Iterator[str]:
    """The URL of the server in processes of its own, as in production."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "qbwc_server", "serve"),
            *("--port", str(port), "--threads", "4"),
        ],
        env={
            **os.environ,
            "QBWC_DATABASE_URL": logged_in.url_as(
                desk.settings.database_url, logged_in.SERVING
            ),
            "QBWC_SECRET_KEY": desk.settings.secret_key.get_secret_value(),
            "QBWC_DATA_DIR": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_somebody_listens(port)
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_the_server_serves_a_whole_run_with_expect_100_continue(
    desk: Desk, served: str
) -> None:
    """Bodies that wait for permission, and chunked ones, all in one run."""
    desk.url = served
    made = desk.connector()
    run = WebConnector(
        made.application,
        made.password,
        desk.file,
        sleep=made.sleep,
        log=lambda _: None,
        clock=made.clock,
        expect_continue=True,
    ).run()
    assert (run.error, run.percents) == (None, (100,))
    assert desk.all_read()
    parts = urlsplit(served)
    body = body_of("clientVersion", " " * 50_000 + "1.0")
    with closing(HTTPConnection(str(parts.hostname), parts.port)) as connection:
        connection.request(
            "POST",
            "/qbwc",
            iter([body[:50], body[50:]]),
            {"SOAPAction": f'"{INTUIT}clientVersion"'},
            encode_chunked=True,
        )
        answer = connection.getresponse().read()
    assert result("clientVersion", answer) == "O:2.1"


def test_an_unreadable_body_without_a_known_ticket_changes_nothing(
    desk: Desk,
) -> None:
    """Only the session that a ticket opens can be given evidence."""
    before = json.dumps(desk.rows(tables.exchange), default=str)
    for ticket in ("1-" + "0" * 40, "no ticket", ""):
        body = body_of("receiveResponseXML", ticket, "<QBXML/>")
        body = re.sub(rb"(<\?xml.*?\?>)", rb"\1<!DOCTYPE a>", body)
        status, answer = post(desk.url, body, "receiveResponseXML")
        assert (status, result("receiveResponseXML", answer)) == (200, "-1")
    assert json.dumps(desk.rows(tables.exchange), default=str) == before
    tried = [row.who for row in desk.rows(tables.audit) if row.dedupe_key]
    assert tried == ["127.0.0.1"]
