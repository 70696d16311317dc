"""Calls of a Web Connector as cheaply as they can be made: a socket and ready bytes.

The sandbox' own Web Connector parses and logs; here the load must cost little, because
it shares the machine with what is measured. Envelopes and headers are those of the
recorded calls: one line, one connection kept alive.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from xml.sax.saxutils import escape

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap='
    '"http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi='
    '"http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd='
    '"http://www.w3.org/2001/XMLSchema"><soap:Body>'
)
_TAIL = b"</soap:Body></soap:Envelope>"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RESULT = re.compile(rb"<(?:\w+:)?\w+Result>(.*?)</(?:\w+:)?\w+Result>", re.DOTALL)
_STRING = re.compile(rb"<(?:\w+:)?string(?:/>|>(.*?)</(?:\w+:)?string>)", re.DOTALL)
INTUIT = "http://developer.intuit.com/"


class Refused(Exception):
    """The server answered something else than the protocol allows here."""


@dataclass
class Times:
    """Seconds of each call, by method."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def add(self, method: str, seconds: float) -> None:
        """Keep one."""
        self.of.setdefault(method, []).append(seconds)

    def merged(self, others: Iterable[Times]) -> Times:
        """Return these and others together."""
        found = Times({name: list(values) for name, values in self.of.items()})
        for other in others:
            for name, values in other.of.items():
                found.of.setdefault(name, []).extend(values)
        return found


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def body(method: str, *arguments: tuple[str, str | bytes]) -> bytes:
    """Return the envelope of a call; bytes are taken as escaped already."""
    parts = [f'{_HEAD}<{method} xmlns="{INTUIT}">'.encode()]
    for name, value in arguments:
        text = value if isinstance(value, bytes) else escape(value).encode()
        parts.append(b"<%b>%b</%b>" % (name.encode(), text, name.encode()))
    return b"".join([*parts, f"</{method}>".encode(), _TAIL])


class Wire:
    """One kept connection to a server on this machine."""

    def __init__(self, port: int, times: Times | None = None) -> None:
        self._port = port
        self._times = times or Times()
        self._socket: socket.socket | None = None

    def call(self, method: str, *arguments: tuple[str, str | bytes]) -> bytes:
        """Make a call and return the body of its answer."""
        return self.send(method, body(method, *arguments))

    def send(self, method: str, content: bytes) -> bytes:
        """Send a ready envelope and return the body of the answer."""
        head = (
            "POST /qbwc HTTP/1.1\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; "
            "MS Web Services Client Protocol 4.0.30319.42000)\r\n"
            "Content-Type: text/xml; charset=utf-8\r\n"
            f'SOAPAction: "{INTUIT}{method}"\r\nHost: localhost:{self._port}\r\n'
            f"Content-Length: {len(content)}\r\n\r\n"
        ).encode()
        begun = time.perf_counter()
        answer = self._exchange(head + content)
        self._times.add(method, time.perf_counter() - begun)
        return answer

    def text(self, method: str, *arguments: tuple[str, str | bytes]) -> str:
        """Make a call and return its one result."""
        found = _RESULT.search(self.call(method, *arguments))
        return unescape(found[1].decode()) if found is not None else ""

    def strings(self, method: str, *arguments: tuple[str, str | bytes]) -> list[str]:
        """Make a call and return its array of strings."""
        found = _RESULT.search(self.call(method, *arguments))
        inner = found[1] if found is not None else b""
        return [unescape(one.decode()) for one in _STRING.findall(inner)]

    @property
    def own_port(self) -> int:
        """The port that the connection comes from, 0 if there is none."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, content: bytes) -> bytes:
        for last in (False, True):
            try:
                return self._once(content)
            except (ConnectionError, EOFError):
                self.close()
                if last:
                    raise
        raise AssertionError

    def _once(self, content: bytes) -> bytes:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(content)
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            self._more(got)
        length = _LENGTH.search(got, 0, end)
        if not got.startswith(b"HTTP/1.1 200") or length is None:
            raise Refused(bytes(got[:200]).decode("latin-1"))
        whole = end + 4 + int(length[1])
        while len(got) < whole:
            self._more(got)
        return bytes(got[end + 4 : whole])

    def _more(self, got: bytearray) -> None:
        assert self._socket is not None
        data = self._socket.recv(262_144)
        if not data:
            raise EOFError
        got += data
