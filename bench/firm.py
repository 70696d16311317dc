"""A company as the load has it: it polls, and answers what it is asked.

What is measured is answered from ready pages; everything else, as the questions about
the company file, by the sandbox' company file.
"""

from __future__ import annotations

import re
import time
from typing import Any

from bench import answers
from bench.wire import Refused, Times, Wire, body
from qbwc_server.companies import NewCompany
from qbwc_server.sandbox.company_file import CompanyFile
from qbwc_server.sandbox.company_stamp import first_answers
from qbwc_server.sandbox.registration import Application, add

_RQ = re.compile(r"<(\w+?)Rq requestID=\"(\d+)\"([^>]*)>")
_START = b'&lt;?xml version="1.0" ?&gt;&lt;QBXML&gt;&lt;QBXMLMsgsRs&gt;'
_END = b"&lt;/QBXMLMsgsRs&gt;&lt;/QBXML&gt;"
_ITERATOR = "{00000000-0000-0000-0000-000000000001}"


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

    def open(self) -> None:
        """Have a company file to answer from."""
        self.file = CompanyFile(":memory:", clock=time.time)
        self.file.hands.set("company_name", self._new.name)
        add(self.application, self.file)

    def session(self, query: str, objects: bytes, pages: int, size: int) -> int:
        """Do one run in which a read of `query` has so many pages; return how many.

        `objects` are those of a page, as they stand in an envelope.
        """
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
        ticket = ("ticket", found[0])
        inside = self.file.begin_session(
            app_name=self.application.app_name, owner_id=self.application.owner_id
        )
        hcp, given = first_answers(inside, self.application.owner_id), 0
        try:
            while request := self._next(ticket, hcp):
                hcp = ""
                if request != "NoOp":
                    answer, more = self._answer(
                        request, inside, query, objects, given, pages, size
                    )
                    self.began = self.began if given else time.perf_counter()
                    given += more
                    done = self._receive(ticket, answer)
                    if more:
                        self.ended = time.perf_counter()
                    if done == "100":
                        break
        finally:
            inside.end()
            self.wire.text("closeConnection", ticket)
        return given

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

    def _answer(
        self,
        request: str,
        inside: Any,
        query: str,
        objects: bytes,
        given: int,
        pages: int,
        size: int,
    ) -> tuple[bytes, int]:
        """Return an answer as it stands in an envelope, and how many pages it has."""
        asked = _RQ.findall(request)
        if query not in {name for name, _, _ in asked}:
            return answers.ready(inside.process(request).encode()), 0
        parts = [_START]
        more = 0
        for name, number, _ in asked:
            if name != query or given >= pages:
                parts.append(
                    b'&lt;%bRs requestID="%b" statusCode="1" statusSeverity="Info" '
                    b'statusMessage="none"&gt;&lt;/%bRs&gt;'
                    % (name.encode(), number.encode(), name.encode())
                )
                continue
            more = 1
            left = (pages - given - 1) * max(size, 1)
            iterator = f'iteratorRemainingCount="{left}" iteratorID="{_ITERATOR}"'
            parts.append(
                f'&lt;{name}Rs requestID="{number}" statusCode="0" statusSeverity='
                f'"Info" statusMessage="Status OK" {iterator}&gt;'.encode()
                + answers.page(objects, given)
                + f"&lt;/{name}Rs&gt;".encode()
            )
        return b"".join([*parts, _END]), more
