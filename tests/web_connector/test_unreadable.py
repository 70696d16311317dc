"""No secret is in what is kept and told of a body that nobody can read."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pytest
import structlog

from qbwc_server.web_connector import unreadable
from tests.web_connector.desk import Desk, dump, post

PASSWORD = "dpng72n6fb2wylavrfkwkdb23r4px3yk"


def _plain(text: str) -> str:
    return text


def _references(text: str) -> str:
    return "".join(f"&#{ord(one)};" for one in text)


def _hexadecimal(text: str) -> str:
    return "".join(f"&#X{ord(one):04x};" for one in text)


def _twice(text: str) -> str:
    return _references(text).replace("&", "&amp;amp;")


WRITTEN = pytest.mark.parametrize(
    "written", [_plain, _references, _hexadecimal, _twice, str.upper]
)
ENCODED = pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)


def _around(secret: str, name: str) -> list[str]:
    """Return how a secret may stand in a body."""
    inside = f"<{name}>{secret}</{name}>"
    return [
        inside,
        escape(inside),
        escape(escape(inside)),
        f"<q:{name} a='b'>  {secret}\r\n</q:{name}>",
        f"<{name}><![CDATA[{secret}]]></{name}>",
        f"<!-- {secret} -->",
        f'<a b="{secret}"/>',
        f"<{name}>{secret}",
        secret,
    ]


@WRITTEN
@ENCODED
def test_no_ticket_and_no_password_is_in_what_is_kept(
    written: Callable[[str], str], encoding: str
) -> None:
    """However it is encoded, escaped, and whatever stands around it."""
    ticket = "7-" + "0f1e2d3c4b5a" * 3 + "9876"
    for secret, name in ((ticket, "ticket"), (ticket, "wcTicket")):
        for text in _around(written(secret), name):
            _check(text, secret, encoding)
    if written is not str.upper:  # of a password that opens nothing
        for text in _around(written(PASSWORD), "strPassword"):
            _check(text, PASSWORD, encoding)


def _check(text: str, secret: str, encoding: str) -> None:
    body = f"<x>bad & <response>the rest</response>{text} and more".encode(encoding)
    for shown in (unreadable.kept(body, 65_536), unreadable.kept(body, 60)):
        _shows_nothing(shown, secret)
    _shows_nothing(unreadable.start(text.encode(encoding)), secret)
    assert "the rest" in unreadable.kept(body, 65_536)


def _shows_nothing(shown: str, secret: str) -> None:
    for place in range(len(secret) - 5):
        piece = secret[place : place + 6]
        for one in (piece, _references(piece), _hexadecimal(piece), _twice(piece)):
            assert one.lower() not in shown.lower()


def test_what_is_no_secret_stays() -> None:
    """The control: it is what support looks at."""
    text = "<QBXML><TxnID>4E-1194466581</TxnID> 2026-03-02, 80000001-1234567890 &bad;"
    assert unreadable.kept(text.encode(), 65_536) == text


@ENCODED
def test_the_live_ticket_of_a_broken_answer_is_in_no_table_and_no_line(
    desk: Desk, encoding: str
) -> None:
    """It stood there for 30 days, and in every backup."""
    ticket = desk.ticket()
    assert desk.first(ticket)
    text = f"<x><ticket>{ticket}</ticket><response>&bad {escape(ticket)}</response></x>"
    with structlog.testing.capture_logs() as lines:
        post(desk.url, text.encode(encoding), "receiveResponseXML")
        post(desk.url, text.encode(encoding), "closeConnection")
    exchange = desk.exchange()
    assert exchange.reason
    assert unreadable.TAKEN_OUT in exchange.answer
    assert any(one["event"] == "body not readable" for one in lines)
    secret = ticket.partition("-")[2]
    assert secret not in str(dump(desk.engine))
    assert secret not in str(lines).replace("\\x00", "").replace("\\", "")
