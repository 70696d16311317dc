"""Hostile inputs against a real server: the protocol's "no", and bounded memory."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.serving.crowd import MOST_OPEN
from tests.hostile.house import HOST, Cost, House, house
from tests.hostile.inputs import AS_JSON, IN_ANSWER, IN_ENVELOPE, envelope, escaped
from tests.web_connector.desk import body_of

MOST_MB = 160
"""More than is meant, so that a busy machine fails no test; a tree takes 500."""
NOBODY = "1-" + "0" * 40
HEAD = (
    b"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nSOAPAction: "
    b'"' + INTUIT.encode() + b'receiveResponseXML"\r\n'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A real server that all inputs of this module are sent to."""
    folder: Path = tmp_path_factory.mktemp("house")
    with house(folder) as made:
        yield made


def _answered(server: House, body: bytes) -> Cost:
    return server.cost(lambda: server.call("receiveResponseXML", body))


@pytest.mark.parametrize("name", IN_ENVELOPE)
def test_a_hostile_envelope_gets_the_no_with_and_without_a_ticket(
    server: House, name: str
) -> None:
    """Whoever has no live ticket costs next to nothing."""
    make = IN_ENVELOPE[name]
    stranger = make(NOBODY)
    before = server.memory()
    assert server.call("receiveResponseXML", stranger) == "-1"
    assert server.memory() < before + 20
    cost = _answered(server, make(server.asked()))
    assert cost.answered == "-1"
    assert cost.megabytes < MOST_MB


@pytest.mark.parametrize("name", IN_ANSWER)
def test_a_hostile_answer_of_quickbooks_stays_bounded(server: House, name: str) -> None:
    """Refused, or read where it is only odd."""
    cost = _answered(server, envelope(server.asked(), escaped(IN_ANSWER[name])))
    assert cost.answered.lstrip("-").isdigit()
    assert cost.megabytes < MOST_MB


@pytest.mark.parametrize("name", AS_JSON)
def test_a_hostile_callback_is_refused_or_kept(server: House, name: str) -> None:
    """With the right token; the server goes on in either case."""
    path = f"/webhook/{server.desk.company.webhook_token}"
    status, _ = server.send(path, AS_JSON[name])
    assert status in {200, 400, 413}
    assert server.memory() < server.rest + MOST_MB


def test_a_compressed_body_is_not_taken(server: House) -> None:
    """Nobody knows how long it is before it is unpacked."""
    body = gzip.compress(body_of("clientVersion", "1.0"))
    encoded = {"Content-Encoding": "gzip"}
    plain = body_of("clientVersion", "1.0")
    assert server.call("clientVersion", plain, encoded) == ""
    assert server.call("receiveResponseXML", body, encoded) == "-1"
    same = {"Content-Encoding": "identity"}
    assert server.call("clientVersion", plain, same) == "O:2.1"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /qb",
        HEAD + b"Content-Length: 500\r\n\r\n<a>",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        HEAD + b"Content-Length: 5000000\r\n\r\n" + b"x" * 70_000,
        HEAD + b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"",
    ],
    ids=["head", "body", "chunk", "long", "expect", "unclosed", "kept", "silent"],
)
def test_who_sends_slowly_stops_nobody(server: House, sent: bytes) -> None:
    """Twice as many as there are threads, and others are answered at once."""
    slow = [socket.create_connection((HOST, server.port)) for _ in range(16)]
    try:
        for wire in slow:
            wire.sendall(sent)
        began = time.monotonic()
        for _ in range(3):
            assert server.call("clientVersion", body_of("clientVersion", "2.3")) == ""
        assert time.monotonic() - began < 4
    finally:
        for wire in slow:
            wire.close()


def test_the_one_that_waits_longest_goes_when_too_many_wait(server: House) -> None:
    """More connections than are held; somebody new is answered all the same."""
    slow = []
    try:
        for _ in range(MOST_OPEN + 50):
            slow.append(socket.create_connection((HOST, server.port)))
            slow[-1].sendall(HEAD)
        assert server.call("clientVersion", body_of("clientVersion", "2.3")) == ""
        slow[0].settimeout(10)
        with suppress(ConnectionResetError):
            assert slow[0].recv(1) == b""
    finally:
        for wire in slow:
            wire.close()


def test_chunks_without_end_are_answered_after_64_kb(server: House) -> None:
    """Without a live ticket nothing more is read."""
    with closing(socket.create_connection((HOST, server.port))) as wire:
        wire.settimeout(10)
        wire.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            wire.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        answer = wire.recv(65_536)
    assert b" 200 " in answer.split(b"\r\n")[0]


def test_a_connection_goes_on_after_a_request_that_came_in_pieces(
    server: House,
) -> None:
    """Head and body byte by byte, and another request behind it."""
    body = body_of("clientVersion", "1.0")
    head = HEAD.replace(b"receiveResponseXML", b"clientVersion")
    head += b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    with closing(HTTPConnection(HOST, server.port, timeout=10)) as connection:
        connection.connect()
        for place in range(0, len(head + body), 7):
            connection.sock.sendall((head + body)[place : place + 7])
        answer = b""
        while b"</soap" not in answer and b":Envelope>" not in answer:
            answer += connection.sock.recv(65_536)
        assert b"O:2.1" in answer
        connection.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.sock.recv(65_536).startswith(b"HTTP/1.1 200")


def test_requests_that_came_together_are_all_answered(server: House) -> None:
    """Nothing more comes after them by which one would be looked for."""
    with closing(socket.create_connection((HOST, server.port))) as wire:
        wire.settimeout(10)
        wire.sendall(3 * b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while answer.count(b"HTTP/1.1 200") < 3:
            answer += wire.recv(65_536)


def test_no_text_of_the_program_is_told_to_anybody(server: House) -> None:
    """Neither a version nor a trace, whatever HTTP is sent."""
    for sent in (
        b"\0\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
    ):
        with closing(socket.create_connection((HOST, server.port))) as wire:
            wire.settimeout(10)
            wire.sendall(sent)
            answer = wire.recv(65_536).lower()
        assert b"traceback" not in answer
        assert b"python" not in answer


@pytest.mark.parametrize(
    ("megabytes", "status", "said"),
    [
        (5, 200, b"1 thing went wrong by this log"),
        (6, 413, b"more than 5 MB"),
        (40, 413, b"more than"),
    ],
)
def test_a_log_of_five_megabytes_comes_through_and_a_larger_one_is_refused(
    server: House, megabytes: int, status: int, said: bytes
) -> None:
    """The only large thing that a page takes; it is read in memory and forgotten."""
    line = b"20260302.14:00:00 UTC\t: nothing of note happened here at all\r\n"
    bad = b"20260302.14:00:00 UTC\t: QBWC1040: Invalid password\r\n"
    room = megabytes * 1024 * 1024 - len(bad)
    log = line * (room // len(line)) + bad
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="log"; '
        b'filename="QWCLog.txt"\r\nContent-Type: text/plain\r\n\r\n'
    )
    path = f"/setup/{server.desk.company.setup_token}/runs"
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    got, answer = server.send(path, head + log + b"\r\n--edge--\r\n", kind)
    assert got == status
    assert said in answer
    assert server.memory() < server.rest + MOST_MB
