"""The methods of the SOAP contract by name: their arguments, and what answers them.

Rule 1: whatever fails, Web Connector gets the safe value of the method.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from qbwc_server import logs, metrics
from qbwc_server.qbxml.response import clean
from qbwc_server.storage import away
from qbwc_server.web_connector.conversation import Conversation

BUSY = ["", "busy", "300", ""]
SAFE: dict[str, str | int | list[str]] = {
    "serverVersion": "qbwc-server",
    "clientVersion": "",
    "authenticate": BUSY,
    "sendRequestXML": "",
    "receiveResponseXML": -1,
    "connectionError": "done",
    "getLastError": "Something went wrong on our side. It will be tried again.",
    "closeConnection": "OK",
    "getInteractiveURL": "",
    "interactiveDone": "Done",
    "interactiveRejected": "This connection has no interactive mode.",
}
"""What each method answers when our own program or database fails."""
_LOGINS = {"none": "none", "nvu": "refused", "busy": "busy"}

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One method: the names of its arguments in the contract's order, and its work.

    `work` takes the caller's network address and the arguments. `soon` takes the same
    and answers where no thread has to wait for it: no file, no log, and no database but
    by `loop_trips`. None: `work` is to answer.
    """

    name: str
    names: tuple[str, ...]
    work: Callable[..., Any]
    soon: Callable[..., Awaitable[Any]] | None = None

    async def answer_soon(self, peer: str, *arguments: str) -> Any:
        """Return what the method answers without a thread, None if it needs one."""
        if self.soon is None:
            return None
        began = time.perf_counter()
        try:
            result = await self.soon(peer, *arguments)
        except Exception as error:  # noqa: BLE001 - a thread answers, or says why not
            kind = f"{self.name} {type(error).__name__}"
            if not away.told(error, by=self.name):
                logs.seldom(_LOG.exception, "call needs a thread", kind, call=self.name)
            return None
        if result is not None:
            said = outcome(self.name, result)
            metrics.call(self.name, said, time.perf_counter() - began)
        return result

    def answer(self, peer: str, *arguments: str | None) -> Any:
        """Return what the method answers; the safe value if it fails.

        A SOAP library gives None for an argument that is absent, leaves out a result
        that is None, and sends an empty body for one that XML cannot hold.
        """
        began = time.perf_counter()
        try:
            result = self.work(peer, *("" if one is None else one for one in arguments))
            said = outcome(self.name, result)
        except Exception as error:  # noqa: BLE001 - the last line before a SOAP fault
            result, said = SAFE[self.name], "failed"
            if away.told(error, by=self.name):
                metrics.database_error()
            else:
                kind = f"{self.name} {type(error).__name__}"
                logs.seldom(_LOG.exception, "call failed", kind, call=self.name)
        metrics.call(self.name, said, time.perf_counter() - began)
        if isinstance(result, str):
            return clean(result)
        if isinstance(result, list):
            return [clean(item) for item in result]
        return result


def outcome(name: str, result: Any) -> str:
    """Return in a word what a call was answered; it is one of few.

    For authenticate work, none (nothing to do), refused or busy; for sendRequestXML
    asked or nothing; for receiveResponseXML taken or stop.
    """
    if name == "authenticate":
        return _LOGINS.get(result[1], "work")
    if name == "sendRequestXML":
        return "asked" if result else "nothing"
    if name == "receiveResponseXML":
        return "taken" if result >= 0 else "stop"
    return "ok"


def calls(talk: Conversation) -> dict[str, Call]:
    """Return the methods of a conversation."""
    admission = talk.admission

    async def server_version(_peer: str) -> str:
        return admission.server_version()

    async def client_version(peer: str, version: str) -> str | None:
        if not admission.is_new_enough(version):
            return None
        return admission.client_version(version, peer=peer)

    async def authenticate(peer: str, name: str, password: str) -> list[str] | None:
        return await admission.authenticate_idle(name, password, peer)

    made = (
        Call(
            "serverVersion",
            (),
            lambda _peer: admission.server_version(),
            server_version,
        ),
        Call(
            "clientVersion",
            ("strVersion",),
            lambda peer, version: admission.client_version(version, peer=peer),
            client_version,
        ),
        Call(
            "authenticate",
            ("strUserName", "strPassword"),
            lambda peer, name, password: admission.authenticate(name, password, peer),
            authenticate,
        ),
        Call(
            "sendRequestXML",
            (
                *("ticket", "strHCPResponse", "strCompanyFileName"),
                *("qbXMLCountry", "qbXMLMajorVers", "qbXMLMinorVers"),
            ),
            lambda peer, ticket, hcp, path, country, major, minor: talk.send_request(
                ticket, hcp, path, country, f"{major}.{minor}", peer=peer
            ),
        ),
        Call(
            "receiveResponseXML",
            ("ticket", "response", "hresult", "message"),
            lambda peer, *arguments: talk.receive_response(*arguments, peer=peer),
        ),
        Call(
            "connectionError",
            ("ticket", "hresult", "message"),
            lambda peer, *arguments: talk.connection_error(*arguments, peer=peer),
        ),
        Call(
            "getLastError",
            ("ticket",),
            lambda peer, ticket: talk.last_error(ticket, peer=peer),
        ),
        Call(
            "closeConnection",
            ("ticket",),
            lambda peer, ticket: talk.close(ticket, peer=peer),
        ),
        Call(
            "getInteractiveURL",
            ("wcTicket", "sessionID"),
            lambda *_: SAFE["getInteractiveURL"],
        ),
        Call("interactiveDone", ("wcTicket",), lambda *_: SAFE["interactiveDone"]),
        Call(
            "interactiveRejected",
            ("wcTicket", "reason"),
            lambda *_: SAFE["interactiveRejected"],
        ),
    )
    return {one.name: one for one in made}
