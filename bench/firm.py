"""A company as the load has it: it polls, and answers what it is asked.

What is measured is answered from ready pages; everything else, as the questions about
the company file, by the sandbox' company file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import answers
from bench.wire import Refused, Times, Wire, body
from qbwc_server.companies.registry import NewCompany
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.company_stamp import first_answers
from qbwc_server.sandbox.web_connector.protocol import Session
from qbwc_server.sandbox.web_connector.registration import Application, add

_RQ = re.compile(r"<(\w+?)Rq requestID=\"(\d+)\"([^>]*)>")
_START = b'&lt;?xml version="1.0" ?&gt;&lt;QBXML&gt;&lt;QBXMLMsgsRs&gt;'
_END = b"&lt;/QBXMLMsgsRs&gt;&lt;/QBXML&gt;"
_ITERATOR = "{00000000-0000-0000-0000-000000000001}"


@dataclass
class _Read:
    """A read that is answered from ready pages, and how many were given."""

    query: str
    objects: bytes
    pages: int
    size: int
    each: Callable[[int], object] | None
    given: int = 0


class Firm:
    """One company with one Web Connector."""

    def __init__(
        self, new: NewCompany, application: Application, port: int, times: Times
    ) -> None:
        self._new = new
        self.application = application
        self.wire = Wire(port, times)
        name, password = ("strUserName", new.username), ("strPassword", new.password)
        self._poll = [
            ("serverVersion", body("serverVersion")),
            ("clientVersion", body("clientVersion", ("strVersion", "34.0.10010.76"))),
            ("authenticate", body("authenticate", name, password)),
        ]
        self.file: CompanyFile | None = None
        self.began = self.ended = 0.0
        """When the first and the last page of the latest session went out."""
        self.spent = 0.0
        """Seconds that went into the stand-in of QuickBooks."""
        self.answered: Callable[[str], object] = lambda _request: None
        """Called with each request that the company file has answered."""

    def poll(self) -> bool:
        """Poll once; False if there is something to do.

        Raises:
            Refused: the login was refused.
        """
        for method, content in self._poll:
            answer = self.wire.send(method, content)
        if b">nvu<" in answer:
            raise Refused("nvu")
        return b">none<" in answer

    def open(self, file: CompanyFile | None = None) -> None:
        """Have a company file to answer from, an empty one if none is given."""
        self.file = file or CompanyFile(":memory:", clock=time.time)
        self.file.hands.set("company_name", self._new.name)
        add(self.application, self.file)

    def session(
        self,
        query: str,
        objects: bytes,
        pages: int,
        size: int,
        each: Callable[[int], object] | None = None,
    ) -> int:
        """Do one run in which a read of `query` has so many pages; return how many.

        `objects` are those of a page, as they stand in an envelope. `each` is called
        after each page with how many were given.
        """
        read = _Read(query, objects, pages, size, each)
        self._run(read)
        return read.given

    def run(self) -> bool:
        """Do one run, everything answered by the company file; False for `none`."""
        return self._run(_Read("", b"", 0, 0, None))

    def _run(self, read: _Read) -> bool:
        if self.file is None:
            self.open()
        assert self.file is not None
        for method, content in self._poll[:2]:
            self.wire.send(method, content)
        found = self.wire.strings(
            "authenticate",
            ("strUserName", self._new.username),
            ("strPassword", self._new.password),
        )
        if found[1] in {"nvu", "busy"}:
            raise Refused(found[1])
        ticket = ("ticket", found[0])
        if found[1] == "none":
            return False
        begun = time.perf_counter()
        inside = self.file.begin_session(
            app_name=self.application.app_name, owner_id=self.application.owner_id
        )
        hcp = first_answers(inside, self.application.owner_id)
        self.spent += time.perf_counter() - begun
        try:
            while request := self._next(ticket, hcp):
                hcp = ""
                if request != "NoOp":
                    before = read.given
                    answer = self._answer(request, inside, read)
                    self.began = self.began if before else time.perf_counter()
                    done = self._receive(ticket, answer)
                    if read.given > before:
                        self.ended = time.perf_counter()
                        if read.each is not None:
                            read.each(read.given)
                    if done == "100":
                        break
        finally:
            inside.end()
            self.wire.text("closeConnection", ticket)
        return True

    def _next(self, ticket: tuple[str, str], hcp: str) -> str:
        return self.wire.text(
            "sendRequestXML",
            ticket,
            ("strHCPResponse", hcp),
            ("strCompanyFileName", "C:\\Books\\company.qbw"),
            ("qbXMLCountry", "US"),
            ("qbXMLMajorVers", "16"),
            ("qbXMLMinorVers", "0"),
        )

    def _receive(self, ticket: tuple[str, str], answer: bytes) -> str:
        empty = ("hresult", ""), ("message", "")
        done = self.wire.text(
            "receiveResponseXML", ticket, ("response", answer), *empty
        )
        if done.startswith("-"):
            raise Refused(self.wire.text("getLastError", ticket))
        return done

    def _answer(self, request: str, inside: Session, read: _Read) -> bytes:
        """Return an answer as it stands in an envelope."""
        asked = _RQ.findall(request)
        if read.query not in {name for name, _, _ in asked}:
            begun = time.perf_counter()
            answer = inside.process(request)
            self.spent += time.perf_counter() - begun
            self.answered(request)
            return answers.ready(answer.encode())
        parts = [_START]
        more = 0
        for name, number, _ in asked:
            if name != read.query or read.given >= read.pages:
                parts.append(
                    b'&lt;%bRs requestID="%b" statusCode="1" statusSeverity="Info" '
                    b'statusMessage="none"&gt;&lt;/%bRs&gt;'
                    % (name.encode(), number.encode(), name.encode())
                )
                continue
            more = 1
            left = (read.pages - read.given - 1) * max(read.size, 1)
            iterator = f'iteratorRemainingCount="{left}" iteratorID="{_ITERATOR}"'
            parts.append(
                f'&lt;{name}Rs requestID="{number}" statusCode="0" statusSeverity='
                f'"Info" statusMessage="Status OK" {iterator}&gt;'.encode()
                + answers.page(read.objects, read.given)
                + f"&lt;/{name}Rs&gt;".encode()
            )
        read.given += more
        return b"".join([*parts, _END])
