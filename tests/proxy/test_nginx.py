"""deploy/nginx.conf keeps what Web Connector needs and nginx alone would not give."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.interference import Call
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.sandbox.web_connector.soap_call import (
    CallFailed,
    SoapEndpoint,
    integer_result,
    strings_result,
)
from qbwc_server.storage import tables
from qbwc_server.storage.database import make_engine
from tests.conftest import SECRET, Clock
from tests.proxy.front import Front, program

_AWAY = "The server does not answer. It will be tried again."


class Visit:
    """A company whose Web Connector comes by nginx."""

    def __init__(self, front: Front, sqlite_url: str, small_firm: Path) -> None:
        self.front = front
        self.engine = make_engine(sqlite_url)
        self.new: NewCompany = registry.add(
            self.engine,
            Keys([SECRET]),
            name="Alice & Co",
            mosaic_url="http://localhost:1",
            mosaic_team="100",
            mosaic_key="sandbox-key",
            now=Clock()(),
        )
        stored = registry.find(self.engine, "Alice & Co")
        qwc = connection_file.qwc_of(stored, front.url)
        self.application = read_application(qwc)
        self.file = CompanyFile(small_firm, clock=time.time)
        add(self.application, self.file)

    def connect(self) -> Run:
        """Have Web Connector run once."""
        return WebConnector(
            self.application,
            self.new.password,
            self.file,
            sleep=lambda _seconds: None,
            log=lambda _line: None,
            ca_file=str(self.front.authority),
        ).run()

    def answer_of(self, size: int) -> int:
        """Send an answer of so many bytes in a live session; return what is said."""
        endpoint = SoapEndpoint(
            f"{self.front.url}/qbwc", ca_file=str(self.front.authority)
        )
        who = (("strUserName", self.new.username), ("strPassword", self.new.password))
        call = Call(1, "authenticate", who)
        ticket = strings_result(call, endpoint.call(call))[0]
        text = f'<?xml version="1.0"?><QBXML><!--{"x" * size}--></QBXML>'
        call = Call(
            2,
            "receiveResponseXML",
            (("ticket", ticket), ("response", text), ("hresult", ""), ("message", "")),
        )
        try:
            return integer_result(call, endpoint.call(call))
        finally:
            endpoint.close()

    def close(self) -> None:
        """End what is open."""
        self.file.close()
        self.engine.dispose()


@pytest.fixture
def visit(tmp_path: Path, sqlite_url: str, small_firm: Path) -> Iterator[Visit]:
    """A company, and an nginx that has not begun."""
    program()
    front = Front(tmp_path, sqlite_url, SECRET)
    made = Visit(front, sqlite_url, small_firm)
    yield made
    front.close()
    made.close()


def _ask(
    visit: Visit, port: int, *, tls: bool, headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Return status, type and text of the answer to a GET."""
    context = ssl.create_default_context(cafile=str(visit.front.authority))
    connection = (
        http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        if tls
        else http.client.HTTPConnection("localhost", port, timeout=30)
    )
    try:
        connection.request("GET", "/healthz", headers=headers or {})
        answer = connection.getresponse()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, kind, answer.read().decode()
    finally:
        connection.close()


def test_a_whole_session_stays_on_one_connection(visit: Visit) -> None:
    """Though Web Connector calls itself MSIE 6.0."""
    visit.front.begin()

    run = visit.connect()

    assert run.error is None, run.result
    visit.front.close()  # then all of its log is written
    seen = visit.front.connections("POST")
    assert len(seen) == len(run.calls) > 8
    assert len(set(seen)) == 1


def test_without_the_line_nginx_would_close_after_every_call(visit: Visit) -> None:
    """The negative control of the test above."""
    visit.front.begin(without="keepalive_disable none;")

    run = visit.connect()

    visit.front.close()  # then all of its log is written
    seen = visit.front.connections("POST")
    assert len(set(seen)) == len(run.calls) > 8


def test_an_answer_of_4_mb_passes(visit: Visit) -> None:
    """And one that is too large is refused by the server, in the protocol's words."""
    visit.front.begin()

    assert visit.answer_of(4 * 1024 * 1024) < 0  # read, and not what was asked for
    assert visit.answer_of(6 * 1024 * 1024) < 0


def test_without_the_line_nginx_would_refuse_it(visit: Visit) -> None:
    """The negative control of the test above."""
    visit.front.begin(without="client_max_body_size 64m;")

    with pytest.raises(CallFailed, match="413"):
        visit.answer_of(4 * 1024 * 1024)


def test_who_calls_is_known_and_cannot_be_made_up(visit: Visit) -> None:
    """The proxy writes the caller's address over what the caller says."""
    visit.front.begin()
    visit.connect()
    with visit.engine.begin() as connection:
        peers = connection.execute(sa.select(tables.session.c.peer)).scalars().all()
    assert set(peers) == {"127.0.0.1"}

    said = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"}
    status, _, text = _ask(visit, visit.front.ports.https, tls=True, headers=said)
    assert (status, text) == (200, "qbwc-server\n")


def test_plain_http_is_refused_not_redirected(visit: Visit) -> None:
    """Web Connector follows no redirects."""
    visit.front.begin(server=False)
    status, kind, text = _ask(visit, visit.front.ports.http, tls=False)
    assert (status, text) == (403, "Use https.")
    assert kind.startswith("text/plain")


def test_a_server_that_is_away_is_said_in_plain_text(visit: Visit) -> None:
    """HTML would stand in Web Connector's window; so with what nginx cannot read."""
    visit.front.begin(server=False)
    status, kind, text = _ask(visit, visit.front.ports.https, tls=True)
    assert (status, text) == (502, _AWAY)
    assert kind.startswith("text/plain")
    status, kind, text = _ask(visit, visit.front.ports.https, tls=False)
    assert (status, text) == (400, "This request cannot be read.")
    assert kind.startswith("text/plain")


def test_tls_1_2_is_enough(visit: Visit) -> None:
    """The Web Connector of older Windows knows no later one."""
    visit.front.begin(server=False)
    context = ssl.create_default_context(cafile=str(visit.front.authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection(
        "localhost", visit.front.ports.https, timeout=30, context=context
    )
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 502
    connection.close()
