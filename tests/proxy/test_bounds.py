"""What a proxy holds of strangers: neither answers that nobody reads, nor bodies."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from tests.proxy.front import Front
from tests.proxy.test_strangers import Door, door_of
from tests.waiting import until

STYLE = "GET /static/page.css HTTP/1.1\r\nHost: localhost:{}\r\n\r\n"
MORE_THAN_BUFFERS = 900
"""So many answers, 10 MB, are more than the systems on the way hold for them."""
OPEN = "01"
STRANGERS = 20
BODY = 5_000_000
GATHERS = "proxy_request_buffering off;"


def _state_there(port: int, wire: socket.socket) -> str:
    """Return how a connection stands at its other end, as Linux counts states."""
    ours = wire.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state = line.split()[:4]
        ends = tuple(int(one.rpartition(":")[2], 16) for one in (local, remote))
        if ends == (port, ours):
            return state
    return ""


def test_caddy_closes_who_does_not_read(tmp_path: Path, sqlite_url: str) -> None:
    """By the line of deploy/Caddyfile; the server itself would wait for longer."""
    with door_of("caddy", tmp_path, sqlite_url, write="1s") as door:
        sent = STYLE.format(door.port) * MORE_THAN_BUFFERS
        with closing(door.wire(sent.encode())) as wire:
            until(lambda: _state_there(door.port, wire) != OPEN, seconds=12)


def _send_much(door: Door) -> None:
    """Have strangers send large answers of QuickBooks, as far as they are taken."""
    head = (
        f"POST /qbwc HTTP/1.1\r\nHost: localhost:{door.port}\r\n"
        f'SOAPAction: "{INTUIT}receiveResponseXML"\r\n'
        f"Content-Length: {BODY + 1}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(STRANGERS):
            wire = stack.enter_context(closing(door.wire(head.encode())))
            wire.settimeout(5)
            with suppress(OSError):
                for _ in range(BODY // 100_000):
                    wire.sendall(b"x" * 100_000)


def test_nginx_holds_little_of_what_strangers_send(
    tmp_path: Path, sqlite_url: str
) -> None:
    """The server refuses them after 64 KB each; until then nothing piles up."""
    with door_of("nginx", tmp_path, sqlite_url) as door:
        assert isinstance(door.made, Front)
        before = door.made.most_mb()
        _send_much(door)
        assert "nvu" in door.login()
        assert door.made.most_mb() < before + STRANGERS


def test_gathered_by_nginx_it_would_pile_up(tmp_path: Path, sqlite_url: str) -> None:
    """The negative control of the test above."""
    large = ("client_body_buffer_size 64k;", "client_body_buffer_size 8m;")
    with door_of("nginx", tmp_path, sqlite_url, without=GATHERS, changed=large) as door:
        assert isinstance(door.made, Front)
        before = door.made.most_mb()
        _send_much(door)
        assert door.made.most_mb() > before + STRANGERS * 3


@pytest.mark.parametrize("kind", ["caddy", "nginx"])
def test_a_large_answer_passes_to_who_reads_it(
    kind: str, tmp_path: Path, sqlite_url: str
) -> None:
    """10 MB of them on one connection, one after the other."""
    with door_of(kind, tmp_path, sqlite_url) as door:
        style = (Path(__file__).parents[2] / "qbwc_server/web/static/page.css").stat()
        sent = STYLE.format(door.port) * MORE_THAN_BUFFERS
        with closing(door.wire(sent.encode())) as wire:
            wire.settimeout(30)
            got = 0
            while got < style.st_size * MORE_THAN_BUFFERS:
                piece = wire.recv(65_536)
                assert piece
                got += len(piece)
