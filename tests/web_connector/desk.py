"""A desk in an office: our server on a socket, and a company file to talk about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from lxml import etree
from sqlalchemy.engine import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from qbwc_server import app
from qbwc_server.app import Parts
from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.jobs import queue
from qbwc_server.keys import Keys
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile, Session
from qbwc_server.sandbox.web_connector.company_stamp import first_answers
from qbwc_server.sandbox.web_connector.interference import Call, Interference
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.sandbox.web_connector.soap_call import INTUIT, envelope
from qbwc_server.serving.served import WSGI
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.web_connector.conversation import Conversation
from tests.conftest import Clock

PATH = "C:\\Books\\Alice.QBW"
PARAMETERS = {
    "serverVersion": (),
    "clientVersion": ("strVersion",),
    "authenticate": ("strUserName", "strPassword"),
    "sendRequestXML": (
        *("ticket", "strHCPResponse", "strCompanyFileName"),
        *("qbXMLCountry", "qbXMLMajorVers", "qbXMLMinorVers"),
    ),
    "receiveResponseXML": ("ticket", "response", "hresult", "message"),
    "connectionError": ("ticket", "hresult", "message"),
    "getLastError": ("ticket",),
    "closeConnection": ("ticket",),
    "getInteractiveURL": ("wcTicket", "sessionID"),
    "interactiveDone": ("wcTicket",),
    "interactiveRejected": ("wcTicket", "reason"),
}


class _Quiet(WSGIRequestHandler):
    """Serves without writing to the terminal."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(application: Callable[[str], WSGI]) -> Iterator[str]:
    """Serve what `application` makes of its URL, on a free port of this machine."""
    made: list[WSGI] = []

    def forward(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return made[0](environ, start)

    with make_server(
        "127.0.0.1", 0, forward, threaded=True, request_handler=_Quiet
    ) as server:
        url = f"http://localhost:{server.server_port}"
        made.append(application(url))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def post(
    url: str, body: bytes, method: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Send a body to the endpoint as it is; return the HTTP status and the answer."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(
            "POST",
            "/qbwc",
            body,
            {
                "Content-Type": "text/xml; charset=utf-8",
                "SOAPAction": f'"{INTUIT}{method}"',
                **(headers or {}),
            },
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def result(method: str, answer: bytes) -> Any:
    """Return what a method answered: a text, or a list of texts for an array."""
    found = etree.fromstring(answer).find(f".//{{{INTUIT}}}{method}Result")
    assert found is not None, answer
    items = [item.text or "" for item in found.iterchildren(f"{{{INTUIT}}}string")]
    return items or found.text or ""


def body_of(method: str, *values: str) -> bytes:
    """Return the body of a call as Web Connector writes it."""
    pairs = tuple(zip(PARAMETERS[method], values, strict=False))
    return envelope(Call(1, method, pairs))


class Desk:
    """A company, its company file and our server, at which calls can be made."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        clock: Clock,
        settings: Settings,
        company: NewCompany,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.clock = clock
        self.settings = settings
        self.company = company
        self.url = ""
        self.file = CompanyFile(":memory:", clock=self.seconds)
        self.hands = self.file.hands
        self.hands.set("company_name", "Alice & Co")
        self.hands.set("file_name", PATH)
        self.keep_no_time()
        self.person = self.hands.add("Employee", "Ada", Email="ada@alice.example")
        self.customer = self.hands.add("Customer", "Harbor")
        self.hands.add("Customer", "Pier", parent=self.customer)
        self.hands.add("ItemService", "Design")
        self.register()

    def keep_no_time(self) -> None:
        """Switch time tracking off, as the server knows: a run is about lists alone."""
        self.hands.set("time_tracking", value=False)
        with self.engine.begin() as connection:
            registry.change(connection, self.company.id, time_tracking=False)

    def seconds(self) -> float:
        """Return the time as a computer in the office has it."""
        return self.clock.now.timestamp()

    def register(self) -> None:
        """Add the company's connection to the company file."""
        qwc = connection_file.qwc_of(self.stored(), "http://localhost:1")
        self.application = read_application(qwc)
        add(self.application, self.file)

    def wsgi(self, url: str) -> WSGI:
        """Return the whole server, as it is reached at a URL."""
        self.url = url
        settings = self.settings.model_copy(update={"public_url": url})
        return app.wsgi(Parts(settings, self.engine, self.keys, self.clock))

    def call(self, method: str, *values: str) -> Any:
        """Make a call over the socket; HTTP 200 and a result are the only answer."""
        status, answer = post(self.url, body_of(method, *values), method)
        assert status == 200, answer
        assert b"Fault" not in answer
        return result(method, answer)

    def log_in(self) -> list[str]:
        """Authenticate and return all four parts of the answer."""
        found = self.call("authenticate", self.company.username, self.company.password)
        assert isinstance(found, list)
        return found

    def ticket(self) -> str:
        """Authenticate where there is work to do, and return the ticket."""
        ticket, state, postpone, _ = self.log_in()
        assert (state in {"", self.stored().file_path}, postpone) == (True, "")
        return ticket

    def quickbooks(self) -> Session:
        """Open the company file as Web Connector does."""
        return self.file.begin_session(
            app_name=self.application.app_name, owner_id=self.application.owner_id
        )

    def hcp(self) -> str:
        """Return what Web Connector sends along with the first call."""
        return first_answers(self.quickbooks(), self.application.owner_id)

    def first(self, ticket: str, hcp: str | None = None, path: str = PATH) -> str:
        """Make the first sendRequestXML and return its answer.

        Before writing, the server asks whether a backup was restored: that is answered.
        """
        known = self.hcp() if hcp is None else hcp
        text = str(self.call("sendRequestXML", ticket, known, path, "US", "13", "0"))
        if text.count("requestID=") == text.count("<CompanyActivityQueryRq") == 1:
            self.give(ticket, self.quickbooks().process(text))
            return self.next(ticket)
        return text

    def first_write(self, ticket: str) -> str:
        """Let the reads before them be answered, and return the first writes."""
        request, quickbooks = self.first(ticket), self.quickbooks()
        while request and "newMessageSetID" not in request:
            self.give(ticket, quickbooks.process(request))
            request = self.next(ticket)
        return request

    def next(self, ticket: str) -> str:
        """Make a later sendRequestXML and return its answer."""
        return str(self.call("sendRequestXML", ticket, "", PATH, "US", "13", "0"))

    def give(
        self, ticket: str, answer: str, hresult: str = "", message: str = ""
    ) -> int:
        """Make a receiveResponseXML and return its answer."""
        return int(self.call("receiveResponseXML", ticket, answer, hresult, message))

    def finish(self, ticket: str, request: str) -> list[int]:
        """Exchange messages until the server has no more; return the percentages."""
        percents = []
        quickbooks = self.quickbooks()
        while request:
            percents.append(self.give(ticket, quickbooks.process(request)))
            if not 0 <= percents[-1] < 100:
                break
            request = self.next(ticket)
        self.call("closeConnection", ticket)
        return percents

    def read_all(self) -> list[int]:
        """Do one good session, the only one due; return the percentages."""
        ticket = self.ticket()
        return self.finish(ticket, self.first(ticket))

    def connector(
        self, *, on_call: Interference | None = None, computer: str = "PC"
    ) -> WebConnector:
        """Return a Web Connector with this company's connection."""
        qwc = connection_file.qwc_of(self.stored(), self.url)
        return WebConnector(
            read_application(qwc),
            self.company.password,
            self.file,
            sleep=lambda seconds: void(self.clock.pass_(seconds=seconds)),
            log=void,
            on_call=on_call,
            clock=self.seconds,
            computer=computer,
        )

    def run(self, on_call: Interference | None = None) -> Run:
        """Have a Web Connector do one update."""
        return self.connector(on_call=on_call).run()

    def conversation(self, engine: Engine | None = None) -> Conversation:
        """Return a conversation of a server process of its own."""
        return Conversation(engine or self.engine, self.keys, self.settings, self.clock)

    def stored(self) -> Company:
        """Return the company as it is stored."""
        with self.engine.begin() as connection:
            return registry.get(connection, self.company.id)

    def jobs(self) -> list[queue.Job]:
        """Return all jobs of the company."""
        with self.engine.begin() as connection:
            return queue.select(connection, self.company.id)

    def rows(self, table: sa.Table) -> list[sa.Row[Any]]:
        """Return the company's rows of a table, in the order they were made."""
        with self.engine.begin() as connection:
            return list(
                connection.execute(
                    sa.select(table)
                    .where(table.c.company_id == self.company.id)
                    .order_by(table.c.id)
                )
            )

    def exchange(self) -> sa.Row[Any]:
        """Return the latest exchange."""
        return self.rows(tables.exchange)[-1]

    def session(self) -> sa.Row[Any]:
        """Return the latest session."""
        return self.rows(tables.session)[-1]

    def names(self) -> set[tuple[str, str]]:
        """Return kind and name of every record."""
        return {(row.kind, row.name) for row in self.rows(tables.record)}

    def all_read(self) -> bool:
        """Tell whether everything in the company file is known, and no job open."""
        return self.names() == {
            *(("employee", "Ada"), ("service_item", "Design")),
            *(("customer", "Harbor"), ("customer", "Harbor:Pier")),
        } and all(job.state == "done" for job in self.jobs())


def void(*_: object) -> None:
    """Do nothing."""


def dump(engine: Engine) -> dict[str, list[Any]]:
    """Return everything in the database, to see that a call changed nothing."""
    with engine.begin() as connection:
        return {
            table.name: sorted(
                map(tuple, connection.execute(sa.select(table))), key=str
            )
            for table in tables.metadata.sorted_tables
        }
