"""A Web Connector in this process: the real calls, each of which may be lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from qbwc_server.sandbox.quickbooks.company_file import CompanyFile, Session
from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.company_stamp import first_answers
from qbwc_server.sandbox.web_connector.registration import Application
from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.web_connector.status_column import WAIT

T = TypeVar("T")
CALLS = ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection")
_MOST_CALLS = 2000
_WRITES = re.compile(r"<(TimeTrackingAdd|TimeTrackingMod|TxnDel)Rq[ >]")


class Lost(Exception):
    """The network took a call or its answer; Web Connector ends its run."""


@dataclass
class Trouble:
    """The n-th call of a method is lost on its way, or if it `arrives` its answer.

    The `cut`-th answer of QuickBooks arrives cut in half.
    """

    method: str = ""
    number: int = 1
    arrives: bool = False
    cut: int = 0


@dataclass
class Talk:
    """One Web Connector on one computer.

    `pause` waits when it is asked to. `writes` are the writes that QuickBooks was
    handed, by the name of their request.
    """

    file: CompanyFile
    application: Application
    password: str
    pause: Callable[[float], object]
    peer: str = "192.0.2.1"
    writes: list[str] = field(default_factory=list)

    def run(self, server: Conversation, trouble: Trouble | None = None) -> bool:
        """Do one update as Web Connector does; tell whether there was work.

        Raises:
            Lost: a call was lost; the session was left as it was.
        """
        call = _Calls(trouble or Trouble()).make
        name = self.application.username
        ticket, state, *_ = call(
            "authenticate",
            lambda: server.admission.authenticate(name, self.password, self.peer),
        )
        if state in {"none", "busy", "nvu"}:
            return False
        session = self._open(server, ticket)
        if session is None:
            return False
        hcp = first_answers(session, self.application.owner_id)
        for number in range(1, _MOST_CALLS):
            said = hcp
            request = call(
                "sendRequestXML",
                lambda said=said: server.send_request(  # type: ignore[misc]
                    ticket, said, self.file.file_name, "US", "13.0"
                ),
            )
            hcp = ""
            if not request:
                server.last_error(ticket)
                break
            if request == WAIT:
                self.pause(5)
                continue
            self.writes += _WRITES.findall(request)
            answer, code, message = "", "", ""
            try:
                answer = session.process(request)
            except QuickBooksRefusal as refusal:
                code, message = refusal.hresult, refusal.message
            if trouble is not None and trouble.cut == number:
                answer = answer[: len(answer) // 2]
            percent = call(
                "receiveResponseXML",
                lambda answer=answer, code=code, message=message: (  # type: ignore[misc]
                    server.receive_response(ticket, answer, code, message)
                ),
            )
            if not 0 <= percent < 100:
                server.last_error(ticket)
                break
        call("closeConnection", lambda: server.close(ticket))
        return True

    def _open(self, server: Conversation, ticket: str) -> Session | None:
        try:
            return self.file.begin_session(
                app_name=self.application.app_name,
                owner_id=self.application.owner_id,
            )
        except QuickBooksRefusal as refusal:
            server.connection_error(ticket, refusal.hresult, refusal.message)
            server.close(ticket)
            return None


class _Calls:
    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._left = trouble.number

    def make(self, method: str, call: Callable[[], T]) -> T:
        if method != self._trouble.method:
            return call()
        self._left -= 1
        if self._left != 0:
            return call()
        if self._trouble.arrives:
            call()
        raise Lost
