"""Strangers before a proxy: what they hold there, they hold of nobody else."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from tests.conftest import SECRET
from tests.hostile.test_connections import EARLY, SHAPES
from tests.proxy import caddy, front
from tests.proxy.caddy import Caddy
from tests.proxy.front import Front
from tests.waiting import until
from tests.web_connector.desk import body_of

STRANGERS = 40
"""So many stopped the server through Caddy, when 16 were not enough."""
SOON = 2.0
TRIED = ("chunk0", "cut chunk", "form", "answer", "slow", "unread")
"""Of the shapes that are all tried without a proxy."""


class Door:
    """A proxy, by whichever program, and its port for https."""

    def __init__(self, made: Caddy | Front, port: int) -> None:
        self.made = made
        self.port = port

    def login(self, *, seconds: float = 60) -> str:
        """Make a call that needs a thread and the database; return the answer."""
        connection = HTTPSConnection(
            "localhost", self.port, timeout=seconds, context=anybody()
        )
        try:
            connection.request(
                "POST",
                "/qbwc",
                body_of("authenticate", "nobody", "nothing"),
                {"SOAPAction": f'"{INTUIT}authenticate"'},
            )
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def wire(self, sent: bytes) -> ssl.SSLSocket:
        """Return a connection on which something was sent."""
        plain = socket.create_connection(("localhost", self.port), 30)
        wire = anybody().wrap_socket(plain, server_hostname="localhost")
        wire.sendall(sent)
        return wire

    @contextmanager
    def held_by(self, name: str) -> Iterator[None]:
        """Have strangers send something and not go on."""
        path, sent = SHAPES[name]
        filled = sent.replace("{}", path, 1) if path else sent
        with ExitStack() as stack:
            for _ in range(STRANGERS):
                # Where it is answered already, that is as well.
                with suppress(OSError):
                    wire = self.wire(filled.replace("{}", str(self.port)).encode())
                    stack.enter_context(closing(wire))
            yield


def anybody() -> ssl.SSLContext:
    """Return a context that takes every certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def door_of(kind: str, folder: Path, url: str, **how: Any) -> Iterator[Door]:
    """Have a server behind a proxy, `how` being what its `begin` takes."""
    made: Caddy | Front
    if kind == "caddy":
        caddy.program()
        made = Caddy(folder, url, SECRET)
        door = Door(made, made.https)
    else:
        front.program()
        made = Front(folder, url, SECRET)
        door = Door(made, made.ports.https)
    try:
        made.begin(**how)
        until(lambda: _well(door))
        yield door
    finally:
        made.close()


def _well(door: Door) -> bool:
    try:
        return "nvu" in door.login()
    except (OSError, HTTPException):
        return False


@pytest.mark.parametrize("kind", ["caddy", "nginx"])
def test_an_honest_call_waits_for_no_stranger(
    kind: str, tmp_path: Path, sqlite_url: str
) -> None:
    """Whatever forty of them have sent and do not go on with."""
    with door_of(kind, tmp_path, sqlite_url) as door:
        for name in TRIED:
            with door.held_by(name):
                began = time.monotonic()
                assert "nvu" in door.login()
                assert time.monotonic() - began < SOON, name


def test_given_a_thread_early_they_would_stop_the_server_through_caddy(
    tmp_path: Path, sqlite_url: str
) -> None:
    """The negative control: Caddy passes on what comes as it comes."""
    with (
        door_of("caddy", tmp_path, sqlite_url, switched_off=EARLY) as door,
        door.held_by("cut chunk"),
        pytest.raises(TimeoutError),
    ):
        door.login(seconds=SOON)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("read_header", b"POST /qbwc HTTP/1.1\r\nHost: loc"),
        (
            "read_body",
            b"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx",
        ),
        ("idle", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ],
)
def test_caddy_closes_what_does_not_go_on(
    name: str, sent: bytes, tmp_path: Path, sqlite_url: str
) -> None:
    """Each by the line of deploy/Caddyfile that says how long it waits."""
    with (
        door_of("caddy", tmp_path, sqlite_url, **{name: "1s"}) as door,
        closing(door.wire(sent)) as wire,
    ):
        wire.settimeout(10)
        _until_the_end(wire)


@pytest.mark.parametrize("kind", ["caddy", "nginx"])
def test_a_page_is_sent_less_than_a_call(
    kind: str, tmp_path: Path, sqlite_url: str
) -> None:
    """Nine megabytes are refused by the proxy; a call's by the server, in its words."""
    head = "POST {} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Length: 9000000\r\n"
    action = f'SOAPAction: "{INTUIT}receiveResponseXML"\r\n\r\n'
    with door_of(kind, tmp_path, sqlite_url) as door:
        for path, told in (("/support/login", b" 4"), ("/qbwc", b" 200 ")):
            with closing(
                door.wire((head.format(path, door.port) + action).encode())
            ) as wire:
                wire.settimeout(20)
                with suppress(OSError):
                    for _ in range(90):
                        wire.sendall(b"x" * 100_000)
                first = wire.recv(65_536).split(b"\r\n")[0]
                assert re.match(rb"HTTP/1.1" + told, first), (path, first)


def _until_the_end(wire: ssl.SSLSocket) -> None:
    with suppress(ConnectionResetError, ssl.SSLEOFError):
        while wire.recv(65_536):
            pass
