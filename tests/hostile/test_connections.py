"""Strangers who hold connections of a real server: nobody else waits for them."""

from __future__ import annotations

import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from tests.hostile.house import HOST, House, house
from tests.waiting import until
from tests.web_connector.desk import body_of

MOST_SECONDS = 1.0
"""What an honest call may wait."""
MOST_MB = 60
HEAD = "POST {} HTTP/1.1\r\nHost: localhost:{}\r\nSec-Fetch-Site: same-origin\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
PAGE = "GET /static/page.css HTTP/1.1\r\nHost: localhost:{}\r\n\r\n"
CALL = HEAD + f'SOAPAction: "{INTUIT}authenticate"\r\n'
ANSWER = HEAD + f'SOAPAction: "{INTUIT}receiveResponseXML"\r\n'
FORM = HEAD + "Content-Type: application/x-www-form-urlencoded\r\n"
FILE = HEAD + "Content-Type: multipart/form-data; boundary=x\r\n"
PART = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n'

SHAPES = {
    "chunk0": ("/qbwc", CALL + CHUNKED + "0FF\r\n\r\n\r\n"),
    "chunk in chunk": ("/qbwc", CALL + CHUNKED + "9\r\n0\r\n\r\n"),
    "cut chunk": ("/qbwc", CALL + CHUNKED + "3\r\n0\r\n\r\n"),
    "form": (
        "/support/login",
        FORM + "Content-Length: 1000000\r\n\r\nname=" + "a" * 66_000,
    ),
    "multipart": (
        "/support/login",
        FILE + "Content-Length: 1000000\r\n\r\n" + PART + "a" * 66_000,
    ),
    "short form": ("/support/login", FORM + "Content-Length: 60000\r\n\r\nname="),
    "log of nobody": (
        "/setup/nobody/runs",
        FILE + "Content-Length: 5000000\r\n\r\n" + PART + "a" * 66_000,
    ),
    "callback of nobody": (
        "/webhook/nobody",
        HEAD + "Content-Length: 1000000\r\n\r\n" + "a" * 66_000,
    ),
    "answer": ("/qbwc", ANSWER + "Content-Length: 1000000\r\n\r\n" + "a" * 66_000),
    "slow": ("/qbwc", CALL + "Content-Length: 60000\r\n\r\n" + "a" * 100),
    "expect": ("/qbwc", CALL + "Content-Length: 60\r\nExpect: 100-continue\r\n\r\n"),
    "unread": ("", PAGE * 600),
    "many and broken": ("", PAGE * 3 + "GET / HTTP/9\r\n\r\n"),
}
"""Addresses, and what is sent to them and not gone on with."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A real server for all shapes of this module."""
    folder: Path = tmp_path_factory.mktemp("house")
    with house(folder) as made:
        yield made


@contextmanager
def holding(server: House, count: int, sent: str) -> Iterator[list[socket.socket]]:
    """Hold many connections on which something was sent."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        wires = []
        for _ in range(count):
            wire = stack.enter_context(closing(socket.socket()))
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            wire.settimeout(10 if sent else 0)
            # Answered already, made room, or on its way.
            with suppress(OSError):
                wire.connect((HOST, server.port))
                wire.sendall(sent.encode())
            wires.append(wire)
        yield wires
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def honest_waits(server: House) -> float:
    """Return how long a login, which needs a thread and the database, waits at most."""
    worst = 0.0
    body = body_of("authenticate", "nobody", "nothing")
    for _ in range(3):
        began = time.monotonic()
        assert "nvu" in server.call("authenticate", body)
        worst = max(worst, time.monotonic() - began)
    return worst


def _filled(name: str, port: int) -> str:
    path, sent = SHAPES[name]
    with_path = sent.replace("{}", path, 1) if path else sent
    return with_path.replace("{}", str(port))


@pytest.mark.parametrize("name", SHAPES)
def test_an_honest_call_waits_less_than_a_second_beside(
    server: House, name: str
) -> None:
    """Three times as many strangers as there are threads, with 140 bytes each."""
    with holding(server, 24, _filled(name, server.port)):
        assert honest_waits(server) < MOST_SECONDS
        assert server.memory() < server.rest + MOST_MB


EARLY = """
import asyncio
from qbwc_server.serving.gathering import Gathering
gather = Gathering._rest
async def early(self, environ, begun, receive, here):
    loop = asyncio.get_running_loop()
    task = loop.create_task(gather(self, environ, begun, receive, here))
    async def come():
        return await task
    def wait():
        return asyncio.run_coroutine_threadsafe(come(), loop).result()
    return await loop.run_in_executor(self._threads, wait)
Gathering._rest = early
"""
"""A thread is given to whoever has sent a head."""


def test_given_a_thread_early_strangers_would_stop_the_server(tmp_path: Path) -> None:
    """The negative control: the same shape, and the server is held up."""
    body = body_of("authenticate", "nobody", "nothing")
    with (
        house(tmp_path, without=EARLY) as server,
        holding(server, 24, _filled("chunk0", server.port)),
    ):
        told = server.call("authenticate", body, seconds=2)
        assert told == "HTTP 0"


def test_two_thousand_idle_connections_cost_little(server: House) -> None:
    """They make room for each other, and for whoever has something to say."""
    with holding(server, 2_000, ""):
        assert honest_waits(server) < MOST_SECONDS
        assert server.memory() < server.rest + MOST_MB


FLOOD = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 6_000


def test_many_small_requests_at_once_are_bounded(server: House) -> None:
    """Hundred connections, on each of them thousands of requests in one piece."""
    with holding(server, 100, FLOOD):
        assert honest_waits(server) < 2 * MOST_SECONDS
        assert server.memory() < server.rest + 2 * MOST_MB


def test_looked_at_all_at_once_they_would_take_the_memory(tmp_path: Path) -> None:
    """The negative control of the test above."""
    whole = "import qbwc_server.serving.connection as c; c._PIECE = 2**30"
    with house(tmp_path, without=whole) as server, holding(server, 50, FLOOD):
        until(lambda: server.memory() > server.rest + 4 * MOST_MB)


def test_too_many_open_files_end_no_process(tmp_path: Path) -> None:
    """So few are allowed that strangers could use them up."""
    with house(tmp_path, files=200) as server:
        before = server.pids()
        with holding(server, 400, ""):
            assert honest_waits(server) < 2 * MOST_SECONDS
        assert honest_waits(server) < MOST_SECONDS
        assert server.pids() == before
    assert "out of system resource" not in (tmp_path / "log").read_text()


NO_ROOM = """
from qbwc_server.serving.crowd import Crowd
Crowd.make_room = lambda self: True
"""


def test_where_nobody_makes_room_files_are_used_up(tmp_path: Path) -> None:
    """The negative control: yet no process ends, and it goes on when they are free."""
    with house(tmp_path, files=200, without=NO_ROOM) as server:
        before = server.pids()
        with holding(server, 400, ""):
            body = body_of("authenticate", "nobody", "nothing")
            told = server.call("authenticate", body, seconds=2)
            assert told == "HTTP 0"
        assert honest_waits(server) < 60
        assert server.pids() == before
    assert re.search("out of system resource", (tmp_path / "log").read_text())
