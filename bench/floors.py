"""Floors: what the same bytes cost with nothing behind them.

    python -m bench.floors spyne PORT PROCESSES
    python -m bench.floors lxml PORT PROCESSES

serves constant answers through bare spyne, or through lxml alone, under the gunicorn
that the product runs under; the rest are functions.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication
from lxml import etree

from qbwc_server.web_connector import _spyne_compat  # noqa: F401 - must come before spyne

from spyne import Application, Array, Integer, ServiceBase, Unicode, rpc  # isort: skip
from spyne.protocol.soap import Soap11  # isort: skip
from spyne.server.wsgi import WsgiApplication  # isort: skip

INTUIT = "http://developer.intuit.com/"
REQUEST = '<?xml version="1.0" ?><?qbxml version="13.0"?><QBXML/>'
_ENVELOPE = (
    b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap='
    b'"http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    b'<%bResponse xmlns="http://developer.intuit.com/"><%bResult>%b</%bResult>'
    b"</%bResponse></soap:Body></soap:Envelope>"
)
_RESULTS = {
    "serverVersion": b"floor",
    "clientVersion": b"",
    "authenticate": b"<string></string><string>none</string>",
    "sendRequestXML": b"&lt;QBXML/&gt;",
    "receiveResponseXML": b"50",
    "closeConnection": b"OK",
}


class _Floor(ServiceBase):  # type: ignore[misc]
    @rpc(_returns=Unicode)
    def serverVersion(ctx: Any) -> Any:
        return "floor"

    @rpc(Unicode, _returns=Unicode)
    def clientVersion(ctx: Any, strVersion: Any) -> Any:
        return ""

    @rpc(Unicode, Unicode, _returns=Array(Unicode))
    def authenticate(ctx: Any, strUserName: Any, strPassword: Any) -> Any:
        return ["", "none", "", ""]

    @rpc(Unicode, Unicode, Unicode, Unicode, Unicode, Unicode, _returns=Unicode)
    def sendRequestXML(
        ctx: Any, ticket: Any, a: Any, b: Any, c: Any, d: Any, e: Any
    ) -> Any:
        return REQUEST

    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer)
    def receiveResponseXML(
        ctx: Any, ticket: Any, response: Any, hresult: Any, message: Any
    ) -> Any:
        if response:
            dicts(response.encode())
        return 50

    @rpc(Unicode, _returns=Unicode)
    def closeConnection(ctx: Any, ticket: Any) -> Any:
        return "OK"


def dicts(answer: bytes) -> list[dict[str, Any]]:
    """Parse an answer with lxml into one dict an object, the plainest way there is."""
    found = []
    for _, element in etree.iterparse(io.BytesIO(answer), events=("end",)):
        if element.tag.endswith("Ret"):
            found.append(
                {
                    str(one.tag): {str(part.tag): part.text for part in one}
                    if len(one)
                    else one.text
                    for one in element
                }
            )
            element.clear()
    return found


def _by_lxml(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    method, answer = "", b""
    if environ["REQUEST_METHOD"] == "POST":
        text = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        call = etree.fromstring(text)[0][0]
        method = etree.QName(call).localname
        name = method.encode()
        answer = _ENVELOPE % (name, name, _RESULTS[method], name, name)
    start_response(
        "200 OK",
        [("Content-Type", "text/xml"), ("Content-Length", str(len(answer)))],
    )
    return [answer]


def _by_spyne() -> Any:
    soap = WsgiApplication(
        Application(
            [_Floor],
            tns=INTUIT,
            in_protocol=Soap11(huge_tree=True),
            out_protocol=Soap11(),
        )
    )

    def answer(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            return soap(environ, start_response)  # type: ignore[no-any-return]
        start_response("200 OK", [("Content-Length", "0")])
        return []

    return answer


class _Server(BaseApplication):  # type: ignore[misc]
    def load_config(self) -> None:
        for name, value in {
            "bind": f"127.0.0.1:{sys.argv[2]}",
            "workers": int(sys.argv[3]),
            "threads": 8,
            "worker_class": "gthread",
            "keepalive": 75,
            "loglevel": "error",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return _by_spyne() if sys.argv[1] == "spyne" else _by_lxml


def per_second(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Return how often a piece of work is done in a second."""
    begun, times = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        work()
        times += 1
    return times / (time.perf_counter() - begun)


if __name__ == "__main__":
    sys.argv[1:] = sys.argv[1:4]
    _Server().run()
