"""How much of a call is read: of a stranger next to nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest

from qbwc_server.serving.served import OF_ANYBODY
from qbwc_server.web_connector.request_body import (
    OF_FIRST_CALL,
    Unreadable,
    read,
)
from tests.web_connector.desk import body_of

MOST = 3_000_000
TICKET = "7-" + "a" * 40


class Wire(io.BytesIO):
    """A body of which is known how much was read."""

    @property
    def was_read(self) -> int:
        """Bytes that were read of it."""
        return self.tell()


def _environ(wire: Wire, **more: Any) -> dict[str, Any]:
    length = str(len(wire.getvalue()))
    return {"wsgi.input": wire, "CONTENT_LENGTH": length, **more}


@pytest.mark.parametrize(
    ("method", "size", "alive", "taken"),
    [
        ("receiveResponseXML", 2_000_000, True, True),
        ("receiveResponseXML", 2_000_000, False, False),
        ("receiveResponseXML", 50_000, False, True),
        ("sendRequestXML", 900_000, True, True),
        ("sendRequestXML", 900_000, False, False),
        ("connectionError", 100_000, True, False),
        ("closeConnection", 100_000, True, False),
        ("", 100_000, True, False),
    ],
)
def test_more_than_64_kb_is_read_only_with_a_live_ticket(
    method: str, size: int, *, alive: bool, taken: bool
) -> None:
    """And only of the two methods that bring what QuickBooks says."""
    wire = Wire(body_of("receiveResponseXML", TICKET, "x" * size))
    asked: list[str] = []

    def ask(ticket: str) -> bool:
        asked.append(ticket)
        return alive

    if taken:
        body = read(_environ(wire), method, alive=ask, most=MOST)
        assert body == wire.getvalue()
    else:
        with pytest.raises(Unreadable):
            read(_environ(wire), method, alive=ask, most=MOST)
        assert wire.was_read == OF_ANYBODY + 1
    assert set(asked) <= {TICKET}


def test_the_ticket_is_not_looked_for_behind_the_first_64_kb() -> None:
    """Web Connector writes it first."""
    wire = Wire(body_of("receiveResponseXML", " " * 70_000 + TICKET, "x" * 70_000))
    with pytest.raises(Unreadable):
        read(_environ(wire), "receiveResponseXML", alive=lambda _: True, most=MOST)


@pytest.mark.parametrize(
    ("method", "most"),
    [("receiveResponseXML", MOST), ("sendRequestXML", OF_FIRST_CALL)],
)
def test_with_a_live_ticket_there_is_a_limit_too(method: str, most: int) -> None:
    """What is over it is read away, so that the answer can arrive."""
    wire = Wire(body_of("receiveResponseXML", TICKET, "x" * (most + 1)))
    with pytest.raises(Unreadable, match=f"larger than {most} bytes") as refused:
        read(_environ(wire), method, alive=lambda _: True, most=MOST)
    assert len(refused.value.body) == most + 1
    assert wire.was_read == len(wire.getvalue())


def test_a_length_that_is_no_number_is_none() -> None:
    """Nothing is read of a body that does not say where it ends."""
    for length in ("-5", "5 000", "9" * 30, "٣"):
        wire = Wire(b"<a/>")
        environ = _environ(wire, CONTENT_LENGTH=length)
        assert read(environ, "", alive=lambda _: False, most=MOST) == b""
