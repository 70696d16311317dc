"""A web service that says what it is told, to try a Web Connector against.

It answers over a real socket and keeps what it received. It knows nothing of sessions:
the script decides, also on answers no good server gives.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:  # these names exist for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

QUERY = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML>'
    '<QBXMLMsgsRq onError="stopOnError"><ClassQueryRq></ClassQueryRq></QBXMLMsgsRq>'
    "</QBXML>"
)


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer given as it is: status line, content type and body."""

    status: str
    content_type: str
    body: bytes


Result = str | int | list[str] | None
Answer = Result | Raw


class ScriptedService:
    """A WSGI application; `answers` holds per method what is said, the last for good.

    `events` lists methods and "GET" as they arrived, `bodies` and `headers` the calls.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {
            "serverVersion": ["1.0"],
            "clientVersion": [""],
            "authenticate": [["ticket-1", "", "", ""]],
            "sendRequestXML": [QUERY],
            "receiveResponseXML": [100],
            "connectionError": ["done"],
            "getLastError": ["what went wrong"],
            "closeConnection": ["Complete!"],
        }
        self.get_status = "200 OK"
        self.events: list[str] = []
        self.bodies: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []

    def __call__(
        self, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Answer a GET with a page and a call from the script."""
        if environ["REQUEST_METHOD"] == "GET":
            self.events.append("GET")
            start(self.get_status, [("Content-Type", "text/plain")])
            return [b"here"]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        method = environ["HTTP_SOAPACTION"].strip('"').rpartition("/")[2]
        self.events.append(method)
        self.bodies.append((method, body))
        self.headers.append(
            {name: value for name, value in environ.items() if isinstance(value, str)}
        )
        answers = self.answers[method]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        raw = (
            answer
            if isinstance(answer, Raw)
            else Raw("200 OK", "text/xml; charset=utf-8", envelope_of(method, answer))
        )
        start(raw.status, [("Content-Type", raw.content_type)])
        return [raw.body]

    def arguments(self, method: str, name: str) -> list[str]:
        """List what came under a name in each call of a method."""
        return [
            unescape("".join(re.findall(f"<{name}>(.*?)</{name}>", body, re.DOTALL)))
            for called, body in self.bodies
            if called == method
        ]


def envelope_of(method: str, answer: Result) -> bytes:
    """Wrap an answer; None leaves the result out, a list becomes an array."""
    content = (
        "".join(f"<ns1:string>{escape(item)}</ns1:string>" for item in answer)
        if isinstance(answer, list)
        else escape(str(answer))
    )
    result = f"<ns1:{method}Result>{content}</ns1:{method}Result>"
    return (
        '<?xml version="1.0" encoding="utf-8"?><SOAP-ENV:Envelope'
        ' xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:ns1="http://developer.intuit.com/"><SOAP-ENV:Body>'
        f"<ns1:{method}Response>{'' if answer is None else result}"
        f"</ns1:{method}Response></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


@contextmanager
def serving(service: ScriptedService) -> Iterator[str]:
    """Serve on a free port of this machine; gives the address without a path."""
    with make_server("127.0.0.1", 0, service, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(WSGIRequestHandler):
    """Serves without writing to the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
