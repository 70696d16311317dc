"""What strangers ask fills no disk: a line a minute and kind, and no trace."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from tests.hostile.house import HOST, House, house
from tests.web_connector.desk import body_of

TIMES = 300
_FOREIGN = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A real server that all requests of this module are sent to."""
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def _log(server: House) -> Path:
    return server.desk.settings.data_dir / "log"


def _lines(server: House, after: int) -> list[dict[str, Any]]:
    text = _log(server).read_bytes()[after:].decode()
    return [json.loads(line) for line in text.splitlines()]


def _chunk(server: House) -> None:
    """A chunk whose length is none."""
    head = f"POST /qbwc HTTP/1.1\r\nHost: localhost\r\nSOAPAction: {INTUIT}authenticate"
    with closing(socket.create_connection((HOST, server.port), timeout=10)) as wire:
        wire.sendall(head.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.sendall(b"0x5\r\nhello\r\n0\r\n\r\n")
        wire.recv(65_536)


def test_a_flood_of_bad_requests_is_a_few_lines(server: House) -> None:
    """It was 100 GB a day over one connection."""
    before = _log(server).stat().st_size
    login = body_of("authenticate", "nobody", "wrong")
    for number in range(TIMES):
        server.call("authenticate", b"\x01" * 80)
        server.call("receiveResponseXML", b"<a/>")
        server.call("clientVersion", body_of("clientVersion", f"x{number}"))
        server.call("closeConnection", body_of("closeConnection", "ticket of nobody"))
        server.call(
            "closeConnection", body_of("closeConnection", f"{number}-{'0' * 40}")
        )
        server.send("/setup/x/password", b"", _FOREIGN)
        if number < 30:
            server.call("authenticate", login)
            _chunk(server)
    lines = _lines(server, before)
    kinds = Counter(one["event"] for one in lines)
    assert {"body not readable", "call refused", "login refused"} <= kinds.keys()
    # Twice each, where a minute ended meanwhile.
    assert len(lines) <= 2 * 12, kinds
    assert _log(server).stat().st_size - before < 20_000
    assert not [one for one in lines if "exception" in one]


def test_the_first_of_a_kind_is_said_at_once(server: House) -> None:
    """The control: with what an operator needs to know of it."""
    server.call("getLastError", b"<no/>")
    said = [one for one in _lines(server, 0) if one.get("call") == "getLastError"]
    assert said[0]["event"] == "body not readable"
    assert said[0]["times"] == 1
    assert said[0]["peer"]
