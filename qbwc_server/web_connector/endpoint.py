"""The HTTP edge of the SOAP endpoint: what may reach the SOAP library, and what not.

Rule 1: Web Connector always gets HTTP 200 and a value of the protocol; a fault or an
error page ends its run with a message that helps nobody.
Rule 2: a body that cannot be read is kept, with why, where its session can be told.
"""

from __future__ import annotations

import gc
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from qbwc_server import logs, metrics
from qbwc_server.serving.served import OF_ANYBODY, WSGI
from qbwc_server.storage import away
from qbwc_server.web_connector import envelope, request_body, unreadable
from qbwc_server.web_connector.conversation import NO_SESSION
from qbwc_server.web_connector.envelope import NAMESPACE, written
from qbwc_server.web_connector.methods import SAFE, Call
from qbwc_server.web_connector.request_body import Unreadable, readable
from qbwc_server.web_connector.unreadable import start
from qbwc_server.web_connector.wsdl import wsdl

_LOG = structlog.get_logger(__name__)
_LARGE = 1024 * 1024
_KEPT_OF_UNREADABLE = 65_536
_ACTION = re.compile(r"^\"?" + re.escape(NAMESPACE) + r"(\w+)\"?$")
CONTENT_TYPE = "text/xml; charset=utf-8"


class Endpoint:
    """A WSGI application around that of the SOAP methods.

    `calls` are the same methods, for calls in the very form of the real Web Connector.
    `keep` takes a ticket, a body that was meant to be an answer, why it cannot be read,
    and the caller's address, and returns what receiveResponseXML answers. `alive` tells
    of a ticket whether its session may send more than anybody may: `max_body_bytes`.
    """

    def __init__(
        self,
        methods: WSGI,
        calls: Mapping[str, Call],
        *,
        keep: Callable[[str, str, str, str], int],
        alive: Callable[[str], bool],
        address: str,
        max_body_bytes: int,
    ) -> None:
        self._methods = methods
        self._calls = calls
        self._keep = keep
        self._alive = alive
        self._most = max_body_bytes
        self._contract = wsdl(address)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, whatever it is."""
        if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return _get(environ, start_response, self._contract)
        called = _called(environ)
        try:
            body = request_body.read(
                environ, called, alive=self._alive, most=self._most
            )
            if (direct := _direct(self._calls, called, environ, body)) is not None:
                return _answer(start_response, direct)
            return _through(self._methods, environ, start_response, body)
        except Unreadable as error:
            metrics.unreadable()
            peer = environ.get("REMOTE_ADDR", "")
            told = {"call": called, "why": str(error), "peer": peer}
            logs.seldom(_LOG.warning, "body not readable", called, **told)
            result = _refuse(self._keep, called, error.body, str(error), peer)
        except Exception as error:  # noqa: BLE001 - rule 1
            failed = "call failed outside of its method"
            kind = type(error).__name__
            if not away.told(error, by=called):
                logs.seldom(_LOG.exception, failed, kind, call=called)
            metrics.call(called or "other", "failed", 0.0)
            result = SAFE.get(called)
        return _answer(start_response, written(called, result))

    async def soon(self, environ: dict[str, Any], body: bytes) -> bytes | None:
        """Return the envelope that answers a POST which needs no thread, else None.

        All three calls of a poll are of that kind where there is nothing to do.
        """
        called = _called(environ)
        call = self._calls.get(called)
        if call is None or call.soon is None or request_body.refused(environ):
            return None
        arguments = envelope.read(body, called, call.names)
        if arguments is None:
            return None
        result = await call.answer_soon(environ.get("REMOTE_ADDR", ""), *arguments)
        return None if result is None else written(called, result)

    def allows(self, environ: dict[str, Any], body: bytes) -> tuple[int, str] | None:
        """Return how much a caller may send whose body begins so, and its ticket.

        None: no more than anybody.
        """
        called = _called(environ)
        limit = request_body.most_of(called, self._most)
        known = request_body.ticket(body)
        if limit <= OF_ANYBODY or request_body.refused(environ):
            return None
        if known is None or not self._alive(known):
            return None
        return limit, known


def _get(
    environ: dict[str, Any], start_response: Callable[..., Any], contract: bytes
) -> Iterable[bytes]:
    """Answer the GET with which Web Connector looks at the certificate, or ?wsdl."""
    if "wsdl" in environ.get("QUERY_STRING", "").lower():
        body, kind = contract, CONTENT_TYPE
    else:
        body, kind = b"QuickBooks Web Connector service.\n", "text/plain; charset=utf-8"
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _called(environ: dict[str, Any]) -> str:
    match = _ACTION.match(environ.get("HTTP_SOAPACTION", ""))
    return match[1] if match is not None and match[1] in SAFE else ""


def _direct(
    calls: Mapping[str, Call], called: str, environ: dict[str, Any], body: bytes
) -> bytes | None:
    """Answer a call that needs no SOAP library; None if this one does."""
    call = calls.get(called)
    if call is None:
        return None
    arguments = envelope.read(body, called, call.names)
    if arguments is None:
        return None
    return written(called, call.answer(environ.get("REMOTE_ADDR", ""), *arguments))


def _through(
    methods: WSGI,
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    body: bytes,
) -> Iterable[bytes]:
    """Give a body to spyne; a fault of its own becomes `Unreadable`."""
    seen: list[Any] = []
    text = readable(body)

    def remember(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        seen[:] = [status, headers]

    inner = {
        **environ,
        "wsgi.input": io.BytesIO(text),
        "CONTENT_LENGTH": str(len(text)),
        # With a charset, spyne would make a text of it, four times as large.
        "CONTENT_TYPE": "text/xml",
    }
    try:
        answer = b"".join(methods(inner, remember))
        if len(text) > _LARGE:
            # spyne leaves each call in a circle: its text would stay until the next.
            gc.collect()
    except Exception as error:  # for example at an envelope with an empty Body
        why = f"not a call that is known: {error!r}: " + start(body)
        raise Unreadable(why, body) from error
    if not seen[0].startswith("200") or not answer:
        raise Unreadable("not a call that is known: " + start(answer), body)
    start_response(*seen)
    return [answer]


def _refuse(
    keep: Callable[[str, str, str, str], int],
    called: str,
    body: bytes,
    why: str,
    peer: str,
) -> Any:
    """Return the protocol's "no" of a call that could not be read."""
    ticket = request_body.ticket(body)
    if called == "receiveResponseXML" and ticket is not None:
        kept = unreadable.kept(body, _KEPT_OF_UNREADABLE)
        return keep(ticket, kept, why, peer)
    if called == "authenticate":
        return ["", "nvu", "", ""]
    return NO_SESSION if called == "getLastError" else SAFE.get(called)


def _answer(start_response: Callable[..., Any], body: bytes) -> Iterable[bytes]:
    start_response(
        "200 OK",
        [
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(len(body))),
        ],
    )
    return [body]
